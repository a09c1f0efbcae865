"""Tests of how a machine's C library is told."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:host_libc.bzl", "libc_of")

# buildifier: disable=bzl-visibility
load("//rules/private:target_libc.bzl", "chosen_libc")

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

def _chosen_libc_test_impl(ctx):
    env = unittest.begin(ctx)
    detected = Label("@bazel_tools//tools:host_platform")
    other = Label("//:linux")
    asserts.equals(env, "musl", chosen_libc("auto", detected, has_musl = False, host_libc = "musl"))
    asserts.equals(env, "musl", chosen_libc("auto", Label("@platforms//host"), has_musl = False, host_libc = "musl"))
    asserts.equals(env, "glibc", chosen_libc("auto", detected, has_musl = False, host_libc = "glibc"))
    asserts.equals(env, "glibc", chosen_libc("auto", other, has_musl = False, host_libc = "musl"), "a cross build looks at no host")
    asserts.equals(env, "musl", chosen_libc("auto", other, has_musl = True, host_libc = "glibc"))
    asserts.equals(env, "glibc", chosen_libc("glibc", detected, has_musl = True, host_libc = "musl"), "the flag wins")
    asserts.equals(env, "musl", chosen_libc("musl", other, has_musl = False, host_libc = "glibc"))
    return unittest.end(env)

_chosen_libc_test = unittest.make(_chosen_libc_test_impl)
_host_libc_test = unittest.make(_host_libc_test_impl)

def host_libc_test_suite(name):
    unittest.suite(name, _chosen_libc_test, _host_libc_test)
