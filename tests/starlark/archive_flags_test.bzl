"""Tests of how archives that need more than an order are linked."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:archive_flags.bzl", "APPLE", "GNU", "MSVC", "circular_range", "marker_of", "relocatable_flags", "stem", "twins", "whole_archive_arguments")
load(":archive_cases.bzl", "ARCHIVES", "JOINED", "STEMS", "WHOLE")

# With the compilers that cgo takes.
_LINKERS = {
    "darwin": APPLE,
    "linux": GNU,
    "windows": GNU,
}

def _circular_test_impl(ctx):
    env = unittest.begin(ctx)
    for os, circular, joined in JOINED:
        first, end = circular_range(_LINKERS[os], ARCHIVES, circular)
        asserts.equals(env, joined, ARCHIVES[first:end])
    asserts.equals(env, (0, 0), circular_range(MSVC, ["a.lib", "b.lib"], ["a.lib", "b.lib"]))
    return unittest.end(env)

def _whole_test_impl(ctx):
    env = unittest.begin(ctx)
    for os, words in WHOLE.items():
        asserts.equals(env, words, whole_archive_arguments(_LINKERS[os], ["a.a", "b.a"]))
    asserts.equals(env, ["/WHOLEARCHIVE:a.lib"], whole_archive_arguments(MSVC, ["a.lib"]))
    asserts.equals(env, "cgo_prebuilt_whole___lib___x_1", marker_of("@@lib//:x.1"))
    return unittest.end(env)

def _twins_test_impl(ctx):
    env = unittest.begin(ctx)
    for path, name in STEMS.items():
        asserts.equals(env, name, stem(path))
    asserts.equals(env, {"lib/libx.a": "lib/libx.so.1"}, twins(["lib/libx.a", "lib/liby.a"], ["lib/libx.so.1", "lib/libz.so"]))
    return unittest.end(env)

def _relocatable_test_impl(ctx):
    env = unittest.begin(ctx)
    for said, kept in [
        ("-target arm64-apple-macos11.0 -isysroot external/sdk -O2", "-target arm64-apple-macos11.0 -isysroot external/sdk"),
        ("-arch arm64 --sysroot a -B b", "-arch arm64 --sysroot a -B b"),
        ("--target=aarch64-linux-gnu --sysroot=a -isysrootb -Bc", "--target=aarch64-linux-gnu --sysroot=a -isysrootb -Bc"),
        ("-Wall -fuse-ld=lld -lm --ld-path=/opt/ld.lld -L/opt", "-fuse-ld=lld --ld-path=/opt/ld.lld"),
        ("-m32 -march=armv7-a -g --gcc-toolchain=/opt/gcc", "-m32 -march=armv7-a --gcc-toolchain=/opt/gcc"),
        ("-target a -pie -target a -no-canonical-prefixes", "-target a -no-canonical-prefixes"),
        # What stands behind these is not the driver's.
        ("-mllvm -m1 -Xclang -target -Xlinker -Bsymbolic -m64", "-m64"),
        # A value that looks like a flag is one all the same.
        ("-isysroot -target -m64", "-isysroot -target -m64"),
        ("-shared -lstdc++ -Wl,-z,relro", ""),
        ("-target", ""),
    ]:
        asserts.equals(env, kept, " ".join(relocatable_flags(said.split(" "))))
    return unittest.end(env)

_circular_test = unittest.make(_circular_test_impl)
_relocatable_test = unittest.make(_relocatable_test_impl)
_twins_test = unittest.make(_twins_test_impl)
_whole_test = unittest.make(_whole_test_impl)

def archive_flags_test_suite(name):
    unittest.suite(name, _circular_test, _relocatable_test, _twins_test, _whole_test)
