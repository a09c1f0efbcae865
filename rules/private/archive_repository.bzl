"""A spoke: the repository that holds a library's files for one platform. Bazel fetches it only when it is selected."""

load(":python.bzl", "find_interpreter", "run_fetcher")
load(":repository_metadata.bzl", "repository_metadata")

_VARIABLES = [
    "CGO_PREBUILT_CACHE",
    "CGO_PREBUILT_MIRROR",
    "CGO_PREBUILT_OFFLINE",
]

def environment_prefix(library):
    """The prefix of a library's own variables: `lancedb-go` has `LANCEDB_GO`. Pure.

    Args:
        library: the library's name in its lock.
    """
    return "".join([
        letter if letter.isalnum() else "_"
        for letter in library.upper().elems()
    ])

def build_file_values(library, version, platform, prebuilt):
    """The values of the placeholders in a spoke's BUILD file. Pure.

    Args:
        library: the name of the target.
        version: the library's version.
        platform: the platform.
        prebuilt: what the lock holds for the platform, a dict.

    Returns:
        A dict of strings, ready for `rctx.template`.
    """

    def literal(value):
        return json.encode(value)

    paths = sorted([file["path"] for archive in prebuilt["archives"] for file in archive["files"]])
    return {
        "{defines}": literal(prebuilt.get("defines", [])),
        "{files}": literal(paths),
        "{headers}": literal(prebuilt.get("headers", [])),
        "{include_dirs}": literal(prebuilt.get("include_dirs", [])),
        "{interface_libraries}": literal(prebuilt.get("interface_library", [])),
        "{library}": library,
        "{linkopts}": literal(prebuilt.get("linkopts", [])),
        "{platform}": platform,
        "{shared_libraries}": literal(prebuilt.get("shared_library", [])),
        "{static_libraries}": literal(prebuilt.get("static_library", [])),
        "{version}": version,
    }

def _archive_repository_impl(rctx):
    library = rctx.attr.library
    platform = rctx.attr.platform
    lock = json.decode(rctx.attr.lock)
    version = lock["default_version"]
    rctx.report_progress("fetching {} {} for {}".format(library, version, platform))
    rctx.file("prebuilt.lock.json", rctx.attr.lock, executable = False)
    names = _VARIABLES + [environment_prefix(lock["name"]) + "_RELEASE_URL"]
    environment = {name: rctx.getenv(name) for name in names}
    environment[environment_prefix(lock["name"]) + "_VERSION"] = version
    result = run_fetcher(
        rctx,
        find_interpreter(rctx, rctx.attr.interpreter),
        rctx.attr.packages,
        [
            "fetch",
            "--lock=prebuilt.lock.json",
            "--platform=" + platform,
            "--output=.",
            "--fallback=never",
            "--json",
        ],
        environment,
    )
    if result.return_code != 0:
        fail("\n\n{} {} for {} could not be fetched (exit code {}):\n{}".format(
            library,
            version,
            platform,
            result.return_code,
            result.stderr.strip() or result.stdout.strip(),
        ))
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        substitutions = build_file_values(
            library,
            version,
            platform,
            lock["versions"][version]["platforms"][platform],
        ),
        executable = False,
    )
    return repository_metadata(rctx, reproducible = True)

archive_repository = repository_rule(
    implementation = _archive_repository_impl,
    doc = "Fetches one platform's prebuilt, verifies it against the lock and exposes it as a library.",
    attrs = {
        "interpreter": attr.label(
            doc = "The Python to fetch with; the host's `python3` by default.",
        ),
        "library": attr.string(
            doc = "The name of the library's target.",
            mandatory = True,
        ),
        "lock": attr.string(
            doc = "A lock that holds this platform of one version, as JSON: a change of any other refetches nothing.",
            mandatory = True,
        ),
        "packages": attr.label(
            doc = "A file at the root of the repository with the fetcher's Python packages.",
            mandatory = True,
        ),
        "platform": attr.string(
            doc = "The platform.",
            mandatory = True,
        ),
        "_template": attr.label(default = "//rules/private/templates:archive.BUILD.bazel.template"),
    },
)
