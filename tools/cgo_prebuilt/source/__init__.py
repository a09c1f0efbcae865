"""Building a library from its source."""
