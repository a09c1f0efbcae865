"""Tests of how archives that need more than an order are linked."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:archive_flags.bzl", "APPLE", "GNU", "MSVC", "archive_flags", "stem", "twins")

def _flags_test_impl(ctx):
    env = unittest.begin(ctx)
    archives = ["a.a", "b.a", "c.a"]

    plain = archive_flags(GNU, archives, [], [], ["z.a"])
    asserts.equals(env, struct(listed = archives, flags = [], used = []), plain)

    circular = archive_flags(GNU, archives, [], ["a.a", "b.a"], ["z.a"])
    asserts.equals(env, ["-Wl,--start-group,a.a,b.a,c.a,z.a,--end-group"], circular.flags)
    asserts.equals(env, [], circular.listed, "each archive is linked once")
    asserts.equals(env, archives + ["z.a"], circular.used)

    whole = archive_flags(GNU, archives, ["b.a"], [], [])
    asserts.equals(
        env,
        ["-Wl,--whole-archive,b.a,--no-whole-archive", "-Wl,--start-group,a.a,c.a,--end-group"],
        whole.flags,
        "what the whole archive needs comes after it",
    )
    asserts.equals(env, ["-Wl,--whole-archive,b.a,--no-whole-archive"], archive_flags(GNU, ["b.a"], ["b.a"], [], []).flags)

    apple = archive_flags(APPLE, archives, ["b.a"], ["a.a", "c.a"], ["z.a"])
    asserts.equals(env, struct(listed = ["a.a", "c.a"], flags = ["-Wl,-force_load,b.a"], used = ["b.a"]), apple)
    asserts.equals(env, ["/WHOLEARCHIVE:b.a"], archive_flags(MSVC, archives, ["b.a"], [], []).flags)
    return unittest.end(env)

def _twins_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ("lib/libx.a", "libx.so", "libx.so.1.2", "libx.1.dylib", "x.dll", "x.lib"):
        asserts.equals(env, "x", stem(name))
    asserts.equals(env, {"lib/libx.a": "lib/libx.so.1"}, twins(["lib/libx.a", "lib/liby.a"], ["lib/libx.so.1", "lib/libz.so"]))
    return unittest.end(env)

_flags_test = unittest.make(_flags_test_impl)
_twins_test = unittest.make(_twins_test_impl)

def archive_flags_test_suite(name):
    unittest.suite(name, _flags_test, _twins_test)
