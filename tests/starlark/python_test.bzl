"""Tests of what is set for Python in the repository phase."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:interpreter.bzl", "interpreter_problem", "judge_interpreter")

# buildifier: disable=bzl-visibility
load("//rules/private:python.bzl", "environment_prefix", "fetcher_environment", "lacks_package")

# buildifier: disable=bzl-visibility
load("//rules/private:python_packages.bzl", "is_on", "pip_problem", "pip_variables")

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

def _interpreter_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "C:\\My Python\\python.exe", judge_interpreter(0, "3 13 C:\\My Python\\python.exe\r\n", "").path)
    asserts.equals(env, "/usr/bin/python3", judge_interpreter(0, "3 10 /usr/bin/python3\n", "").path)
    for code, answer, said, problem in (
        (0, "3 9 /usr/bin/python3\n", "", "is Python 3.9"),
        (0, "2 7 /usr/bin/python\n", "", "is Python 2.7"),
        # Of Windows' store, and of what is no Python at all.
        (9009, "", "\nPython was not found\n", "does not run (exit code 9009): Python was not found"),
        (0, "hello\n", "", "does not run (exit code 0): hello"),
        (0, "a b c\n", "", "does not run (exit code 0): a b c"),
    ):
        verdict = judge_interpreter(code, answer, said)
        asserts.equals(env, None, verdict.path)
        asserts.equals(env, problem, verdict.problem)
    none = interpreter_problem([])
    asserts.true(env, none.startswith("no Python here can run the fetcher of rules_cgo_prebuilt, which needs 3.10 or newer\n"))
    asserts.true(env, "there is no python3 on the PATH" in none)
    asserts.true(env, "next: install Python 3.10 or newer" in none)
    asserts.true(env, "\n  python3 is Python 3.9\n" in interpreter_problem(["python3 is Python 3.9"]))
    return unittest.end(env)

def _requests_test_impl(ctx):
    env = unittest.begin(ctx)
    missing = "ModuleNotFoundError: No module named 'requests'"
    asserts.true(env, lacks_package(struct(return_code = 2, stdout = missing, stderr = "")))
    asserts.true(env, lacks_package(struct(return_code = 2, stdout = "", stderr = "the package cryptography is not installed, which verifies signatures")))
    asserts.false(env, lacks_package(struct(return_code = 0, stdout = "", stderr = missing)))
    asserts.false(env, lacks_package(struct(return_code = 3, stdout = "404", stderr = "404")))
    problem = pip_problem("`requests`, which the fetcher downloads with", "no such option\n", "/usr/bin/python3")
    asserts.true(env, problem.startswith("pip could not install `requests`, which the fetcher downloads with:\nno such option\n"))
    asserts.true(env, problem.endswith("or install it beside /usr/bin/python3"))
    return unittest.end(env)

_interpreter_test = unittest.make(_interpreter_test_impl)
_python_test = unittest.make(_python_test_impl)
_requests_test = unittest.make(_requests_test_impl)

def python_test_suite(name):
    unittest.suite(name, _interpreter_test, _python_test, _requests_test)
