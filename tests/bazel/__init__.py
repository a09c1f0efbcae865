"""A Bazel to test with: finds one on this machine, or makes one from Debian's packages."""
