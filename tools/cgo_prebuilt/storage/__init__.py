"""The store, and its trees in output folders."""
