"""Tests of what is set for Python in the repository phase."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:interpreter.bzl", "interpreter_problem", "judge_interpreter")

# buildifier: disable=bzl-visibility
load("//rules/private:library_variables.bzl", "asked_version", "library_variables", "wrong_version_remedy")

# buildifier: disable=bzl-visibility
load("//rules/private:python.bzl", "packages_repository")

# buildifier: disable=bzl-visibility
load("//rules/private:python_packages.bzl", "is_on")
load(":variable_cases.bzl", "ASKED", "NAMES", "REMEDIES")

def _python_test_impl(ctx):
    env = unittest.begin(ctx)
    for library, variables in NAMES.items():
        asserts.equals(env, variables, library_variables(library, "VERSION"))
    for attribute, own, short, version in ASKED:
        asked = asked_version({"CGO_PREBUILT_VEC_VERSION": own, "VEC_VERSION": short or None}, attribute)
        asserts.equals(env, version, asked.version)
        asserts.equals(env, bool(own or short), bool(asked.variable))
    asserts.equals(env, "v1", asked_version({"VEC_VERSION": None}, "v1").version)
    for variable, remedy in REMEDIES.items():
        asserts.equals(env, remedy, wrong_version_remedy("vec", variable, {"v1": {}, "v2": {}}))

    for value in (None, "", " ", "0", "False", "no", "OFF"):
        asserts.false(env, is_on(value), repr(value))
    for value in ("1", "true", "yes", " on "):
        asserts.true(env, is_on(value), repr(value))

    for name, packages in {
        "rules_cgo_prebuilt~~prebuilt~vec__linux_amd64": "rules_cgo_prebuilt~~prebuilt~rules_cgo_prebuilt_python",
        "rules_cgo_prebuilt++prebuilt+vec": "rules_cgo_prebuilt++prebuilt+rules_cgo_prebuilt_python",
    }.items():
        asserts.equals(env, packages, packages_repository(name))
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
        (1, "", "", "does not run (exit code 1): it prints nothing"),
        (0, "a b c\n", "", "does not run (exit code 0): a b c"),
    ):
        verdict = judge_interpreter(code, answer, said)
        asserts.equals(env, None, verdict.path)
        asserts.equals(env, problem, verdict.problem)
    none = interpreter_problem([])
    asserts.true(env, none.startswith("no Python on this machine can run the fetcher of rules_cgo_prebuilt, which needs 3.10 or newer\n"))
    asserts.true(env, "there is no python3 on the PATH" in none)
    asserts.true(env, "next: install Python 3.10 or newer" in none)
    asserts.true(env, "\n  python3 is Python 3.9\n" in interpreter_problem(["python3 is Python 3.9"]))
    return unittest.end(env)

_interpreter_test = unittest.make(_interpreter_test_impl)
_python_test = unittest.make(_python_test_impl)

def python_test_suite(name):
    unittest.suite(name, _interpreter_test, _python_test)
