"""Tests of the table of platforms."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:platforms.bzl", "PLATFORMS", "constraints_of")

def _platforms_test_impl(ctx):
    env = unittest.begin(ctx)
    musl = constraints_of("linux_amd64_musl")
    asserts.equals(env, "@platforms//os:linux", musl.os)
    asserts.equals(env, "@platforms//cpu:x86_64", musl.cpu)
    asserts.equals(env, "musl", musl.libc)
    asserts.equals(env, "glibc", constraints_of("linux_arm64").libc)
    asserts.equals(env, None, constraints_of("windows_amd64").libc)
    asserts.equals(env, "@platforms//os:macos", constraints_of("darwin_arm64").os)
    for platform in PLATFORMS:
        constraints_of(platform)
    return unittest.end(env)

_platforms_test = unittest.make(_platforms_test_impl)

def platforms_test_suite(name):
    unittest.suite(name, _platforms_test)
