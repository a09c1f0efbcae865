"""Tests of `link_flags`, and of the link options that a lock may have."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:link_flags.bzl", "link_flags")

# buildifier: disable=bzl-visibility
load("//rules/private:link_options.bzl", "refused_linkopt")
load(":link_option_cases.bzl", "LINKOPTS")

def _link_flags_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, ["-lm", "-ldl"], link_flags(["-lm", "-ldl"]))
    asserts.equals(
        env,
        ["-Wl,-framework,Security", "-Wl,-framework,CoreFoundation"],
        link_flags(["-framework Security", "-framework CoreFoundation"]),
        "a framework is one argument, so that neither joining nor deduplicating tears it apart",
    )
    for words, flag in {
        "-F dir": "-Fdir",
        "-L dir": "-Ldir",
        "-Xlinker --gc-sections": "-Wl,--gc-sections",
        "-force_load lib.a": "-Wl,-force_load,lib.a",
        "-l m": "-lm",
        "-rpath @loader_path/lib": "-Wl,-rpath,@loader_path/lib",
        "-u symbol": "-Wl,-u,symbol",
        "-undefined dynamic_lookup": "-Wl,-undefined,dynamic_lookup",
        "-weak_framework Metal": "-Wl,-weak_framework,Metal",
        "-z now": "-Wl,-z,now",
    }.items():
        asserts.equals(env, [flag], link_flags([words]))
        asserts.equals(env, [flag], link_flags(words.split(" ")), "two strings are the same as one")
    asserts.equals(env, ["-pthread", "-Wl,-z,now", "-lm"], link_flags(["-pthread -z", "now -lm"]))
    asserts.equals(env, ["-Xlinker", "a,b", "-lm"], link_flags(["-Xlinker a,b -lm"]), "a comma cannot be kept")
    asserts.equals(env, ["-lm", "-framework"], link_flags(["-lm", "-framework"]), "an option without its argument")
    asserts.equals(env, [], link_flags([]))
    return unittest.end(env)

def _link_options_test_impl(ctx):
    env = unittest.begin(ctx)
    for linkopt, is_taken in LINKOPTS.items():
        asserts.equals(env, None if is_taken else linkopt, refused_linkopt(["-lm", linkopt], []), linkopt)
    asserts.equals(env, None, refused_linkopt(["-T a.ld"], ["-T", "a.ld"]))
    asserts.equals(env, "-T b.ld", refused_linkopt(["-T b.ld"], ["-T", "a.ld"]))
    return unittest.end(env)

_link_flags_test = unittest.make(_link_flags_test_impl)
_link_options_test = unittest.make(_link_options_test_impl)

def link_flags_test_suite(name):
    unittest.suite(name, _link_flags_test, _link_options_test)
