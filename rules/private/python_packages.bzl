"""The packages that the fetcher needs beside the interpreter."""

load(":interpreter.bzl", "look_for_interpreter", "watch_for_interpreter")
load(":python.bzl", "PIP_PROBLEM", "TIMEOUT_SECONDS", "python_environment")
load(":repository_metadata.bzl", "repository_metadata")
load(":stale.bzl", "go_stale")

_OFFLINE = "CGO_PREBUILT_OFFLINE"

# Prints what has to be installed beside this interpreter: nothing, the decoders, or everything.
_PROBE = """\
import sys
try:
    import requests
    good = tuple(int(part) for part in requests.__version__.split(".")[:2]) >= (2, 31)
except (ImportError, ValueError):
    good = False
try:
    if sys.version_info[:2] >= (3, 14):
        import compression.zstd
    else:
        import backports.zstd
    import isal
    fast = True
except ImportError:
    fast = False
print(",".join(([] if good else ["requests"]) + ([] if fast else ["decoders"])), end = "")
"""

_NO_REQUESTS = """\
raise ModuleNotFoundError("No module named 'requests'")
"""

def is_on(value):
    """Whether a variable means yes: what the fetcher's settings take for it. Pure.

    Args:
        value: the variable's; None where it is not set.
    """
    return (value or "").strip().lower() not in ("", "0", "false", "no", "off")

def pip_variables(offline, index_url):
    """What is set for pip over the environment that it inherits. Pure.

    Args:
        offline: whether nothing is to be contacted.
        index_url: the value of `PIP_INDEX_URL`, or None: an index that is named is one that can be had.

    Returns:
        A dict of variables.
    """
    variables = {"PIP_USER": "0"}
    if offline and not index_url:
        variables["PIP_NO_INDEX"] = "1"
    return variables

def pip_problem(output, interpreter):
    """What to say where the fetcher lacks `requests`. Pure.

    Args:
        output: what pip said.
        interpreter: the path of the Python.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        "pip could not install `requests`, which the fetcher downloads with:",
        output.strip(),
        "  next: install python3-pip where it is missing; behind a mirror set PIP_INDEX_URL, without a network" +
        " PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels; or install requests beside {}".format(interpreter),
    ])

def _install(rctx, interpreter):
    """Installs what the interpreter lacks; returns what is wrong, or an empty string."""
    environment = python_environment(rctx, [rctx.path("site-packages")])
    probe = rctx.execute([interpreter, "-B", "-c", _PROBE], environment = environment)
    wanted = probe.stdout.strip().split(",")
    offline = is_on(rctx.getenv(_OFFLINE))
    environment = environment | pip_variables(offline, rctx.getenv("PIP_INDEX_URL") if offline else None)
    problem = ""
    if "requests" in wanted:
        result = _pip_install(rctx, interpreter, rctx.attr._requests, environment)
        if result.return_code != 0:
            problem = pip_problem(result.stderr or result.stdout, interpreter)

            # It hides one that is too old.
            rctx.file("site-packages/requests.py", _NO_REQUESTS)
    if "decoders" in wanted and not problem:
        # Without them gzip is slower, and zstd needs Python 3.14: the fetcher says so if it comes to that.
        _pip_install(rctx, interpreter, rctx.attr._decoders, environment)

    # Offline it is no problem: nothing is downloaded. This is fetched again when that variable changes.
    if problem and not offline:
        go_stale(rctx, interpreter)
    return problem

def _python_packages_impl(rctx):
    rctx.file("BUILD.bazel", "")
    rctx.file("site-packages/.keep", "")

    # Nothing fails here. Who fetches looks for a Python itself; a library that is there, in the store or vendored, needs
    # none of this, and Bazel 7 makes this repository all the same.
    found = look_for_interpreter(rctx, rctx.attr.interpreter)
    if found.path:
        rctx.watch(found.path)
        rctx.file(PIP_PROBLEM, _install(rctx, found.path))
    else:
        rctx.file(PIP_PROBLEM, found.problem)
        watch_for_interpreter(rctx)
    return repository_metadata(rctx, reproducible = False)

def _pip_install(rctx, interpreter, requirements, environment):
    path = rctx.path(requirements)

    # Since Bazel 8, rctx.path watches nothing, and an update would not reach an output base that is there.
    rctx.watch(path)
    return rctx.execute(
        [
            interpreter,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--target=site-packages",
            "--requirement",
            path,
        ],
        environment = environment,
        timeout = TIMEOUT_SECONDS,
        quiet = True,
    )

python_packages = repository_rule(
    implementation = _python_packages_impl,
    # What is made for this Python is not vendored.
    configure = True,
    doc = """\
Installs what the fetcher needs beside the interpreter, by hash, with the interpreter's own pip, so that a configured
index, mirror or folder of wheels is honored. Empty where the interpreter has it all.""",
    attrs = {
        "interpreter": attr.label(
            doc = "The interpreter; the host's `python3` by default.",
        ),
        "_decoders": attr.label(default = "//rules/private/requirements:decoders.txt"),
        "_requests": attr.label(default = "//rules/private/requirements:requests.txt"),
    },
)
