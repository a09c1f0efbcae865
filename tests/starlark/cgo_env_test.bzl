"""Tests of where `cgo_env` looks for headers."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:cgo_env.bzl", "runfile_of")

def _runfile_of_test_impl(ctx):
    env = unittest.begin(ctx)
    for path, expected in {
        ".": "_main",
        "bazel-out/k8/bin": "_main",
        "bazel-out/k8/bin/external/repo/include": "repo/include",
        "bazel-out/k8/bin/include": "_main/include",
        "external/repo": "repo",
        "external/repo/include": "repo/include",
        "include": "_main/include",
    }.items():
        asserts.equals(env, expected, runfile_of(path, "bazel-out/k8/bin", "_main"))
    return unittest.end(env)

_runfile_of_test = unittest.make(_runfile_of_test_impl)

def cgo_env_test_suite(name):
    unittest.suite(name, _runfile_of_test)
