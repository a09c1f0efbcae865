"""Releases, their own statements, and the locks made from them."""
