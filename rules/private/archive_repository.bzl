"""A spoke: the repository with a library's files for one platform. Bazel fetches it only if it is selected."""

load(":build_file.bzl", "is_bazel_file", "library_values", "locked_hashes")
load(":generated_file.bzl", "write_file", "write_filled")
load(":interpreter.bzl", "find_interpreter")
load(":link_mode.bzl", "link_mode_options")
load(":link_options.bzl", "check_linkopts")
load(":lock.bzl", "read_excerpt")
load(":origin.bzl", "OLD_VARIABLE", "VARIABLE", "after_failed_fetch", "failed_fetch", "fallback_warning", "origin_of", "source_hint")
load(":package_url.bzl", "metadata_of", "package_url")
load(":repository_metadata.bzl", "repository_metadata")
load(":stale.bzl", "refetch_with_next_command")
load(":transport.bzl", "FETCHING_ATTRIBUTES", "run_with_transport")

# The lock's ranges file in the repository, which is needed only during the fetch.
_RANGES = "prebuilt.lock.ranges"

def files_of(prebuilt):
    """Divides the files of a prebuilt into those that its repository gets and the others. Pure.

    Args:
        prebuilt: what the lock holds for the platform, a dict.

    Returns:
        A struct of `kept` and `dropped`, sorted lists of paths; `dropped` has files with a meaning for Bazel.
    """
    paths = sorted([file["path"] for archive in prebuilt["archives"] for file in archive["files"]])
    return struct(
        dropped = [path for path in paths if is_bazel_file(path)],
        kept = [path for path in paths if not is_bazel_file(path)],
    )

def withdrawn_warning(library, version, reason):
    """The warning about a withdrawn version. Pure.

    Args:
        library: the library's name.
        version: the version.
        reason: why it was withdrawn.
    """
    return ("WARNING: {} {} is withdrawn: {}\n" +
            "  next: choose another version of the lock with prebuilt.library(version = ...), or lock a newer one").format(
        library,
        version,
        reason,
    )

def sum_of(numbers):
    """Adds numbers, since Starlark has no `sum`. Pure.

    Args:
        numbers: a list.

    Returns:
        The sum.
    """
    total = 0
    for number in numbers:
        total += number
    return total

def _release(rctx, version):
    """The description of the spoke as a Starlark string, which is safe in a comment, too."""
    return json.encode("{} {} for {}".format(rctx.attr.library, version, rctx.attr.platform))

def _offer_source(rctx, interpreter, version, failure, origin):
    """Gives the spoke an alias of the source build and a failing target, and makes Bazel retry with the next command.

    The configuration's origin selects one of them; its build flag is not known here.
    """
    library = rctx.attr.library
    source = rctx.attr.source

    # buildifier: disable=print
    print("\n" + fallback_warning(library, failure, origin, source))
    write_filled(
        rctx,
        "BUILD.bazel",
        rctx.attr._fallback_template,
        {
            "{failure}": json.encode(failure + source_hint(library, source)),
            "{library}": library,
            "{release}": _release(rctx, version),
            "{source}": json.encode(source),
        },
    )
    refetch_with_next_command(rctx, interpreter)
    return repository_metadata(rctx, reproducible = False)

def _bring_ranges(rctx):
    """Puts the ranges file beside the lock, where the fetcher looks for it. Without it, whole archives are read."""
    if rctx.attr.ranges and rctx.attr.transport == "python":
        path = rctx.path(rctx.attr.ranges)
        rctx.watch(path)
        if path.exists:
            rctx.symlink(path, _RANGES)

def _archive_repository_impl(rctx):
    library = rctx.attr.library
    platform = rctx.attr.platform
    lock = read_excerpt(rctx.attr.lock, rctx.attr.shared)
    version = lock.version
    chosen = origin_of(rctx.getenv(VARIABLE), rctx.getenv(OLD_VARIABLE), rctx.attr.origin)
    if chosen.error:
        fail("\n\n" + chosen.error)
    check_linkopts(library, lock.prebuilt.get("linkopts", []), rctx.attr.allow_linkopts)
    what = "{} {} for {}".format(library, version, platform)
    write_file(rctx, "prebuilt.lock.json", lock.text)
    _bring_ranges(rctx)
    interpreter = find_interpreter(rctx, rctx.attr.interpreter)
    result = run_with_transport(
        rctx,
        interpreter,
        "fetch",
        # Name the version: otherwise a variable could ask for one that this excerpt lacks.
        ["--lock=prebuilt.lock.json", "--platform=" + platform, "--version=" + version],
        ["--output=.", "--origin=prebuilt"] + link_mode_options(rctx.attr.link_mode, getattr(native, "bazel_version", "")),
        what,
        size = sum_of([archive["size"] for archive in lock.prebuilt["archives"]]),
    )
    rctx.delete(_RANGES)
    if result.failure:
        failure = failed_fetch(library, version, platform, result.failure)

        # Decide as for `auto`: a configuration may choose that by the build flag, whatever the default is.
        outcome = after_failed_fetch("auto", result.failure.kind, rctx.attr.source != "")
        if outcome == "build":
            return _offer_source(rctx, interpreter, version, failure, chosen.origin)
        fail("\n\n" + failure + (source_hint(library, "") if outcome == "hint" else ""))
    if lock.withdrawn:
        # buildifier: disable=print
        print("\n" + withdrawn_warning(library, version, lock.withdrawn))
    files = files_of(lock.prebuilt)
    for path in files.dropped:
        # It is at most a link to the store's file, which stays.
        rctx.delete(path)
    metadata = metadata_of(rctx.attr.metadata_rule, package_url(lock.name, version, lock.prebuilt["archives"]))
    if metadata.repo:
        write_file(rctx, "REPO.bazel", metadata.repo)
    write_filled(
        rctx,
        "BUILD.bazel",
        rctx.attr._template,
        library_values(library, lock.prebuilt, rctx.attr.deps) | {
            "{files}": json.encode(files.kept),
            "{licenses}": json.encode([path for path in lock.prebuilt.get("licenses", []) if not is_bazel_file(path)]),
            "{load_metadata}": metadata.loads,
            "{package_metadata}": metadata.target,
            "{release}": _release(rctx, version),
            "{requires_system}": json.encode(lock.prebuilt.get("requires", {}).get("system", [])),
            "{sha256}": json.encode(locked_hashes(lock.prebuilt)),
        },
    )
    return repository_metadata(rctx, reproducible = True)

archive_repository = repository_rule(
    implementation = _archive_repository_impl,
    doc = "Fetches one platform's prebuilt, verifies it against the lock and exposes it as a library.",
    attrs = FETCHING_ATTRIBUTES | {
        "link_mode": attr.string(
            doc = "How files leave the store, if MODULE.bazel sets it.",
        ),
        "lock": attr.string(
            doc = "A lock with this platform of one version only, as JSON, so that other changes do not refetch it.",
            mandatory = True,
        ),
        "origin": attr.string(
            default = "auto",
            doc = "The origin in MODULE.bazel; it affects the message about a failure.",
        ),
        "metadata_rule": attr.label(
            doc = "The file that defines the rule `package_metadata`, if the root module sets it.",
        ),
        "platform": attr.string(
            doc = "The platform.",
            mandatory = True,
        ),
        "ranges": attr.label(
            doc = "The file beside the lock that says how to read parts of archives; it may be missing.",
        ),
        "shared": attr.string_dict(
            doc = "The lists of files that this platform shares with others, by name, as JSON.",
        ),
        "source": attr.string(
            doc = "The canonical label of the library built from source; empty without a source.",
        ),
        "_fallback_template": attr.label(default = "//rules/private/templates:fallback.BUILD.bazel.template"),
        "_template": attr.label(default = "//rules/private/templates:archive.BUILD.bazel.template"),
    },
)
