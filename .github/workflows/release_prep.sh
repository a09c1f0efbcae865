#!/usr/bin/env bash
# What release_ruleset.yaml runs, by this path: the files of the release go into dist/, its notes to stdout.
set -eu
bazel build //docs/reference:all >&2
exec python3 -m release build "$1" --docs bazel-bin/docs/reference
