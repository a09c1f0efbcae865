"""The lock: its types, and how it is read, checked and written."""
