"""Decide where a library comes from, and the messages about unavailable prebuilts. Pure functions."""

load(":answer.bzl", "failure_text")

VARIABLE = "CGO_PREBUILT_ORIGIN"

ORIGINS = ["auto", "prebuilt", "source"]

# The old names of the variable and of two values. Ignoring them could allow a build that they forbid.
OLD_VARIABLE = "CGO_PREBUILT_FALLBACK"
_NEW_VALUES = {"always": "source", "never": "prebuilt"}

# The kinds of failure for which a source build can replace the prebuilt: it is unavailable, or does not match the lock.
_REPLACEABLE_KINDS = ["unavailable", "integrity"]

def origin_error(origin, where):
    """Returns the error for an invalid origin.

    Args:
        origin: the value.
        where: the variable or attribute with the value.

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
    """Returns the error for an old name of the origin's variable or attribute.

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
    """Chooses the default of a hub's build flag for the origin.

    Args:
        variable: the value of `CGO_PREBUILT_ORIGIN`, or None.
        old_variable: the value of `CGO_PREBUILT_FALLBACK`, or None.
        attribute: the origin in MODULE.bazel, one of `ORIGINS`.

    Returns:
        A struct of `origin`, one of `ORIGINS`, and `error`, a string or None.
    """
    if old_variable:
        return struct(origin = None, error = renamed_error(OLD_VARIABLE, VARIABLE, old_variable))
    return struct(origin = variable or attribute, error = origin_error(variable or attribute, VARIABLE))

def after_failed_fetch(origin, kind, has_source):
    """Decides what a failed fetch leads to; `fetching/provider.py` decides the same at a prompt.

    Args:
        origin: one of `ORIGINS`.
        kind: the kind of failure, from `read_answer`.
        has_source: whether there is a source to build.

    Returns:
        `build`: build the source instead. `hint`: fail, and explain how to enable a source build. `fail`: fail, since a person
        must fix the cause, such as an unreadable or untrusted lock, an interrupt, or a full disk.
    """
    if kind not in _REPLACEABLE_KINDS:
        return "fail"
    return "build" if origin != "prebuilt" and has_source else "hint"

def failed_fetch(library, version, platform, failure):
    """The message about a failed fetch, which is the same for every origin.

    Args:
        library: the library's name.
        version: its version.
        platform: the platform.
        failure: from `read_answer`.

    Returns:
        Text of several lines.
    """
    return "{} {} for {} could not be fetched{}:\n{}".format(
        library,
        version,
        platform,
        " ({})".format(failure.kind) if failure.kind else "",
        failure_text(failure),
    )

def fallback_warning(library, failure, origin, source):
    """The warning if a source build may replace the prebuilt.

    Args:
        library: the library's name.
        failure: from `failed_fetch`.
        origin: the default of the hub's build flag, one of `ORIGINS`.
        source: the label of the library built from source.

    Returns:
        Text of several lines.
    """
    if origin == "prebuilt":
        return failure + "\n  only with --@{}//:origin=auto it is built from source: {}".format(library, source)
    return "\n".join([
        failure,
        "  falling back to building from source: " + source,
        '  to forbid that: origin = "prebuilt" in prebuilt.library, or {}=prebuilt; the next build tries the prebuilt again'.format(VARIABLE),
    ])

def source_hint(library, source):
    """The remedy to build from source, if the origin or a missing source prevents it.

    Args:
        library: the library's name.
        source: the label of the library built from source; empty without a source.

    Returns:
        A line to follow an error.
    """
    if source:
        return '\n  or: build it from source, with --@{}//:origin=auto, {}=auto, or origin = "auto" in prebuilt.library'.format(
            library,
            VARIABLE,
        )
    return "\n  or: give prebuilt.library a 'source' to build it from, or the manifest one, and lock it again"
