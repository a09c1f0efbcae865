"""File operations that survive crashes, rival processes and Windows."""
