"""A fetched library in the words of those who compile and link."""
