"""Tests of what is set for Python in the repository phase."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:python.bzl", "environment_prefix", "fetcher_environment", "is_on", "pip_variables")

def _python_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "LANCEDB_GO_2", environment_prefix("lancedb-go.2"))
    asserts.equals(env, {"VEC_VERSION": "v1"}, fetcher_environment("vec", "v1"))

    for value in (None, "", " ", "0", "False", "no", "OFF"):
        asserts.false(env, is_on(value), repr(value))
    for value in ("1", "true", "yes", " on "):
        asserts.true(env, is_on(value), repr(value))

    asserts.equals(env, {"PIP_USER": "0"}, pip_variables(False, None))
    asserts.equals(env, {"PIP_NO_INDEX": "1", "PIP_USER": "0"}, pip_variables(True, None))
    asserts.equals(env, {"PIP_USER": "0"}, pip_variables(True, "https://index.example.com"))
    return unittest.end(env)

_python_test = unittest.make(_python_test_impl)

def python_test_suite(name):
    unittest.suite(name, _python_test)
