"""What the fetcher answers with `--json`, also where it fails. Pure functions."""

def read_answer(exit_code, stdout, stderr):
    """Reads what the fetcher answered.

    Args:
        exit_code: what it exited with.
        stdout: its answer, an object as JSON.
        stderr: what it said to a person.

    Returns:
        A struct of `answer`, a dict, and `failure`, None or a struct of `kind` (a word of the reference's table of exit codes),
        `error`, `where` and `next`. A fetcher that was killed, or did not start, answers nothing: its `kind` is empty.
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
    said = stderr.strip() or stdout.strip()
    return struct(answer = None, failure = struct(
        kind = "",
        error = "the fetcher ended with exit code {} and without an answer{}".format(
            exit_code,
            ":\n" + said if said else "",
        ),
        where = None,
        next = "if it was killed, perhaps because memory ran out, run the build again; else report it as a bug",
    ))

def failure_text(failure):
    """A failure as a person reads it, in the form of every error of the fetcher.

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
