"""Tests of `link_flags`."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:link_flags.bzl", "link_flags")

def _link_flags_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, ["-lm", "-ldl"], link_flags(["-lm", "-ldl"]))
    asserts.equals(
        env,
        ["-Wl,-framework,Security", "-Wl,-framework,CoreFoundation"],
        link_flags(["-framework Security", "-framework CoreFoundation"]),
        "a framework is one argument, so that neither joining nor deduplicating tears it apart",
    )
    asserts.equals(env, ["-L", "dir"], link_flags(["-L dir"]))
    asserts.equals(env, [], link_flags([]))
    return unittest.end(env)

_link_flags_test = unittest.make(_link_flags_test_impl)

def link_flags_test_suite(name):
    unittest.suite(name, _link_flags_test)
