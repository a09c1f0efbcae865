"""Tests of the hub's select()."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:failing_library.bzl", "no_source_message", "unsupported_message")

# buildifier: disable=bzl-visibility
load("//rules/private:hub.bzl", "flavor_branches", "sanitizer_branches", "spoke_name")

# buildifier: disable=bzl-visibility
load("//rules/private:hub_targets.bzl", "choice_error", "of_flavor")

def _hub_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "answer__linux_amd64", spoke_name("answer", "linux_amd64", ""))
    asserts.equals(env, "answer__linux_amd64__cuda", spoke_name("answer", "linux_amd64", "cuda"))
    asserts.equals(env, ":unsupported_platform", of_flavor(":unsupported_platform", ""))
    branches = flavor_branches("answer", {"": ["linux_arm64", "linux_amd64"]}, "answer", {"": ":other"})[""]
    asserts.equals(env, ["@answer__linux_amd64//:answer", "@answer__linux_arm64//:answer", ":other"], branches.values())
    asserts.true(env, branches.keys()[0].endswith("//rules/platforms:linux_amd64"))
    asserts.equals(env, "//conditions:default", branches.keys()[-1])
    return unittest.end(env)

def _sanitizers_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, [":by_platform"], sanitizer_branches([""], "").values())
    asserts.equals(env, [":from_source"] * 3 + [":by_platform"], sanitizer_branches([""], "//:source").values())
    branches = sanitizer_branches(["release", "tsan"], "")
    asserts.equals(env, [":by_platform_of_tsan", ":by_platform"], branches.values())
    asserts.true(env, branches.keys()[0].endswith("//rules/features:tsan"))
    return unittest.end(env)

def _choice_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        "vec has no origin home\n  it has: auto, prebuilt, source\n  next: choose one of these with --@vec//:origin",
        choice_error("vec", "origin", "home", ["auto", "prebuilt", "source"]),
    )
    flavor = choice_error("vec", "flavor", "cuda", ["debug", "fast"])
    asserts.true(env, flavor.startswith("vec has no flavor cuda\n  it has: debug, fast\n"))
    asserts.true(env, "or add `cuda: {}` under 'flavors' in the library's prebuilt.yaml" in flavor)
    return unittest.end(env)

def _flavors_test_impl(ctx):
    env = unittest.begin(ctx)
    branches = flavor_branches(
        "answer",
        {"standard": ["linux_amd64", "linux_arm64"], "cuda": ["linux_amd64", "windows_amd64"]},
        "answer",
        {"standard": ":from_source", "cuda": ":unsupported_platform_of_cuda"},
    )
    asserts.equals(
        env,
        [
            "@answer__linux_amd64__standard//:answer",
            "@answer__linux_arm64__standard//:answer",
            ":unsupported_platform_of_standard",
            ":from_source",
        ],
        branches["standard"].values(),
    )
    asserts.equals(
        env,
        [
            "@answer__linux_amd64__cuda//:answer",
            "@answer__windows_amd64__cuda//:answer",
            ":unsupported_platform_of_cuda",
            ":unsupported_platform_of_cuda",
        ],
        branches["cuda"].values(),
    )
    return unittest.end(env)

def _unsupported_message_test_impl(ctx):
    env = unittest.begin(ctx)
    plain = unsupported_message("answer", "//:arm", "linux_arm64", "", {"": ["linux_amd64", "darwin_arm64"]}, "\n  or: x")
    asserts.equals(
        env,
        [
            "answer has no prebuilt for the platform //:arm, which is linux_arm64",
            "  it has: darwin_arm64, linux_amd64",
            "  next: build for one of these with --platforms, or add `linux_arm64: {}` under 'platforms' in the library's prebuilt.yaml," +
            " publish the archive and run `cgo-prebuilt lock`",
            "  or: x",
        ],
        plain.split("\n"),
    )
    unknown = unsupported_message("answer", "//:wasm", "", "", {"": []}, "")
    asserts.true(env, "platform //:wasm\n  it has: none\n" in unknown and "add `<GOOS>_<GOARCH>: {}`" in unknown, unknown)
    flavors = {"standard": ["linux_amd64", "linux_arm64"], "cuda": ["linux_amd64"]}
    flavored = unsupported_message("answer", "//:arm", "linux_arm64", "cuda", flavors, "")
    asserts.equals(
        env,
        [
            "answer has no prebuilt of the flavor cuda for the platform //:arm, which is linux_arm64",
            "  of this flavor it has: linux_amd64",
            "  for this platform it has the flavors: standard",
            "  next: build for one of these with --platforms, choose another flavor with --@answer//:flavor=standard," +
            " or add `linux_arm64: {}` under 'platforms' of the flavor in the library's prebuilt.yaml," +
            " publish the archive and run `cgo-prebuilt lock`",
        ],
        flavored.split("\n"),
    )
    return unittest.end(env)

def _no_source_message_test_impl(ctx):
    env = unittest.begin(ctx)
    flavors = {"standard": ["linux_amd64"], "cuda": ["linux_amd64", "darwin_arm64"]}
    lines = no_source_message("answer", "//:arm", "linux_arm64", flavors).split("\n")
    asserts.equals(env, "answer cannot be built from source: it has no source", lines[0])
    asserts.equals(env, "  for: the platform //:arm, which is linux_arm64", lines[1])
    asserts.equals(env, "  it has prebuilts for: darwin_arm64, linux_amd64", lines[2])
    asserts.true(env, "`source = \"//some:target\"`" in lines[3] and "--@answer//:origin=source" in lines[3], lines[3])
    return unittest.end(env)

_hub_test = unittest.make(_hub_test_impl)
_choice_test = unittest.make(_choice_test_impl)
_flavors_test = unittest.make(_flavors_test_impl)
_no_source_message_test = unittest.make(_no_source_message_test_impl)
_sanitizers_test = unittest.make(_sanitizers_test_impl)
_unsupported_message_test = unittest.make(_unsupported_message_test_impl)

def hub_test_suite(name):
    unittest.suite(name, _choice_test, _hub_test, _flavors_test, _no_source_message_test, _sanitizers_test, _unsupported_message_test)
