"""Writes docs/reference from the program itself: `make docs`. No part of what users install."""
