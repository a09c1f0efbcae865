"""A release of this project: what is made of a tagged commit, the same bytes on every machine."""
