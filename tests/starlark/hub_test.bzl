"""Tests of the hub's select()."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:hub.bzl", "platform_branches", "spoke_name")

def _hub_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "answer__linux_amd64", spoke_name("answer", "linux_amd64"))
    branches = platform_branches("answer", ["linux_arm64", "linux_amd64"], "answer", ":unsupported_platform")
    asserts.equals(
        env,
        ["@answer__linux_amd64//:answer", "@answer__linux_arm64//:answer", ":unsupported_platform"],
        branches.values(),
    )
    asserts.true(env, branches.keys()[0].endswith("//rules/platforms:linux_amd64"))
    asserts.equals(env, "//conditions:default", branches.keys()[-1])
    return unittest.end(env)

_hub_test = unittest.make(_hub_test_impl)

def hub_test_suite(name):
    unittest.suite(name, _hub_test)
