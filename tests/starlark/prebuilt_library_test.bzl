"""Analysis tests of `prebuilt_library`: what reaches those who read CcInfo."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

# buildifier: disable=bzl-visibility
load("//rules/private:prebuilt_library.bzl", "prebuilt_library")

def _cc_info_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[CcInfo]
    inputs = info.linking_context.linker_inputs.to_list()
    asserts.equals(env, 1, len(inputs))
    asserts.equals(
        env,
        ["libz.a", "liba.a"],
        [library.static_library.basename for library in inputs[0].libraries],
        "link order is the manifest's",
    )
    asserts.true(env, inputs[0].libraries[0].alwayslink)
    asserts.equals(env, ["-lm", "-Wl,-framework,Security"], inputs[0].user_link_flags)
    compilation = info.compilation_context
    asserts.equals(env, ["ANSWER=42"], compilation.defines.to_list())
    asserts.equals(env, ["answer.h"], [header.basename for header in compilation.headers.to_list()])
    asserts.true(env, compilation.system_includes.to_list()[0].endswith("/include"))
    return analysistest.end(env)

_cc_info_test = analysistest.make(_cc_info_test_impl)

def prebuilt_library_test_suite(name):
    """Declares the tests.

    Args:
        name: of the suite.
    """
    prebuilt_library(
        name = name + "_subject",
        alwayslink = True,
        defines = ["ANSWER=42"],
        headers = ["include/answer.h"],
        include_dirs = ["include"],
        linkopts = ["-lm", "-framework Security"],
        static_libraries = ["libz.a", "liba.a"],
        tags = ["manual"],
    )
    _cc_info_test(
        name = name + "_cc_info",
        target_under_test = ":{}_subject".format(name),
    )
    native.test_suite(
        name = name,
        tests = [":{}_cc_info".format(name)],
    )
