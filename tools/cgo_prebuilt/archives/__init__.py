"""Bytes to members, and members to verified files."""
