"""Who must vouch for a library, as MODULE.bazel says; the fetcher verifies it. Pure functions."""

# From the least to the most, as in the fetcher's trust.py.
LEVELS = ["none", "signed", "attested"]

def trust_of(said, is_root, least):
    """Joins what a prebuilt.library and prebuilt.defaults require.

    Args:
        said: the tag of the library: `trust`, `public_key` and `identity`, each empty where it says nothing.
        is_root: whether the root module says so. Its own word on a library wins over its defaults; other modules cannot
            ask for less than these.
        least: the `trust` of prebuilt.defaults, or an empty string.

    Returns:
        A struct of `level`, one of `LEVELS`, `public_key` and `identity`, or of `error`, a string.
    """
    for level in [said.trust, least]:
        if level and level not in LEVELS:
            return struct(error = "trust is {}\n  next: set it to one of {}".format(repr(level), ", ".join(LEVELS)))
    levels = [said.trust or "none"]
    if least and not (is_root and said.trust):
        levels.append(least)
    if said.public_key:
        levels.append("signed")
    if said.identity:
        levels.append("attested")
    return struct(
        error = None,
        level = LEVELS[max([LEVELS.index(level) for level in levels])],
        public_key = said.public_key,
        identity = said.identity,
    )

def trust_options(trust):
    """The fetcher's options for what is required.

    Args:
        trust: what `trust_of` returned.

    Returns:
        A list of strings, empty where nothing is required.
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
    """The parts of a lock's version by which the fetcher verifies what is required.

    Args:
        trust: what `trust_of` returned.
        content: the version's dict.

    Returns:
        A dict to add to an excerpt of the lock.
    """
    return {key: content[key] for key in ["signature", "verified"] if trust.level != "none" and key in content}

def extras_for(trust, content):
    """What the fetcher needs to verify what is required: extras of `python_packages`.

    Args:
        trust: what `trust_of` returned.
        content: the version's dict in the lock.

    Returns:
        A list of `signatures` and `attestations`. None for what the lock lacks, since that is refused without them.
    """
    extras = []
    by_signature = trust.public_key or (trust.level == "signed" and "signature" in content)
    if by_signature and "signature" in content:
        extras.append("signatures")
    if (trust.level == "attested" or (trust.level == "signed" and not by_signature)) and "verified" in content:
        extras.append("attestations")
    return extras
