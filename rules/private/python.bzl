"""The fetcher, as repository rules run it."""

load(":answer.bzl", "read_answer")

_FETCHER = Label("//tools/cgo_prebuilt:__init__.py")

PIP_PROBLEM = "pip_problem.txt"

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

def run_fetcher(rctx, interpreter, packages, arguments, environment = {}):
    """Runs `cgo-prebuilt`.

    It inherits CGO_PREBUILT_CACHE, CGO_PREBUILT_MIRROR and the like, which are not read here: they say where the files come
    from and not what they are, so another value must not put a fetched or vendored repository out of date.

    Args:
        rctx: a repository's context.
        interpreter: what `find_interpreter` returned.
        packages: a label of a file at the root of the `python_packages` repository.
        arguments: the command line, without the program; `--json` is among them.
        environment: variables to set over those that it inherits.

    Returns:
        What `read_answer` returns.
    """
    root = rctx.path(packages).dirname
    folders = [rctx.path(_FETCHER).dirname.dirname, root.get_child("site-packages")]
    result = rctx.execute(
        # -B: nothing is written beside the fetcher's sources, whose folder may be read-only or shared.
        [interpreter, "-B", "-m", "cgo_prebuilt"] + arguments,
        environment = environment | python_environment(rctx, folders),
        timeout = TIMEOUT_SECONDS,
        quiet = True,
    )
    answered = read_answer(result.return_code, result.stdout, result.stderr)
    if not answered.failure or answered.failure.kind != "package":
        return answered
    problem = rctx.read(root.get_child(PIP_PROBLEM), watch = "no")
    if not problem:
        return answered
    return struct(answer = None, failure = struct(kind = "package", error = problem, where = None, next = None))

# Only a limit for what hangs: the fetcher has deadlines of its own, and 350 MB may come over a slow line.
TIMEOUT_SECONDS = 6 * 60 * 60
