"""A spoke: the repository that holds a library's files for one platform. Bazel fetches it only when it is selected."""

load(":fallback.bzl", "VARIABLE", "failed_fetch", "fallback_hint", "fallback_policy", "fallback_warning", "falls_back")
load(":python.bzl", "fetcher_environment", "find_interpreter")
load(":repository_metadata.bzl", "repository_metadata")
load(":transport.bzl", "FETCHING_ATTRIBUTES", "run_through")

def build_file_values(library, version, platform, prebuilt, deps):
    """The values of the placeholders in a spoke's BUILD file. Pure.

    Args:
        library: the name of the target.
        version: the library's version.
        platform: the platform.
        prebuilt: what the lock holds for the platform, a dict.
        deps: the canonical labels of the libraries that it needs.

    Returns:
        A dict of strings, ready for `rctx.template`.
    """

    def literal(value):
        return json.encode(value)

    paths = sorted([file["path"] for archive in prebuilt["archives"] for file in archive["files"]])
    return {
        "{alwayslink}": literal(prebuilt.get("alwayslink", [])),
        "{circular}": literal(prebuilt.get("circular", [])),
        "{defines}": literal(prebuilt.get("defines", [])),
        "{deps}": literal(deps),
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

def _fall_back(rctx, interpreter, version, failure):
    """Makes the spoke an alias of the source build, and has Bazel try again the next time."""
    source = rctx.attr.source

    # buildifier: disable=print
    print("\n" + fallback_warning(failure, source))
    rctx.template(
        "BUILD.bazel",
        rctx.attr._fallback_template,
        substitutions = {
            "{failure}": json.encode(failure),
            "{library}": rctx.attr.library,
            "{platform}": rctx.attr.platform,
            "{source}": json.encode(source),
            "{version}": version,
        },
        executable = False,
    )
    _forget(rctx, interpreter)
    return repository_metadata(rctx, reproducible = False)

def _forget(rctx, interpreter):
    """Makes this fetch out of date for every command after this one.

    Bazel fetches a repository again when a file that it watches has changed. This one is gone by then.
    """
    made = rctx.execute([interpreter, "-c", _MAKE_FILE])
    if made.return_code != 0:
        fail("\n\nno temporary file can be made:\n" + made.stderr)
    rctx.watch(made.stdout)
    rctx.execute([interpreter, "-c", _REMOVE_FILE, made.stdout])

_MAKE_FILE = """\
import os, tempfile
handle, path = tempfile.mkstemp(prefix = "cgo-prebuilt-fallback-")
os.close(handle)
print(os.path.realpath(path), end = "")
"""

_REMOVE_FILE = """\
import os, sys
os.remove(sys.argv[1])
"""

def _archive_repository_impl(rctx):
    library = rctx.attr.library
    platform = rctx.attr.platform
    lock = json.decode(rctx.attr.lock)
    version = lock["default_version"]
    chosen = fallback_policy(rctx.getenv(VARIABLE), rctx.attr.fallback)
    if chosen.error:
        fail("\n\n" + chosen.error)
    rctx.report_progress("fetching {} {} for {}".format(library, version, platform))
    rctx.file("prebuilt.lock.json", rctx.attr.lock, executable = False)
    interpreter = find_interpreter(rctx, rctx.attr.interpreter)
    result = run_through(
        rctx,
        interpreter,
        "fetch",
        ["--lock=prebuilt.lock.json", "--platform=" + platform],
        ["--output=.", "--fallback=never", "--json"],
        fetcher_environment(lock["name"], version),
    )
    if result.return_code != 0:
        failure = failed_fetch(
            library,
            version,
            platform,
            result.return_code,
            result.stderr.strip() or result.stdout.strip(),
        )
        if falls_back(chosen.policy, result.return_code, rctx.attr.source):
            return _fall_back(rctx, interpreter, version, failure)
        fail("\n\n" + failure + fallback_hint(chosen.policy, result.return_code, rctx.attr.source))
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        substitutions = build_file_values(
            library,
            version,
            platform,
            lock["versions"][version]["platforms"][platform],
            rctx.attr.deps,
        ),
        executable = False,
    )
    return repository_metadata(rctx, reproducible = True)

archive_repository = repository_rule(
    implementation = _archive_repository_impl,
    doc = "Fetches one platform's prebuilt, verifies it against the lock and exposes it as a library.",
    attrs = FETCHING_ATTRIBUTES | {
        "fallback": attr.string(
            default = "auto",
            doc = "The policy, unless CGO_PREBUILT_FALLBACK says another.",
        ),
        "lock": attr.string(
            doc = "A lock that holds this platform of one version, as JSON: a change of any other refetches nothing.",
            mandatory = True,
        ),
        "platform": attr.string(
            doc = "The platform.",
            mandatory = True,
        ),
        "source": attr.string(
            doc = "The canonical label of the library from source; empty where there is none.",
        ),
        "_fallback_template": attr.label(default = "//rules/private/templates:fallback.BUILD.bazel.template"),
        "_template": attr.label(default = "//rules/private/templates:archive.BUILD.bazel.template"),
    },
)
