"""Tests of how archives that need more than an order are linked."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:archive_flags.bzl", "APPLE", "GNU", "MSVC", "group_flags", "marker_of", "stem", "twins", "whole_archive_arguments")

def _group_test_impl(ctx):
    env = unittest.begin(ctx)
    archives = ["a.a", "b.a", "c.a"]
    ordinary = struct(listed = archives, flags = [], used = [])
    asserts.equals(env, ordinary, group_flags(GNU, archives, [], ["z.a"]))
    asserts.equals(env, ordinary, group_flags(APPLE, archives, ["a.a", "b.a"], ["z.a"]))
    asserts.equals(env, ordinary, group_flags(MSVC, archives, ["a.a", "b.a"], ["z.a"]))
    circular = group_flags(GNU, archives, ["a.a", "b.a"], ["z.a"])
    asserts.equals(env, ["-Wl,--start-group,a.a,b.a,c.a,z.a,--end-group"], circular.flags)
    asserts.equals(env, [], circular.listed, "each archive is linked once")
    asserts.equals(env, archives + ["z.a"], circular.used)
    return unittest.end(env)

def _whole_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        ["-Wl,--whole-archive", "a.a", "b.a", "-Wl,--no-whole-archive"],
        whole_archive_arguments(GNU, ["a.a", "b.a"]),
    )
    asserts.equals(env, ["-Wl,-force_load,a.a"], whole_archive_arguments(APPLE, ["a.a"]))
    asserts.equals(env, ["/WHOLEARCHIVE:a.lib"], whole_archive_arguments(MSVC, ["a.lib"]))
    asserts.equals(env, "cgo_prebuilt_whole___lib___x_1", marker_of("@@lib//:x.1"))
    return unittest.end(env)

def _twins_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ("lib/libx.a", "libx.so", "libx.so.1.2", "libx.1.dylib", "x.dll", "x.lib"):
        asserts.equals(env, "x", stem(name))
    asserts.equals(env, {"lib/libx.a": "lib/libx.so.1"}, twins(["lib/libx.a", "lib/liby.a"], ["lib/libx.so.1", "lib/libz.so"]))
    return unittest.end(env)

_group_test = unittest.make(_group_test_impl)
_twins_test = unittest.make(_twins_test_impl)
_whole_test = unittest.make(_whole_test_impl)

def archive_flags_test_suite(name):
    unittest.suite(name, _group_test, _twins_test, _whole_test)
