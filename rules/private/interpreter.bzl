"""The Python that runs the fetcher in the repository phase."""

load(":programs.bzl", "watch_candidates")

# The oldest Python that can run the fetcher, as in pyproject.toml.
_OLDEST = (3, 10)

# A program that checks an interpreter, since Windows has a `python3` that only opens its app store.
_QUESTION = "import sys; print(*sys.version_info[:2], sys.executable)"

# The names and arguments to try; `py` is the launcher of Windows.
_COMMANDS = [("python3",), ("python",), ("py", "-3")]

def judge_interpreter(return_code, stdout, stderr):
    """Decides whether a Python can run the fetcher. Pure.

    Args:
        return_code: its exit code.
        stdout: its answer to `_QUESTION`.
        stderr: its error output.

    Returns:
        A struct of `path`, its executable, or of `problem`, a few words.
    """
    words = stdout.strip().split(" ", 2)
    if return_code != 0 or len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        output = (stderr.strip() or stdout.strip()).split("\n")[-1]
        return struct(path = None, problem = "does not run (exit code {}): {}".format(return_code, output or "it prints nothing"))
    if (int(words[0]), int(words[1])) < _OLDEST:
        return struct(path = None, problem = "is Python {}.{}".format(words[0], words[1]))
    return struct(path = words[2], problem = None)

def interpreter_problem(found):
    """Returns the error if no Python can run the fetcher. Pure.

    Args:
        found: a list of lines, one for each Python that was found.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        "no Python on this machine can run the fetcher of rules_cgo_prebuilt, which needs {}.{} or newer".format(*_OLDEST),
    ] + ["  " + line for line in found or ["there is no python3 on the PATH"]] + [
        "  next: install Python {}.{} or newer, or name one with prebuilt.python(interpreter = ...)".format(*_OLDEST),
    ])

def look_for_interpreter(rctx, label):
    """Looks for the interpreter.

    Args:
        rctx: a repository's context.
        label: the interpreter's label; None for the first suitable one on the PATH.

    Returns:
        A struct of `path`, or of `problem`, text of several lines.
    """
    commands = [[rctx.path(label)]] if label else [
        [rctx.which(command[0])] + list(command[1:])
        for command in _COMMANDS
    ]
    problems = []
    for command in commands:
        if not command[0]:
            continue
        answer = rctx.execute(command + ["-c", _QUESTION])
        verdict = judge_interpreter(answer.return_code, answer.stdout, answer.stderr)
        if verdict.path:
            return struct(path = rctx.path(verdict.path) if len(command) > 1 else command[0], problem = None)
        problems.append("{} {}".format(command[0], verdict.problem))
    return struct(path = None, problem = interpreter_problem(problems))

def find_interpreter(rctx, label):
    """Finds the interpreter, or fails.

    Args:
        rctx: a repository's context.
        label: as in `look_for_interpreter`.

    Returns:
        Its path.
    """
    found = look_for_interpreter(rctx, label)
    if found.problem:
        fail("\n\n" + found.problem)
    return found.path

def watch_for_interpreter(rctx):
    """Makes Bazel fetch the repository again when the PATH has a different interpreter.

    Args:
        rctx: a repository's context.
    """
    for command in _COMMANDS:
        watch_candidates(rctx, command[0])
