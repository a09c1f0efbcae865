"""The policy of falling back to a source build, and its words. Pure functions."""

VARIABLE = "CGO_PREBUILT_FALLBACK"

POLICIES = ["auto", "never", "always"]

# What the fetcher exits with where the prebuilt cannot be had: not there, and not what the lock names.
_UNAVAILABLE = [3, 4]

def fallback_policy(variable, attribute):
    """Chooses the policy.

    Args:
        variable: the value of `CGO_PREBUILT_FALLBACK`, or None.
        attribute: what the tag says.

    Returns:
        A struct of `policy`, one of `POLICIES`, and `error`, a string or None.
    """
    policy = variable or attribute
    if policy not in POLICIES:
        return struct(policy = None, error = "{} is {}\n  next: set it to one of {}".format(
            VARIABLE,
            repr(policy),
            ", ".join(POLICIES),
        ))
    return struct(policy = policy, error = None)

def falls_back(policy, exit_code, source):
    """Whether a failed fetch becomes a source build.

    Args:
        policy: one of `POLICIES`.
        exit_code: what the fetcher exited with.
        source: the label of the library from source; empty where there is none.

    Returns:
        A bool. A lock that cannot be read, an interrupt or a full disk is no reason to build: it is to be mended.
    """
    return policy == "auto" and exit_code in _UNAVAILABLE and source != ""

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
    """What happened, in the words that every policy uses.

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
        '  to forbid that: fallback = "never" in prebuilt.library, or {}=never; the next build tries the prebuilt again'.format(VARIABLE),
    ])

def source_hint(source):
    """What can be done from source, where the policy or the want of a source is in the way.

    Args:
        source: the label of the library from source; empty where there is none.

    Returns:
        A line to follow an error.
    """
    if source:
        return '\n  or: build it from source, with fallback = "auto" and {} not "never"'.format(VARIABLE)
    return "\n  or: give prebuilt.library a 'source' to build it from, or the manifest one, and lock it again"

def fallback_hint(policy, exit_code, source):
    """What could have been done from source, where a failed fetch is final.

    Args:
        policy: one of `POLICIES`.
        exit_code: what the fetcher exited with.
        source: the label of the library from source; empty where there is none.

    Returns:
        A line to follow `failed_fetch`, or an empty string.
    """
    if exit_code in _UNAVAILABLE and (not source or policy == "never"):
        return source_hint(source)
    return ""
