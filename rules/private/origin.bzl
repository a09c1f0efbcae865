"""Where a library comes from, and what is said where its prebuilt is unavailable. Pure functions."""

VARIABLE = "CGO_PREBUILT_ORIGIN"

ORIGINS = ["auto", "prebuilt", "source"]

# The fetcher's exit codes for a prebuilt that is unavailable or is not what the lock names.
_UNAVAILABLE = [3, 4]

def origin_of(variable, attribute):
    """Chooses the origin.

    Args:
        variable: the value of `CGO_PREBUILT_ORIGIN`, or None.
        attribute: what the tag says.

    Returns:
        A struct of `origin`, one of `ORIGINS`, and `error`, a string or None.
    """
    origin = variable or attribute
    if origin not in ORIGINS:
        return struct(origin = None, error = "{} is {}\n  next: set it to one of {}".format(
            VARIABLE,
            repr(origin),
            ", ".join(ORIGINS),
        ))
    return struct(origin = origin, error = None)

def after_failed_fetch(origin, exit_code, has_source):
    """Decides what a failed fetch leads to; `fetching/provider.py` decides the same at a prompt.

    Args:
        origin: one of `ORIGINS`.
        exit_code: what the fetcher exited with.
        has_source: whether there is a source to build.

    Returns:
        `build`: the source is built instead. `hint`: it fails and says how a source build would be possible. `fail`: a lock
        that cannot be read, an interrupt or a full disk is no reason to build: it is to be mended.
    """
    if exit_code not in _UNAVAILABLE:
        return "fail"
    return "build" if origin != "prebuilt" and has_source else "hint"

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

def fallback_warning(failure, source):
    """What is printed where a source build takes the prebuilt's place.

    Args:
        failure: from `failed_fetch`.
        source: the label of the library from source.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        failure,
        "  so it is built from source instead: " + source,
        '  to forbid that: origin = "prebuilt" in prebuilt.library, or {}=prebuilt; the next build tries the prebuilt again'.format(VARIABLE),
    ])

def source_hint(source):
    """What to do to build from source, where the origin or a missing source prevents it.

    Args:
        source: the label of the library from source; empty where there is none.

    Returns:
        A line to follow an error.
    """
    if source:
        return '\n  or: build it from source, with origin = "auto" and {} not "prebuilt"'.format(VARIABLE)
    return "\n  or: give prebuilt.library a 'source' to build it from, or the manifest one, and lock it again"
