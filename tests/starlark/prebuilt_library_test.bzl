"""Analysis tests of `prebuilt_library`: what reaches those who read CcInfo."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

# buildifier: disable=bzl-visibility
load("//rules/private:prebuilt_library.bzl", "prebuilt_library")

def _cc_info_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[CcInfo]
    inputs = info.linking_context.linker_inputs.to_list()
    asserts.equals(env, ["subject", "dep"], [i.owner.name.rpartition("_")[2] for i in inputs])
    asserts.equals(
        env,
        ["libz.a", "liba.a"],
        [library.static_library.basename for library in inputs[0].libraries],
        "link order is the manifest's",
    )
    asserts.equals(env, ["-lm", "-Wl,-framework,Security"], inputs[0].user_link_flags)
    compilation = info.compilation_context
    asserts.equals(env, ["ANSWER=42"], compilation.defines.to_list())
    asserts.equals(env, ["answer.h"], [header.basename for header in compilation.headers.to_list()])
    asserts.true(env, compilation.system_includes.to_list()[0].endswith("/include"))
    return analysistest.end(env)

_cc_info_test = analysistest.make(_cc_info_test_impl)

def _whole_archive_test_impl(ctx):
    env = analysistest.begin(ctx)
    linker_input = analysistest.target_under_test(env)[CcInfo].linking_context.linker_inputs.to_list()[0]
    asserts.equals(
        env,
        ["lib{}.whole.a".format(linker_input.owner.name), "liba.a"],
        [library.static_library.basename for library in linker_input.libraries],
    )
    asserts.true(env, linker_input.user_link_flags[0].startswith("-Wl,-u,cgo_prebuilt_whole_"))
    return analysistest.end(env)

_whole_archive_test = analysistest.make(_whole_archive_test_impl)

def prebuilt_library_test_suite(name):
    """Declares the tests.

    Args:
        name: of the suite.
    """
    prebuilt_library(
        name = name + "_subject",
        defines = ["ANSWER=42"],
        headers = ["include/answer.h"],
        include_dirs = ["include"],
        deps = [":{}_dep".format(name)],
        linkopts = ["-lm", "-framework Security"],
        static_libraries = ["libz.a", "liba.a"],
        tags = ["manual"],
    )
    _cc_info_test(
        name = name + "_cc_info",
        target_under_test = ":{}_subject".format(name),
    )
    prebuilt_library(
        name = name + "_dep",
        static_libraries = ["liba.a"],
        tags = ["manual"],
    )
    prebuilt_library(
        name = name + "_whole",
        alwayslink = ["libz.a"],
        linkopts = ["-lm"],
        static_libraries = ["liba.a", "libz.a"],
        tags = ["manual"],
        target_compatible_with = ["@platforms//os:linux"],
    )
    _whole_archive_test(
        name = name + "_whole_archive",
        target_under_test = ":{}_whole".format(name),
    )
    native.test_suite(
        name = name,
        tests = [
            ":{}_cc_info".format(name),
            ":{}_whole_archive".format(name),
        ],
    )
