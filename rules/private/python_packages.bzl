"""The Python packages that the fetcher needs."""

load(":generated_file.bzl", "write_file")
load(":interpreter.bzl", "look_for_interpreter", "watch_for_interpreter")
load(":python.bzl", "FETCHER", "PIP_PROBLEM", "TIMEOUT_SECONDS", "python_environment")
load(":repository_metadata.bzl", "repository_metadata")
load(":stale.bzl", "refetch_with_next_command")

_OFFLINE = "CGO_PREBUILT_OFFLINE"

def is_on(value):
    """Returns whether a variable is true, by the rule of the fetcher's settings. Pure.

    Args:
        value: its value; None if unset.
    """
    return (value or "").strip().lower() not in ("", "0", "false", "no", "off")

def _install(rctx, interpreter):
    """Installs the packages that the interpreter lacks; returns the error, or an empty string."""
    requirements = []
    for name in ["requests", "decoders"] + rctx.attr.extras:
        path = rctx.path(getattr(rctx.attr, "_" + name))

        # Since Bazel 8, rctx.path watches nothing, so an update would not reach an existing output base.
        rctx.watch(path)
        requirements.append("{}={}".format(name, path))
    result = rctx.execute(
        [interpreter, "-B", "-m", "cgo_prebuilt.commands.python_packages", "site-packages"] + requirements,
        environment = python_environment(rctx, [rctx.path(FETCHER).dirname.dirname]),
        timeout = TIMEOUT_SECONDS,
        quiet = True,
    )
    problem = result.stdout if result.return_code == 0 else result.stderr or "ended with exit code {}".format(result.return_code)

    # Offline, a missing package is not an error, since nothing is downloaded. A change of these variables fetches this again.
    offline = is_on(rctx.getenv(_OFFLINE))
    if offline:
        rctx.getenv("PIP_INDEX_URL")
    elif problem:
        refetch_with_next_command(rctx, interpreter)
    return problem

def _python_packages_impl(rctx):
    rctx.file("BUILD.bazel", "")
    rctx.file("site-packages/.keep", "")

    # Do not fail here: the fetching repository finds a Python itself, and reports what it lacks.
    found = look_for_interpreter(rctx, rctx.attr.interpreter)
    if found.path:
        rctx.watch(found.path)
        write_file(rctx, PIP_PROBLEM, _install(rctx, found.path))
    else:
        write_file(rctx, PIP_PROBLEM, found.problem)
        watch_for_interpreter(rctx)
    return repository_metadata(rctx, reproducible = False)

python_packages = repository_rule(
    implementation = _python_packages_impl,
    # Packages for this Python are not vendored.
    configure = True,
    doc = """\
Installs the fetcher's packages by hash, with the interpreter's pip, which honors a configured index, mirror or folder of
wheels; the user's store keeps them. The repository is empty if the interpreter has them all. Bazel fetches it only if the
fetcher lacks a package.""",
    attrs = {
        "extras": attr.string_list(
            doc = "`signatures` and `attestations`: the kinds of vouchers to verify.",
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
