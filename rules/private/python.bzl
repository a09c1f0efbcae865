"""The fetcher, as repository rules run it."""

_FETCHER = Label("//tools/cgo_prebuilt:__init__.py")

PIP_PROBLEM = "pip_problem.txt"

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
    root = rctx.path(packages).dirname
    folders = [rctx.path(_FETCHER).dirname.dirname, root.get_child("site-packages")]
    result = rctx.execute(
        # -B: nothing is written beside the fetcher's sources, whose folder may be read-only or shared.
        [interpreter, "-B", "-m", "cgo_prebuilt"] + arguments,
        environment = environment | python_environment(rctx, folders),
        timeout = TIMEOUT_SECONDS,
        quiet = True,
    )
    problem = rctx.read(root.get_child(PIP_PROBLEM), watch = "no") if lacks_package(result) else ""
    return struct(return_code = _NO_PACKAGE, stdout = "", stderr = problem) if problem else result

# As the fetcher's own errors of the machine: a build from source is no answer to it.
_NO_PACKAGE = 2

# What the fetcher says where a package is missing that it downloads or verifies with.
_MISSING = ["No module named 'requests'", "is not installed, which verifies"]

def lacks_package(result):
    """Whether the fetcher failed because a package was not installed. Pure.

    Args:
        result: what `rctx.execute` returned.
    """
    output = result.stdout + result.stderr
    return result.return_code != 0 and any([words in output for words in _MISSING])

# Only a limit for what hangs: the fetcher has deadlines of its own, and 350 MB may come over a slow line.
TIMEOUT_SECONDS = 6 * 60 * 60
