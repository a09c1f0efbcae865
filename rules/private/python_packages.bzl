"""The packages that the fetcher needs beside the interpreter."""

load(":generated_file.bzl", "write_file")
load(":interpreter.bzl", "look_for_interpreter", "watch_for_interpreter")
load(":python.bzl", "PIP_PROBLEM", "TIMEOUT_SECONDS", "python_environment")
load(":repository_metadata.bzl", "repository_metadata")
load(":stale.bzl", "go_stale")

_OFFLINE = "CGO_PREBUILT_OFFLINE"

# Prints what has to be installed beside this interpreter, by the names of the requirements.
_PROBE = """\
import sys
from importlib.metadata import PackageNotFoundError, version
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
def has(package, least):
    try:
        return int(version(package).split(".")[0]) >= least
    except (PackageNotFoundError, ValueError):
        return False
wanted = {
    "requests": not good,
    "decoders": not fast,
    "signatures": not has("cryptography", 42),
    "attestations": not has("sigstore", 4),
}
print(",".join(name for name in wanted if wanted[name]), end = "")
"""

# What is installed, and what the fetcher does with it.
_PURPOSES = {
    "attestations": "`sigstore`, which the fetcher verifies attestations with",
    "requests": "`requests`, which the fetcher downloads with",
    "signatures": "`cryptography`, which the fetcher verifies signatures with",
}

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
        offline: whether to contact no server.
        index_url: the value of `PIP_INDEX_URL`, or None: a named index is one that the user can reach.

    Returns:
        A dict of variables.
    """
    variables = {"PIP_USER": "0"}
    if offline and not index_url:
        variables["PIP_NO_INDEX"] = "1"
    return variables

def pip_problem(purpose, output, interpreter):
    """What to say where the fetcher lacks a package. Pure.

    Args:
        purpose: which package, and what it is for.
        output: what pip said.
        interpreter: the path of the Python.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        "pip could not install {}:".format(purpose),
        output.strip(),
        "  next: install python3-pip where it is missing; behind a mirror set PIP_INDEX_URL, without a network" +
        " PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels; or install it beside {}".format(interpreter),
    ])

def _install(rctx, interpreter):
    """Installs what the interpreter lacks; returns what is wrong, or an empty string."""
    environment = python_environment(rctx, [rctx.path("site-packages")])
    probe = rctx.execute([interpreter, "-B", "-c", _PROBE], environment = environment)
    lacking = probe.stdout.strip().split(",")
    wanted = [name for name in ["requests", "decoders"] + rctx.attr.extras if name in lacking]
    offline = is_on(rctx.getenv(_OFFLINE))
    environment = environment | pip_variables(offline, rctx.getenv("PIP_INDEX_URL") if offline else None)
    problem = ""
    if len(wanted) > 1:
        # Half of the time of a run is pip's own, so all at once. If that fails, each alone: an index may lack a decoder.
        if _pip_install(rctx, interpreter, wanted, environment).return_code == 0:
            return ""
        environment["PIP_RETRIES"] = "0"
    for name in wanted:
        if name == "decoders" and problem:
            continue
        result = _pip_install(rctx, interpreter, [name], environment)

        # Without decoders gzip is slower, and zstd needs Python 3.14: the fetcher says so if it comes to that.
        if result.return_code != 0 and name in _PURPOSES:
            problem = problem or pip_problem(_PURPOSES[name], result.stderr or result.stdout, interpreter)
            if name == "requests":
                # It hides one that is too old.
                rctx.file("site-packages/requests.py", _NO_REQUESTS)

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
        write_file(rctx, PIP_PROBLEM, _install(rctx, found.path))
    else:
        write_file(rctx, PIP_PROBLEM, found.problem)
        watch_for_interpreter(rctx)
    return repository_metadata(rctx, reproducible = False)

def _pip_install(rctx, interpreter, names, environment):
    """Runs pip once for the requirements of these names."""
    paths = [rctx.path(getattr(rctx.attr, "_" + name)) for name in names]
    for path in paths:
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
        ] + ["--requirement={}".format(path) for path in paths],
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
        "extras": attr.string_list(
            doc = "`signatures` and `attestations`: what the fetcher has to verify.",
        ),
        "interpreter": attr.label(
            doc = "The interpreter; the host's `python3` by default.",
        ),
        "_attestations": attr.label(default = "//rules/private/requirements:attestations.txt"),
        "_decoders": attr.label(default = "//rules/private/requirements:decoders.txt"),
        "_requests": attr.label(default = "//rules/private/requirements:requests.txt"),
        "_signatures": attr.label(default = "//rules/private/requirements:signatures.txt"),
    },
)
