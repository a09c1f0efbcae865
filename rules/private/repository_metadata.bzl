"""The metadata that a repository rule returns to Bazel."""

def repository_metadata(rctx, reproducible):
    """The value for a repository rule to return.

    Args:
        rctx: the repository's context.
        reproducible: whether the same attributes give the same files, anywhere and at any time.

    Returns:
        The metadata if this Bazel supports it (8.3), else None.
    """
    if hasattr(rctx, "repo_metadata"):
        return rctx.repo_metadata(reproducible = reproducible)
    return None
