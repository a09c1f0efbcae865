"""The repository of a lock's source: a folder or an archive, with its source_library."""

load(":answer.bzl", "failure_text")
load(":build_file.bzl", "is_bazel_file", "library_values")
load(":generated_file.bzl", "write_file", "write_filled")
load(":interpreter.bzl", "find_interpreter")
load(":link_options.bzl", "check_linkopts")
load(":platforms.bzl", "PLATFORMS", "setting_of")
load(":python.bzl", "run_fetcher")
load(":repository_metadata.bzl", "repository_metadata")
load(":source_plan.bzl", "build_step", "cargo_locks", "channel_of", "is_source")
load(":transport.bzl", "FETCHING_ATTRIBUTES", "run_with_transport")

# The folder in the repository for the archives of the crates that Cargo.lock names.
_CRATES = ".cgo-prebuilt-crates"

def source_repository_name(library):
    """The name of the repository of a library's source."""
    return library + "__source"

def source_values(library, source, deps, environ, channel):
    """The values of the placeholders of a source's BUILD file. Pure.

    Args:
        library: the name of the target.
        source: the lock's source.
        deps: the labels of the libraries that it needs.
        environ: the values of the variables in the lock's `env`, by name, if set.
        channel: the channel in the source's `rust-toolchain.toml`; empty without one.

    Returns:
        A dict of strings: Starlark, with a `select()` if platforms differ.
    """
    default = _values(library, source, deps, environ, channel)
    own = {
        platform: _values(library, _of_platform(source, different), deps, environ, channel)
        for platform, different in source.get("platforms", {}).items()
        if platform in PLATFORMS
    }
    return {
        key: _select(value, {platform: values[key] for platform, values in own.items() if values[key] != value})
        for key, value in default.items()
    }

def _of_platform(source, different):
    """The source for a platform; a platform's `build` also replaces the further steps."""
    kept = {key: value for key, value in source.items() if key != "then" or "build" not in different}
    return kept | different

def _select(default, different):
    if not different:
        return default
    branches = [
        "        {}: {},\n".format(json.encode(str(setting_of(platform))), value)
        for platform, value in different.items()
    ]
    return "select({{\n{}        \"//conditions:default\": {},\n    }})".format("".join(branches), default)

def _values(library, source, deps, environ, channel):
    build = source["build"]
    steps = [build] + source.get("then", [])
    env = {}
    for variable in source.get("env", []):
        name, given, value = variable.partition("=")
        if given or name in environ:
            env[name] = value if given else environ[name]
    values = library_values(library, source, deps)
    headers = values.pop("{headers}")
    runtime_files = values.pop("{runtime_files}")
    values.pop("{library}")
    return values | {
        "{args}": json.encode(build.get("args", [])),
        "{env}": json.encode(env),
        "{generated_headers}": _generated(headers),
        "{generated_runtime_files}": _generated(runtime_files),
        "{headers}": "glob({}, allow_empty = True)".format(headers),
        "{runtime_files}": "glob({}, allow_empty = True)".format(runtime_files),
        "{rust_channel}": json.encode(channel),
        "{rust_toolchain}": json.encode(([step["toolchain"] for step in steps if step.get("toolchain")] + [""])[0]),
        "{target}": json.encode(build.get("target", "")),
        "{then}": json.encode([
            build_step(step["tool"], step.get("args", []), step.get("target", ""))
            for step in steps[1:]
        ]),
        "{tool}": json.encode(build["tool"]),
        "{tools}": json.encode(source.get("tools", [])),
    }

def _generated(paths):
    """Starlark for a BUILD file: those of the paths that do not exist before the build, which must write them."""
    return "[path for path in {} if \"*\" not in path and not glob([path], allow_empty = True)]".format(paths)

def _parts(source):
    """Returns the source for all platforms, followed by the sources of platforms that differ."""
    return [source] + [_of_platform(source, different) for different in source.get("platforms", {}).values()]

def _steps_of(source):
    return [step for part in _parts(source) for step in [part["build"]] + part.get("then", [])]

def _environ(rctx, source):
    """Reads the caller's values of the variables that the lock names; Bazel refetches when they change."""
    environ = {}
    for part in _parts(source):
        for variable in part.get("env", []):
            value = None if "=" in variable else rctx.getenv(variable)
            if value != None:
                environ[variable] = value
    return environ

def _channel(rctx, folder):
    """Reads the source's Rust channel, from the original file: Bazel would not notice a change through the link here."""
    for name in ("rust-toolchain", "rust-toolchain.toml"):
        file = folder.get_child(name)
        if file.exists:
            return channel_of(rctx.read(file))
    return ""

def _link_folder(rctx, source):
    """Links the entries of the folder, like a local repository, so that Bazel notices changes. Returns the folder."""
    folder = rctx.path(str(rctx.path(rctx.attr.lock_file).dirname) + "/" + source["path"])
    if not folder.is_dir:
        fail("\n\n{} cannot be built from source: there is no folder {}\n  at: {}\n  next: {}".format(
            rctx.attr.library,
            folder,
            rctx.attr.lock_file,
            "correct 'path' under 'source' in the manifest and lock it again",
        ))
    tools = [step["tool"] for step in _steps_of(source)]
    for entry in folder.readdir(watch = "yes"):
        if all([is_source(entry.basename, tool) for tool in tools]) and not is_bazel_file(entry.basename):
            rctx.symlink(entry, entry.basename)
    if source.get("vendor"):
        for path in cargo_locks([step.get("args", []) for step in _steps_of(source) if step["tool"] == "cargo"]):
            rctx.watch(folder.get_child(path))
    return folder

def _check_trust(rctx, version):
    """Makes the fetcher verify the lock's signers. The folder itself belongs to the user."""

    # Only the lock file has the signature, and since Bazel 8 rctx.path watches nothing.
    rctx.watch(rctx.attr.lock_file)
    result = run_fetcher(
        rctx,
        find_interpreter(rctx, rctx.attr.interpreter),
        ["urls", "--source", "--json", "--lock=" + str(rctx.path(rctx.attr.lock_file)), "--version=" + version] + rctx.attr.trust,
    )
    if result.failure:
        fail(_failure(rctx, version, "the source", "may not be built", result.failure))

def _failure(rctx, version, part, what, failure):
    kind = " ({})".format(failure.kind) if failure.kind else ""
    return "\n\n{} of {} {} {}{}:\n{}".format(part, rctx.attr.library, version, what, kind, failure_text(failure))

def _run(rctx, version, part, verb, how, asking):
    """Runs a verb of the fetcher on the source's lock; returns the names of the files that it wrote."""
    what = "{} of {} {}".format(part, rctx.attr.library, version)
    write_file(rctx, "prebuilt.lock.json", rctx.attr.lock)
    result = run_with_transport(
        rctx,
        find_interpreter(rctx, rctx.attr.interpreter),
        verb,
        ["--lock=prebuilt.lock.json", "--version=" + version],
        how,
        what,
        asking = asking,
    )
    if result.failure:
        fail(_failure(rctx, version, part, "could not be fetched", result.failure))
    rctx.delete("prebuilt.lock.json")
    return result.answer["files"]

def _fetch_archive(rctx, version):
    for path in _run(rctx, version, "the source", "source", ["--output=."], ["--source"]):
        if is_bazel_file(path):
            rctx.delete(path)

def _fetch_crates(rctx, version):
    _run(
        rctx,
        version,
        "the crates",
        "crates",
        ["--source=.", "--output=" + _CRATES],
        ["--crates=."],
    )

def _source_repository_impl(rctx):
    lock = json.decode(rctx.attr.lock)
    version = lock["default_version"]
    source = lock["versions"][version]["source"]
    for described in [source] + source.get("platforms", {}).values():
        check_linkopts(rctx.attr.library, described.get("linkopts", []), rctx.attr.allow_linkopts)
    if "url" in source:
        _fetch_archive(rctx, version)
        folder = rctx.path(".")
    else:
        if rctx.attr.trust:
            _check_trust(rctx, version)
        folder = _link_folder(rctx, source)
    if source.get("vendor"):
        _fetch_crates(rctx, version)
    values = source_values(rctx.attr.library, source, rctx.attr.deps, _environ(rctx, source), _channel(rctx, folder))
    write_filled(
        rctx,
        "BUILD.bazel",
        rctx.attr._template,
        values | {"{crates}": _CRATES, "{library}": rctx.attr.library},
    )
    return repository_metadata(rctx, reproducible = "url" in source)

source_repository = repository_rule(
    implementation = _source_repository_impl,
    doc = "Declares a source_library for a lock's source. Bazel fetches it only if a source build is selected.",
    attrs = FETCHING_ATTRIBUTES | {
        "lock": attr.string(
            doc = "A lock with the source of one version only, as JSON.",
            mandatory = True,
        ),
        "lock_file": attr.label(
            doc = "The lock file, to whose folder the source's path is relative.",
            mandatory = True,
        ),
        "_template": attr.label(default = "//rules/private/templates:source.BUILD.bazel.template"),
    },
)
