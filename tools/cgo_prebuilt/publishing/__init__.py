"""Publish built libraries as a release."""
