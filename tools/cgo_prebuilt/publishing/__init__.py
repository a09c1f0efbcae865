"""From built libraries to a release that others can fetch."""
