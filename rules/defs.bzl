"""The rules for BUILD files."""

load("//rules/private:source_library.bzl", _source_library = "source_library")

source_library = _source_library
