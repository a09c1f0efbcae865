"""Tests of `resolve_libraries` and `choice_of`."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:libraries.bzl", "choice_of", "module_words", "resolve_libraries")

def _declaration(module, name = "answer", lock = "//:answer.lock.json", is_root = False):
    words = module_words(module, "1.0", is_root)
    return struct(module = words, is_root = is_root, name = name, attributes = {"flavor": "", "lock": lock}, tag = None)

def _libraries_test_impl(ctx):
    env = unittest.begin(ctx)

    root = _declaration("root", is_root = True)
    other = _declaration("other", lock = "@other//:answer.lock.json")
    resolved = resolve_libraries([root, other])
    asserts.equals(env, None, resolved.error)
    asserts.equals(env, {"answer": root}, resolved.libraries, "the root module's word counts")

    same = _declaration("third", lock = "@other//:answer.lock.json")
    asserts.equals(env, {"answer": other}, resolve_libraries([other, same]).libraries)

    error = resolve_libraries([other, _declaration("third")]).error
    asserts.true(env, error.startswith("module other 1.0 and module third 1.0 declare different libraries"))
    asserts.true(env, "answer: lock \"@other//:answer.lock.json\" and \"//:answer.lock.json\"\n" in error)
    asserts.true(env, "next: declare answer in the root module" in error)

    copies = lambda attribute, first, other: attribute == "lock"
    asserts.equals(env, {"answer": other}, resolve_libraries([other, _declaration("third")], copies).libraries)
    never = lambda attribute, first, other: False
    asserts.true(env, resolve_libraries([other, _declaration("third")], never).error)

    error = resolve_libraries([root, root]).error
    asserts.true(env, error.startswith("the root module declares the library answer twice"))

    asserts.equals(env, "module other", module_words("other", "", False))
    return unittest.end(env)

def _choice_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "own", choice_of("own", True, "all", "otherwise"), "the root's library over its defaults")
    asserts.equals(env, "all", choice_of("own", False, "all", "otherwise"), "its defaults over another module's library")
    for is_root in (True, False):
        asserts.equals(env, "own", choice_of("own", is_root, "", "otherwise"))
        asserts.equals(env, "all", choice_of("", is_root, "all", "otherwise"))
        asserts.equals(env, "otherwise", choice_of("", is_root, "", "otherwise"))
    return unittest.end(env)

_choice_test = unittest.make(_choice_test_impl)
_libraries_test = unittest.make(_libraries_test_impl)

def libraries_test_suite(name):
    unittest.suite(name, _libraries_test, _choice_test)
