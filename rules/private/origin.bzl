"""Where a library comes from, and what is said where its prebuilt is unavailable. Pure functions."""

VARIABLE = "CGO_PREBUILT_ORIGIN"

ORIGINS = ["auto", "prebuilt", "source"]

# What the variable and two of its values were called. Ignoring it could build what somebody forbade.
OLD_VARIABLE = "CGO_PREBUILT_FALLBACK"
_NEW_VALUES = {"always": "source", "never": "prebuilt"}

# The fetcher's exit codes for a prebuilt that is unavailable or is not what the lock names.
_UNAVAILABLE = [3, 4]

def origin_error(origin, where):
    """What is wrong with an origin.

    Args:
        origin: the value.
        where: the variable or attribute that has it.

    Returns:
        Text of two lines, or None.
    """
    if origin in ORIGINS:
        return None
    next = "set it to one of " + ", ".join(ORIGINS)
    if origin in _NEW_VALUES:
        next = "write {}, its new name".format(repr(_NEW_VALUES[origin]))
    return "{} is {}\n  next: {}".format(where, repr(origin), next)

def renamed_error(old, new, value):
    """What to say of an origin under the name that the choice had.

    Args:
        old: the variable or attribute.
        new: its new name.
        value: its value, perhaps an old one, too.

    Returns:
        Text of two lines.
    """
    return "{} is called {} now\n  next: remove it, and set {} to {}".format(
        old,
        new,
        new,
        repr(_NEW_VALUES.get(value, value)),
    )

def origin_of(variable, old_variable, attribute):
    """Chooses the origin that a hub's build flag has by default.

    Args:
        variable: the value of `CGO_PREBUILT_ORIGIN`, or None.
        old_variable: the value of `CGO_PREBUILT_FALLBACK`, or None.
        attribute: what MODULE.bazel says, one of `ORIGINS`.

    Returns:
        A struct of `origin`, one of `ORIGINS`, and `error`, a string or None.
    """
    if old_variable:
        return struct(origin = None, error = renamed_error(OLD_VARIABLE, VARIABLE, old_variable))
    return struct(origin = variable or attribute, error = origin_error(variable or attribute, VARIABLE))

def after_failed_fetch(origin, exit_code, has_source):
    """Decides what a failed fetch leads to; `fetching/provider.py` decides the same at a prompt.

    Args:
        origin: one of `ORIGINS`.
        exit_code: what the fetcher exited with.
        has_source: whether there is a source to build.

    Returns:
        `build`: the source is built instead. `hint`: it fails and says how a source build would be possible. `fail`: an
        unreadable lock, an interrupt or a full disk is no reason to build: a person must fix it.
    """
    if exit_code not in _UNAVAILABLE:
        return "fail"
    return "build" if origin != "prebuilt" and has_source else "hint"

def is_untrusted(answer):
    """Whether the lock is not vouched for as is required: no origin answers that with a source build.

    Args:
        answer: what the fetcher printed with `--json`.
    """
    failure = json.decode(answer, default = None)
    return type(failure) == "dict" and failure.get("kind") == "trust"

# What the fetcher's errors begin with.
_ERROR = "cgo-prebuilt: error: "

def error_of(output):
    """What went wrong, without what was said on the way. Pure.

    Args:
        output: what the fetcher said.

    Returns:
        Its error, or all of it where there is none.
    """
    return output.rpartition(_ERROR)[2].strip()

def failed_fetch(library, version, platform, exit_code, output):
    """What happened, in the words that every origin uses.

    Args:
        library: the library's name.
        version: its version.
        platform: the platform.
        exit_code: what the fetcher exited with.
        output: what it said: what happened, at which URL, what to do.

    Returns:
        Text of several lines.
    """
    return "{} {} for {} could not be fetched (exit code {}):\n{}".format(
        library,
        version,
        platform,
        exit_code,
        error_of(output),
    )

def fallback_warning(library, failure, origin, source):
    """What is printed where a source build may take the prebuilt's place.

    Args:
        library: the library's name.
        failure: from `failed_fetch`.
        origin: what the hub's build flag is by default, one of `ORIGINS`.
        source: the label of the library from source.

    Returns:
        Text of several lines.
    """
    if origin == "prebuilt":
        return failure + "\n  only with --@{}//:origin=auto it is built from source: {}".format(library, source)
    return "\n".join([
        failure,
        "  so it is built from source instead: " + source,
        '  to forbid that: origin = "prebuilt" in prebuilt.library, or {}=prebuilt; the next build tries the prebuilt again'.format(VARIABLE),
    ])

def source_hint(library, source):
    """What to do to build from source, where the origin or a missing source prevents it.

    Args:
        library: the library's name.
        source: the label of the library from source; empty where there is none.

    Returns:
        A line to follow an error.
    """
    if source:
        return '\n  or: build it from source, with --@{}//:origin=auto, {}=auto, or origin = "auto" in prebuilt.library'.format(
            library,
            VARIABLE,
        )
    return "\n  or: give prebuilt.library a 'source' to build it from, or the manifest one, and lock it again"
