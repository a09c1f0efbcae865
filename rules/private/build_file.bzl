"""The BUILD files of libraries' repositories, and Bazel's files that must not be beside them. Pure functions."""

# An archive may have such files from its own build. Here they would hide the files of their folders, or change how Bazel
# reads the repository.
_BAZEL_FILES = [
    ".bazelignore",
    "BUILD",
    "BUILD.bazel",
    "MODULE.bazel",
    "REPO.bazel",
    "WORKSPACE",
    "WORKSPACE.bazel",
    "WORKSPACE.bzlmod",
]

def is_bazel_file(path):
    """Returns whether a file has a meaning for Bazel in any folder; such a file does not go into a repository.

    Args:
        path: the file's path or name.

    Returns:
        A bool.
    """
    return path.split("/")[-1] in _BAZEL_FILES

def library_values(library, described, deps):
    """The values of the placeholders that the BUILD files of prebuilts and of sources share.

    Args:
        library: the name of the target.
        described: the lock's value for a platform, or for the source; a dict.
        deps: the labels of the libraries that it needs.

    Returns:
        A dict from a placeholder to Starlark.
    """
    lists = [
        "alwayslink",
        "circular",
        "defines",
        "include_dirs",
        "interface_library",
        "linkopts",
        "shared_library",
        "static_library",
    ]
    runtime_files = [path for path in described.get("runtime_files", []) if not is_bazel_file(path)]
    headers = [header for header in described.get("headers", []) if not is_bazel_file(header)]
    return {"{%s}" % name: json.encode(described.get(name, [])) for name in lists} | {
        "{deps}": json.encode(deps),
        "{headers}": json.encode(headers),
        "{library}": library,
        "{runtime_files}": json.encode(runtime_files),
    }

def locked_hashes(prebuilt):
    """The hashes of the prebuilt's files that a build or a program uses. Pure.

    Args:
        prebuilt: the lock's value for the platform, a dict.

    Returns:
        A dict from a path to its SHA-256.
    """
    used = {
        path: None
        for kind in ["headers", "interface_library", "runtime_files", "shared_library", "static_library"]
        for path in prebuilt.get(kind, [])
    }
    return {
        file["path"]: file["sha256"]
        for archive in prebuilt["archives"]
        for file in archive["files"]
        if file["path"] in used and not is_bazel_file(file["path"])
    }
