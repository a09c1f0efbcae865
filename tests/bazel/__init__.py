"""Provide a Bazel for the tests: find one on this machine, or install Debian's packages."""
