"""Fetch, verify, publish and link prebuilt native libraries for cgo."""

__version__ = "0.1.0"
