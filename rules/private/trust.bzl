"""The requirements of MODULE.bazel on a library's signers, which the fetcher verifies. Pure functions."""

# In ascending order, as in the fetcher's trust.py.
LEVELS = ["none", "signed", "attested"]

def trust_of(tag, is_root, minimum):
    """Merges the requirements of a prebuilt.library and of prebuilt.defaults.

    Args:
        tag: the tag of the library: `trust`, `public_key` and `identity`, each empty if not set.
        is_root: whether the tag is in the root module. There, it overrides the defaults; other modules cannot require less
            than these.
        minimum: the `trust` of prebuilt.defaults, or an empty string.

    Returns:
        A struct of `level`, one of `LEVELS`, `public_key` and `identity`, or of `error`, a string.
    """
    for level in [tag.trust, minimum]:
        if level and level not in LEVELS:
            return struct(error = "trust is {}\n  next: set it to one of {}".format(repr(level), ", ".join(LEVELS)))
    levels = [tag.trust or "none"]
    if minimum and not (is_root and tag.trust):
        levels.append(minimum)
    if tag.public_key:
        levels.append("signed")
    if tag.identity:
        levels.append("attested")
    return struct(
        error = None,
        level = LEVELS[max([LEVELS.index(level) for level in levels])],
        public_key = tag.public_key,
        identity = tag.identity,
    )

def trust_options(trust):
    """The fetcher's options for the requirements.

    Args:
        trust: from `trust_of`.

    Returns:
        A list of strings, empty without requirements.
    """
    if trust.level == "none":
        return []
    options = ["--trust=" + trust.level]
    if trust.public_key:
        options.append("--public-key=" + trust.public_key)
    if trust.identity:
        options.append("--identity=" + trust.identity)
    return options

def vouchers_in(trust, content):
    """The parts of a lock's version that the fetcher needs to verify the requirements.

    Args:
        trust: from `trust_of`.
        content: the version's dict.

    Returns:
        A dict to add to an excerpt of the lock.
    """
    return {key: content[key] for key in ["signature", "verified"] if trust.level != "none" and key in content}

def extras_for(trust, content):
    """The extras of `python_packages` that the fetcher needs to verify the requirements.

    Args:
        trust: from `trust_of`.
        content: the version's dict in the lock.

    Returns:
        A list of `signatures` and `attestations`. No extra for what the lock lacks, since such a lock is refused anyway.
    """
    extras = []
    by_signature = trust.public_key or (trust.level == "signed" and "signature" in content)
    if by_signature and "signature" in content:
        extras.append("signatures")
    if (trust.level == "attested" or (trust.level == "signed" and not by_signature)) and "verified" in content:
        extras.append("attestations")
    return extras
