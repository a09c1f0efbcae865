"""Tests of what a spoke decides, and of what its BUILD file says."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:archive_repository.bzl", "files_of", "withdrawn_warning")

# buildifier: disable=bzl-visibility
load("//rules/private:build_file.bzl", "is_bazel_file", "library_values", "locked_hashes")

def _files_test_impl(ctx):
    env = unittest.begin(ctx)
    files = files_of({
        "archives": [
            {"files": [{"path": "lib/libb.a"}, {"path": "lib/BUILD"}, {"path": "include/a.h"}]},
            {"files": [{"path": "lib/liba.a"}, {"path": "REPO.bazel"}]},
        ],
    })
    asserts.equals(env, ["include/a.h", "lib/liba.a", "lib/libb.a"], files.kept)
    asserts.equals(env, ["REPO.bazel", "lib/BUILD"], files.dropped)
    for name in (".bazelignore", "BUILD", "BUILD.bazel", "MODULE.bazel", "REPO.bazel", "WORKSPACE", "a/WORKSPACE.bazel"):
        asserts.true(env, is_bazel_file(name), name)
    for name in ("BUILD.md", "BUILD/a.h", "build", "bazel.h"):
        asserts.false(env, is_bazel_file(name), name)
    return unittest.end(env)

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    values = library_values("answer", {
        "alwayslink": ["lib/liba.a"],
        "headers": ["include/BUILD", "include/a.h"],
        "linkopts": ["-lm"],
        "runtime_files": ["data/BUILD", "data/words.txt"],
        "static_library": ["lib/libb.a", "lib/liba.a"],
    }, ["@@//:dep"])
    asserts.equals(env, "answer", values["{library}"])
    asserts.equals(env, '["lib/libb.a","lib/liba.a"]', values["{static_library}"], "link order is kept")
    asserts.equals(env, '["lib/liba.a"]', values["{alwayslink}"])
    asserts.equals(env, '["include/a.h"]', values["{headers}"])
    asserts.equals(env, '["data/words.txt"]', values["{runtime_files}"])
    asserts.equals(env, "[]", values["{circular}"])
    asserts.equals(env, "[]", values["{defines}"])
    asserts.equals(env, '["@@//:dep"]', values["{deps}"])
    return unittest.end(env)

def _hashes_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, {"data/words.txt": "3", "include/a.h": "2", "lib/liba.a": "1"}, locked_hashes({
        "archives": [
            {"files": [{"path": "lib/liba.a", "sha256": "1"}, {"path": "LICENSE", "sha256": "0"}, {"path": "data/words.txt", "sha256": "3"}]},
            {"files": [{"path": "include/a.h", "sha256": "2"}, {"path": "include/BUILD", "sha256": "0"}]},
        ],
        "alwayslink": ["lib/liba.a"],
        "headers": ["include/a.h", "include/BUILD"],
        "runtime_files": ["data/words.txt"],
        "static_library": ["lib/liba.a"],
    }))
    return unittest.end(env)

def _withdrawn_test_impl(ctx):
    env = unittest.begin(ctx)
    warning = withdrawn_warning("answer", "v2", "it crashes")
    asserts.true(env, warning.startswith("WARNING: answer v2 is withdrawn: it crashes\n  next: choose another version"), warning)
    return unittest.end(env)

_files_test = unittest.make(_files_test_impl)
_hashes_test = unittest.make(_hashes_test_impl)
_values_test = unittest.make(_values_test_impl)
_withdrawn_test = unittest.make(_withdrawn_test_impl)

def archive_repository_test_suite(name):
    unittest.suite(name, _files_test, _hashes_test, _values_test, _withdrawn_test)
