"""Analysis tests of `prebuilt_library`: what reaches those who read CcInfo."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

# buildifier: disable=bzl-visibility
load("//rules/private:prebuilt_library.bzl", "prebuilt_library")

# buildifier: disable=bzl-visibility
load("//rules/private:verified_files.bzl", "repair_command")

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
    verified = [input.owner.name + ".verified.h" for input in inputs]
    asserts.equals(env, ["answer.h"] + verified, [header.basename for header in compilation.headers.to_list()])
    asserts.true(env, compilation.system_includes.to_list()[0].endswith("/include"))
    asserts.equals(env, verified, [file.basename for input in inputs for file in input.additional_inputs])
    return analysistest.end(env)

_cc_info_test = analysistest.make(_cc_info_test_impl)

def _verification_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    (action,) = [a for a in analysistest.target_actions(env) if a.mnemonic == "VerifyPrebuilt"]
    inputs = [file.basename for file in action.inputs.to_list()]
    for name in ("answer.h", "liba.a", "libz.a"):
        asserts.true(env, name in inputs, name)
    asserts.true(env, action.outputs.to_list()[0] in target[OutputGroupInfo]._validation.to_list())
    asserts.equals(env, [
        action.outputs.to_list()[0].path,
        "subject v1 for linux_amd64",
        repair_command(target.label.repo_name),
        _HASHES["libz.a"],
        "tests/starlark/libz.a",
        _HASHES["liba.a"],
        "tests/starlark/liba.a",
        _HASHES["include/answer.h"],
        "tests/starlark/include/answer.h",
    ], action.argv[1:])
    return analysistest.end(env)

_verification_test = analysistest.make(_verification_test_impl)

def _unknown_file_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "has no SHA-256 of liba.a")
    return analysistest.end(env)

_unknown_file_test = analysistest.make(_unknown_file_test_impl, expect_failure = True)

# Of no file: nothing is built here.
_HASHES = {
    "include/answer.h": "a" * 64,
    "liba.a": "b" * 64,
    "libz.a": "c" * 64,
}

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
        release = "subject v1 for linux_amd64",
        sha256 = _HASHES,
        static_libraries = ["libz.a", "liba.a"],
        tags = ["manual"],
    )
    _cc_info_test(
        name = name + "_cc_info",
        target_under_test = ":{}_subject".format(name),
    )
    _verification_test(
        name = name + "_verification",
        target_under_test = ":{}_subject".format(name),
    )
    prebuilt_library(
        name = name + "_unlocked",
        static_libraries = ["liba.a"],
        tags = ["manual"],
    )
    _unknown_file_test(
        name = name + "_unknown_file",
        target_under_test = ":{}_unlocked".format(name),
    )
    prebuilt_library(
        name = name + "_dep",
        sha256 = _HASHES,
        static_libraries = ["liba.a"],
        tags = ["manual"],
    )
    prebuilt_library(
        name = name + "_whole",
        alwayslink = ["libz.a"],
        linkopts = ["-lm"],
        sha256 = _HASHES,
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
            ":{}_unknown_file".format(name),
            ":{}_verification".format(name),
            ":{}_whole_archive".format(name),
        ],
    )
