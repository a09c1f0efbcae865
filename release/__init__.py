"""Build the files of a release from a tagged commit, with the same bytes on every machine."""
