"""The lock: read, written, checked and compared."""
