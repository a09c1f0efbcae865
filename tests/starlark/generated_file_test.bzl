"""Tests of how a template is filled."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:generated_file.bzl", "filled")

def _filled_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "a b c\n", filled("a {x} c\n", {"{x}": "b"}))
    asserts.equals(env, "{y} {} { } z", filled("{y} {} { } {x}", {"{x}": "z"}))
    asserts.equals(env, "no placeholder", filled("no placeholder", {"{x}": "b"}))
    asserts.equals(env, "", filled("{x}", {"{x}": ""}))

    # What a value holds is not filled.
    asserts.equals(env, "{y} {x}", filled("{x} {y}", {"{x}": "{y}", "{y}": "{x}"}))
    return unittest.end(env)

_filled_test = unittest.make(_filled_test_impl)

def generated_file_test_suite(name):
    unittest.suite(name, _filled_test)
