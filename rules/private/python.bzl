"""The fetcher, as repository rules run it."""

load(":answer.bzl", "read_answer")

FETCHER = Label("//tools/cgo_prebuilt:__init__.py")

# In the repository, while its fetcher runs.
_ANSWER = ".cgo-prebuilt-answer"

PACKAGES = "rules_cgo_prebuilt_python"

PIP_PROBLEM = "pip_problem.txt"

def packages_repository(name):
    """The canonical name of the repository with the fetcher's packages. Pure.

    No attribute names it: Bazel 7 would make that repository before one that does, whether it is used or not.

    Args:
        name: the canonical name of another repository of the same module extension.
    """
    return name[:max(name.rfind("~"), name.rfind("+")) + 1] + PACKAGES

def python_environment(rctx, folders):
    """The variables of every Python here: it imports from these folders and not from the user's PYTHONPATH.

    Args:
        rctx: a repository's context.
        folders: paths.

    Returns:
        A dict of variables.
    """
    separator = ";" if rctx.os.name.startswith("windows") else ":"
    return {"PYTHONPATH": separator.join([str(folder) for folder in folders])}

def size_text(size):
    """A number of bytes for people, as the fetcher writes it. Pure.

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
    """The file in the output base that Bazel writes all that it prints to."""
    return rctx.path(".").dirname.dirname.get_child("command.log")

def _said(rctx, stream, otherwise):
    path = rctx.path(_ANSWER).get_child(stream)
    return rctx.read(path, watch = "no") if path.exists else otherwise

def run_fetcher(rctx, interpreter, arguments, environment = {}, what = "a library", size = 0):
    """Runs `cgo-prebuilt`.

    Packages are installed for it only where it lacks one: a library that is in the store or vendored needs none, and a released
    module carries what a download needs.

    It inherits CGO_PREBUILT_CACHE, CGO_PREBUILT_MIRROR and the like, which are not read here: they say where the files come
    from and not what they are, so another value must not put a fetched or vendored repository out of date.

    Args:
        rctx: a repository's context.
        interpreter: what `find_interpreter` returned.
        arguments: the command line, without the program; `--json` is among them.
        environment: variables to set over those that it inherits.
        what: what is fetched, for who waits for it.
        size: of what is downloaded, in bytes; 0: not known.

    Returns:
        What `read_answer` returns.
    """
    run = struct(arguments = arguments, environment = environment, interpreter = interpreter, size = size, what = what)

    # Who verifies needs more than the module carries, in a version that only the probe of that repository looks at.
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
    """Runs it once, with these folders of packages."""
    folders = [rctx.path(FETCHER).dirname.dirname] + packages

    # Here, since Bazel forgets it where it must fetch the packages first.
    rctx.report_progress("fetching " + run.what + (" ({})".format(size_text(run.size)) if run.size else ""))
    result = rctx.execute(
        # -B: nothing is written beside the fetcher's sources, whose folder may be read-only or shared.
        [run.interpreter, "-B", "-m", "cgo_prebuilt.commands.attended", _ANSWER, _console(rctx), run.what] + run.arguments,
        environment = run.environment | python_environment(rctx, folders) | {
            # What %workspace% stands for in the name of a credential helper, as in Bazel's own.
            "BUILD_WORKSPACE_DIRECTORY": str(rctx.workspace_root),
        },
        timeout = TIMEOUT_SECONDS,
        # It prints only how far it is. Bazel ends what a command leaves behind, and so no other process can do that.
        quiet = False,
    )
    answered = read_answer(result.return_code, _said(rctx, "stdout", result.stdout), _said(rctx, "stderr", result.stderr))
    rctx.delete(_ANSWER)
    return answered

# Only a limit for what hangs: the fetcher has deadlines of its own, and 350 MB may come over a slow line.
TIMEOUT_SECONDS = 6 * 60 * 60
