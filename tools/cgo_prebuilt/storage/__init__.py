"""The store of verified trees, and its copies in output folders."""
