"""Tests of what a spoke decides."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:archive_repository.bzl", "build_file_values")

def _archive_repository_test_impl(ctx):
    env = unittest.begin(ctx)
    values = build_file_values("answer", "v1", "linux_amd64", {
        "archives": [
            {"files": [{"path": "lib/libb.a"}, {"path": "include/a.h"}]},
            {"files": [{"path": "lib/liba.a"}]},
        ],
        "static_library": ["lib/libb.a", "lib/liba.a"],
        "linkopts": ["-lm"],
        "alwayslink": ["lib/liba.a"],
    }, ["@@//:dep"])
    asserts.equals(env, '["include/a.h","lib/liba.a","lib/libb.a"]', values["{files}"])
    asserts.equals(env, '["lib/libb.a","lib/liba.a"]', values["{static_libraries}"], "link order is kept")
    asserts.equals(env, '["lib/liba.a"]', values["{alwayslink}"])
    asserts.equals(env, "[]", values["{circular}"])
    asserts.equals(env, "[]", values["{defines}"])
    asserts.equals(env, '["@@//:dep"]', values["{deps}"])
    return unittest.end(env)

_archive_repository_test = unittest.make(_archive_repository_test_impl)

def archive_repository_test_suite(name):
    unittest.suite(name, _archive_repository_test)
