"""The rules for BUILD files."""

load("//rules/private:source_library.bzl", _source_library = "source_library")
load("//rules/private:source_plan.bzl", _build_step = "build_step")

build_step = _build_step
source_library = _source_library
