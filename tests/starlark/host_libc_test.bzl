"""Tests of how a machine's C library is told."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:host_libc.bzl", "libc_of")

def _host_libc_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "musl", libc_of("linux", ["apk", "ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1"]))
    asserts.equals(env, "glibc", libc_of("linux", ["x86_64-linux-gnu"]))
    asserts.equals(
        env,
        "glibc",
        libc_of("linux", ["ld-linux-aarch64.so.1", "ld-musl-aarch64.so.1"]),
        "musl may be installed beside the system's own",
    )
    asserts.equals(env, "glibc", libc_of("linux", ["x86_64-linux-gnu", "ld-musl-x86_64.so.1"]))
    asserts.equals(env, "glibc", libc_of("mac os x", []))
    return unittest.end(env)

_host_libc_test = unittest.make(_host_libc_test_impl)

def host_libc_test_suite(name):
    unittest.suite(name, _host_libc_test)
