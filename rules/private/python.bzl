"""Run the fetcher in repository rules."""

load(":answer.bzl", "read_answer")

FETCHER = Label("//tools/cgo_prebuilt:__init__.py")

# The folder in the repository for the fetcher's answer.
_ANSWER = ".cgo-prebuilt-answer"

PACKAGES = "rules_cgo_prebuilt_python"

PIP_PROBLEM = "pip_problem.txt"

def packages_repository(name):
    """The canonical name of the repository with the fetcher's packages. Pure.

    No attribute refers to it, since Bazel 7 would then fetch it even if it is not used.

    Args:
        name: the canonical name of another repository of the same module extension.
    """
    return name[:max(name.rfind("~"), name.rfind("+")) + 1] + PACKAGES

def python_environment(rctx, folders):
    """The variables for the fetcher's Python, which imports from these folders and not from the user's PYTHONPATH.

    Args:
        rctx: a repository's context.
        folders: paths.

    Returns:
        A dict of variables.
    """
    separator = ";" if rctx.os.name.startswith("windows") else ":"
    return {"PYTHONPATH": separator.join([str(folder) for folder in folders])}

def size_text(size):
    """Formats a number of bytes for people, in whole units. Pure.

    Args:
        size: the number.

    Returns:
        Text such as `102 MB`.
    """
    for unit in ["B", "kB", "MB"]:
        if size < 1000:
            return "{} {}".format(size, unit)
        size = (size + 500) // 1000
    return "{} GB".format(size)

def _console(rctx):
    """The file in the output base with all of Bazel's output."""
    return rctx.path(".").dirname.dirname.get_child("command.log")

def _output(rctx, stream, otherwise):
    path = rctx.path(_ANSWER).get_child(stream)
    return rctx.read(path, watch = "no") if path.exists else otherwise

def run_fetcher(rctx, interpreter, arguments, environment = {}, what = "a library", size = 0):
    """Runs `cgo-prebuilt`.

    Packages are installed for it only if it lacks one: a library that is in the store or vendored needs none, and a released
    module carries the packages for downloads.

    It inherits CGO_PREBUILT_CACHE, CGO_PREBUILT_MIRROR and the like, which the rules do not read: they affect where files come
    from, not their contents, so a changed value must not invalidate a fetched or vendored repository.

    Args:
        rctx: a repository's context.
        interpreter: from `find_interpreter`.
        arguments: the command line without the program; includes `--json`.
        environment: variables that override the inherited ones.
        what: a description of the fetch, for progress messages.
        size: the size of the download in bytes; 0 if unknown.

    Returns:
        The value of `read_answer`.
    """
    run = struct(arguments = arguments, environment = environment, interpreter = interpreter, size = size, what = what)

    # Verification needs packages that the module does not carry. Only the packages' repository checks their versions.
    if not rctx.attr.trust:
        answered = _run(rctx, run, [])
        if not answered.failure or answered.failure.kind != "package":
            return answered
    root = rctx.path(Label("@@{}//:BUILD.bazel".format(packages_repository(rctx.name)))).dirname
    answered = _run(rctx, run, [root.get_child("site-packages")])
    if not answered.failure or answered.failure.kind != "package":
        return answered
    problem = rctx.read(root.get_child(PIP_PROBLEM), watch = "no")
    if not problem:
        return answered
    return struct(answer = None, failure = struct(kind = "package", error = problem, where = None, next = None))

def _run(rctx, run, packages):
    """Runs the fetcher once, with these folders of packages."""
    folders = [rctx.path(FETCHER).dirname.dirname] + packages

    # Report here, since Bazel forgets progress reports when it restarts to fetch the packages.
    rctx.report_progress("fetching " + run.what + (" ({})".format(size_text(run.size)) if run.size else ""))
    result = rctx.execute(
        # -B: write no caches beside the fetcher's sources, whose folder may be read-only or shared.
        [run.interpreter, "-B", "-m", "cgo_prebuilt.commands.bazel_fetcher", _ANSWER, _console(rctx), run.what] + run.arguments,
        environment = run.environment | python_environment(rctx, folders) | {
            # The value of %workspace% in the name of a credential helper, as in Bazel.
            "BUILD_WORKSPACE_DIRECTORY": str(rctx.workspace_root),
        },
        timeout = TIMEOUT_SECONDS,
        # Its output is progress only. No other process can print that, since Bazel ends a command's child processes.
        quiet = False,
    )
    answered = read_answer(result.return_code, _output(rctx, "stdout", result.stdout), _output(rctx, "stderr", result.stderr))
    rctx.delete(_ANSWER)
    return answered

# A limit against hanging only: the fetcher has its own deadlines, and 350 MB may take long over a slow line.
TIMEOUT_SECONDS = 6 * 60 * 60
