"""Bytes over a network: from URLs to an archive whose hash is right."""
