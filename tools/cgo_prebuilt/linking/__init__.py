"""A fetched library as compilers and linkers take it."""
