"""Pass a fetched library to compilers and linkers."""
