"""The repository of a lock's own source: the folder that the lock names, or the archive, and how it is built."""

load(":build_file.bzl", "is_bazel_file", "library_values")
load(":interpreter.bzl", "find_interpreter")
load(":python.bzl", "fetcher_environment")
load(":repository_metadata.bzl", "repository_metadata")
load(":source_plan.bzl", "is_source")
load(":transport.bzl", "FETCHING_ATTRIBUTES", "run_through")

def source_repository_name(library):
    """The name of the repository of a library's source."""
    return library + "__source"

def _link_folder(rctx, source):
    """Links what is in the folder, as a local repository does: Bazel sees its files change."""
    folder = rctx.path(str(rctx.path(rctx.attr.lock_file).dirname) + "/" + source["path"])
    if not folder.is_dir:
        fail("\n\n{} cannot be built from source: there is no folder {}\n  at: {}\n  next: {}".format(
            rctx.attr.library,
            folder,
            rctx.attr.lock_file,
            "correct 'path' under 'source' in the manifest and lock it again",
        ))
    for entry in folder.readdir(watch = "yes"):
        if is_source(entry.basename, source["build"]["tool"]) and not is_bazel_file(entry.basename):
            rctx.symlink(entry, entry.basename)

def _fetch_archive(rctx, lock, version):
    rctx.report_progress("fetching the source of {} {}".format(rctx.attr.library, version))
    rctx.file("prebuilt.lock.json", rctx.attr.lock, executable = False)
    result = run_through(
        rctx,
        find_interpreter(rctx, rctx.attr.interpreter),
        "source",
        ["--lock=prebuilt.lock.json"],
        ["--output=.", "--json"],
        fetcher_environment(lock["name"], version),
    )
    if result.return_code != 0:
        fail("\n\nthe source of {} {} could not be fetched (exit code {}):\n{}".format(
            rctx.attr.library,
            version,
            result.return_code,
            result.stderr.strip() or result.stdout.strip(),
        ))
    rctx.delete("prebuilt.lock.json")
    for path in json.decode(result.stdout)["files"]:
        if is_bazel_file(path):
            rctx.delete(path)

def _source_repository_impl(rctx):
    lock = json.decode(rctx.attr.lock)
    version = lock["default_version"]
    source = lock["versions"][version]["source"]
    if "url" in source:
        _fetch_archive(rctx, lock, version)
    else:
        _link_folder(rctx, source)
    build = source["build"]
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        substitutions = library_values(rctx.attr.library, source, rctx.attr.deps) | {
            "{args}": json.encode(build.get("args", [])),
            "{target}": json.encode(build.get("target", "")),
            "{tool}": json.encode(build["tool"]),
        },
        executable = False,
    )
    return repository_metadata(rctx, reproducible = "url" in source)

source_repository = repository_rule(
    implementation = _source_repository_impl,
    doc = "Declares a source_library of a lock's source. Bazel fetches it when a source build is selected.",
    attrs = FETCHING_ATTRIBUTES | {
        "lock": attr.string(
            doc = "A lock that holds the source of one version, as JSON.",
            mandatory = True,
        ),
        "lock_file": attr.label(
            doc = "The lock's own file, whose folder the source's path is relative to.",
            mandatory = True,
        ),
        "_template": attr.label(default = "//rules/private/templates:source.BUILD.bazel.template"),
    },
)
