"""Tests of what the rules for source builds say where their attributes do not fit together."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:defs.bzl", "source_library")
load("//rules:toolchain.bzl", "source_build_toolchain")

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    for words in ctx.attr.words:
        asserts.expect_failure(env, words)
    return analysistest.end(env)

_refused_test = analysistest.make(
    _refused_test_impl,
    attrs = {"words": attr.string_list(doc = "What the error has to say.", mandatory = True)},
    expect_failure = True,
)

def _library(path = "", **attributes):
    return lambda name: source_library(
        name = name,
        srcs = ["liba.a"],
        args = ["true"],
        path = path,
        tags = ["manual"],
        tool = "command",
        **attributes
    )

def _toolchain(**attributes):
    return lambda name: source_build_toolchain(name = name, tags = ["manual"], **attributes)

# More than one file is no program.
_FILES = "misuse_test_files"

def _cases():
    return {
        "alwayslink": (
            _library(static_library = ["liba.a"], alwayslink = ["libb.a"]),
            ["'static_library' has no libb.a", "correct 'alwayslink' or 'circular'"],
        ),
        "nothing_built": (
            _library(),
            ["no library is named", "set 'static_library' or 'shared_library' to what the build writes"],
        ),
        "no_program": (
            _toolchain(make = ":" + _FILES),
            [":" + _FILES + " is not a program", "give the label of one to 'make'"],
        ),
        "outside": (
            _library(path = "elsewhere", static_library = ["x.a"]),
            ["liba.a is not in the folder \"tests/starlark/elsewhere\"", "correct 'path' or 'srcs'"],
        ),
        "two_tools": (
            _toolchain(make = "BUILD.bazel", make_path = "/usr/bin/make"),
            ["'make' and 'make_path' are both set", "remove one"],
        ),
    }

def misuse_test_suite(name):
    """Declares what cannot be built, and a test of each.

    Args:
        name: of the suite.
    """
    native.filegroup(name = _FILES, srcs = ["liba.a", "libz.a"])
    tests = []
    for case, (declare, words) in _cases().items():
        target = "{}_{}".format(name, case)
        declare(target)
        tests.append(target + "_test")
        _refused_test(name = target + "_test", target_under_test = target, words = words)
    native.test_suite(name = name, tests = tests)
