"""The fetcher's answer with `--json`, including failures. Pure functions."""

def read_answer(exit_code, stdout, stderr):
    """Reads the fetcher's answer.

    Args:
        exit_code: its exit code.
        stdout: its answer, an object as JSON.
        stderr: its messages for a person.

    Returns:
        A struct of `answer`, a dict, and `failure`, None or a struct of `kind` (a word of the reference's table of exit codes),
        `error`, `where` and `next`. If the fetcher was killed or did not start, there is no answer, and `kind` is empty.
    """
    answer = json.decode(stdout, default = None)
    if exit_code == 0 and type(answer) == "dict":
        return struct(answer = answer, failure = None)
    if exit_code != 0 and type(answer) == "dict" and "kind" in answer:
        return struct(answer = None, failure = struct(
            kind = answer["kind"],
            error = answer["error"],
            where = answer["where"],
            next = answer["next"],
        ))
    output = stderr.strip() or stdout.strip()
    return struct(answer = None, failure = struct(
        kind = "",
        error = "the fetcher ended with exit code {} and without an answer{}".format(
            exit_code,
            ":\n" + output if output else "",
        ),
        where = None,
        next = "if it was killed, perhaps because memory ran out, run the build again; else report it as a bug",
    ))

def failure_text(failure):
    """Formats a failure for a person, in the form of all errors of the fetcher.

    Args:
        failure: from `read_answer`.

    Returns:
        Text of several lines.
    """
    lines = [failure.error]
    if failure.where:
        lines.append("  at: " + failure.where)
    if failure.next:
        lines.append("  next: " + failure.next)
    return "\n".join(lines)
