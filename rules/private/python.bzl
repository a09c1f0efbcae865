"""The Python that runs the fetcher in the repository phase, and the packages that it needs there."""

load(":repository_metadata.bzl", "repository_metadata")

_OFFLINE = "CGO_PREBUILT_OFFLINE"

_FETCHER = Label("//tools/cgo_prebuilt:__init__.py")

# The oldest Python that the fetcher runs on, as in pyproject.toml.
_PYTHON = (3, 10)

# Prints what has to be installed beside this interpreter: nothing, the decoders, or everything.
_PROBE = """\
import sys
if sys.version_info[:2] < {python}:
    print("old", end = "")
    sys.exit()
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

def find_interpreter(rctx, label):
    """Finds the interpreter.

    Args:
        rctx: a repository's context.
        label: the interpreter's label, or None for the host's `python3`.

    Returns:
        Its path.
    """
    if label:
        return rctx.path(label)
    for name in ("python3", "python"):
        found = rctx.which(name)
        if found:
            return found
    fail("\n".join([
        "",
        "there is no python3 on the PATH; rules_cgo_prebuilt fetches with it",
        "  next: install Python {}.{} or newer, or name one with prebuilt.python(interpreter = ...)".format(*_PYTHON),
    ]))

def environment_prefix(library):
    """The prefix of a library's own variables: `lancedb-go` has `LANCEDB_GO`. Pure.

    Args:
        library: the library's name in its lock.
    """
    return "".join([
        letter if letter.isalnum() else "_"
        for letter in library.upper().elems()
    ])

def fetcher_environment(library, version):
    """What is set for the fetcher over the environment that it inherits. Pure.

    CGO_PREBUILT_CACHE, CGO_PREBUILT_MIRROR and the like are inherited and not read here: they say where the files come
    from and not what they are, so another value must not put a fetched or vendored repository out of date.

    Args:
        library: the library's name in its lock.
        version: the version to fetch, whatever the environment says.

    Returns:
        A dict of variables.
    """
    return {environment_prefix(library) + "_VERSION": version}

def _python_environment(rctx, folders):
    """The variables of every Python here: it imports from these folders and not from the user's PYTHONPATH."""
    separator = ";" if rctx.os.name.startswith("windows") else ":"
    return {"PYTHONPATH": separator.join([str(folder) for folder in folders])}

def run_fetcher(rctx, interpreter, packages, arguments, environment):
    """Runs `cgo-prebuilt`.

    Args:
        rctx: a repository's context.
        interpreter: what `find_interpreter` returned.
        packages: a label of a file at the root of the `python_packages` repository.
        arguments: the command line, without the program.
        environment: variables to set over those that it inherits.

    Returns:
        What `rctx.execute` returns.
    """
    folders = [
        rctx.path(_FETCHER).dirname.dirname,
        rctx.path(packages).dirname.get_child("site-packages"),
    ]
    return rctx.execute(
        # -B: nothing is written beside the fetcher's sources, whose folder may be read-only or shared.
        [interpreter, "-B", "-m", "cgo_prebuilt"] + arguments,
        environment = environment | _python_environment(rctx, folders),
        timeout = _TIMEOUT_SECONDS,
        quiet = True,
    )

# Only a limit for what hangs: the fetcher has deadlines of its own, and 350 MB may come over a slow line.
_TIMEOUT_SECONDS = 6 * 60 * 60

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

def _python_packages_impl(rctx):
    rctx.file("BUILD.bazel", "")
    rctx.file("site-packages/.keep", "")
    interpreter = find_interpreter(rctx, rctx.attr.interpreter)
    rctx.watch(interpreter)
    offline = is_on(rctx.getenv(_OFFLINE))
    environment = _python_environment(rctx, [rctx.path("site-packages")])
    probe = rctx.execute([interpreter, "-B", "-c", _PROBE.format(python = _PYTHON)], environment = environment)
    wanted = probe.stdout.strip().split(",")
    if probe.return_code != 0 or "old" in wanted:
        fail("\n".join([
            "",
            "{} cannot run the fetcher: it needs Python {}.{}".format(interpreter, *_PYTHON),
            probe.stderr,
            "  next: put a newer python3 on the PATH, or name one with prebuilt.python(interpreter = ...)",
        ]))
    environment = environment | pip_variables(offline, rctx.getenv("PIP_INDEX_URL") if offline else None)
    if "requests" in wanted:
        result = _pip_install(rctx, interpreter, rctx.attr._requests, environment)

        # Offline the fetcher downloads nothing, so it does without; this is fetched again when it is not any more.
        if result.return_code != 0 and not offline:
            fail("\n".join([
                "",
                "pip could not install `requests`, which the fetcher downloads with:",
                result.stderr or result.stdout,
                "  next: install python3-pip where it is missing; behind a mirror set PIP_INDEX_URL, without a" +
                " network PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels; or install requests beside {}".format(interpreter),
            ]))
    if "decoders" in wanted:
        # Without them gzip is slower, and zstd needs Python 3.14: the fetcher says so if it comes to that.
        _pip_install(rctx, interpreter, rctx.attr._decoders, environment)
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
        timeout = _TIMEOUT_SECONDS,
        quiet = True,
    )

python_packages = repository_rule(
    implementation = _python_packages_impl,
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
