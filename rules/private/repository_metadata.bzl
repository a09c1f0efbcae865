"""What a repository rule tells Bazel about its result."""

def repository_metadata(rctx, reproducible):
    """The value for a repository rule to return.

    Args:
        rctx: the repository's context.
        reproducible: whether the same attributes give the same files, anywhere and at any time.

    Returns:
        Metadata where this Bazel has it (8.3), else None.
    """
    if hasattr(rctx, "repo_metadata"):
        return rctx.repo_metadata(reproducible = reproducible)
    return None
