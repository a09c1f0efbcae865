"""Find the host's tools for source builds. A missing tool is not an error here, but in the build that needs it."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "TOOLS")
load(":generated_file.bzl", "write_filled")
load(":programs.bzl", "watch_candidates")
load(":repository_metadata.bzl", "repository_metadata")

# The folders on the PATH of source builds, besides those of the tools.
_SYSTEM_PATH = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]

def search_path(tools, path, windows):
    """The PATH of source builds: equal on machines with the tools at the same places. Pure.

    Args:
        tools: the paths of the available tools.
        path: the caller's PATH, used only on Windows, because that has no fixed system folders.
        windows: whether this is Windows.

    Returns:
        The value of the variable.
    """
    if windows:
        return path
    folders = []
    for tool in tools:
        folder = tool.rpartition("/")[0]
        if folder not in folders + _SYSTEM_PATH:
            folders.append(folder)
    return ":".join(folders + _SYSTEM_PATH)

def field_of(text, name):
    """Reads a line `name: value`. Pure.

    Args:
        text: lines, such as the output of `rustc -vV`.
        name: the name.

    Returns:
        The value; empty without one.
    """
    for line in text.splitlines():
        if line.startswith(name + ": "):
            return line[len(name) + 2:].strip()
    return ""

def _find(rctx, name):
    found = rctx.which(name)
    if found:
        rctx.watch(found)
        return str(found)
    watch_candidates(rctx, name)
    return None

def _rust_without_proxy(rctx, tools):
    """Finds the toolchain that rustup's `cargo` and `rustc` choose by the user's settings."""
    if "rustc" not in tools:
        return tools
    answer = rctx.execute([tools["rustc"], "--print", "sysroot"])
    if answer.return_code != 0:
        return tools
    real = {}
    for name in ("cargo", "rustc"):
        program = rctx.path(answer.stdout.strip()).get_child("bin").get_child(rctx.path(tools.get(name, name)).basename)
        if program.exists:
            rctx.watch(program)
            real[name] = str(program)
    return tools | real if "rustc" in real else tools

def rustup_toolchains(names, folder, host):
    """rustup's toolchains by their short names. Pure.

    Args:
        names: the names of their folders, such as `1.84.0-x86_64-unknown-linux-gnu`.
        folder: the folder that has these.
        host: the Rust target of this machine.

    Returns:
        A dict from a name, such as `1.84.0`, to the toolchain's folder.
    """
    end = "-" + host
    return {name[:-len(end)]: folder + "/" + name for name in sorted(names) if host and name.endswith(end)}

def _rustup_toolchains(rctx, host):
    home = rctx.getenv("RUSTUP_HOME")
    if not home:
        user = rctx.getenv("USERPROFILE" if rctx.os.name.startswith("windows") else "HOME")
        home = user + "/.rustup" if user else ""
    folder = rctx.path(home).get_child("toolchains") if home else None
    if not folder or not folder.is_dir:
        return {}
    names = [entry.basename for entry in folder.readdir(watch = "yes")]
    return rustup_toolchains(names, str(folder), host)

def _host_tools_impl(rctx):
    windows = rctx.os.name.startswith("windows")
    path = rctx.getenv("PATH") or ""
    tools = {}
    for name in TOOLS:
        found = _find(rctx, name)
        if found:
            tools[name] = found
    proxied = tools
    tools = _rust_without_proxy(rctx, tools)
    versions = {name: rctx.execute([tool, "-vV" if name == "rustc" else "--version"]).stdout for name, tool in tools.items()}
    rust_host = field_of(versions.get("rustc", ""), "host")
    lines = ["    {}_path = {},".format(name, json.encode(tool)) for name, tool in sorted(tools.items())]
    write_filled(
        rctx,
        "BUILD.bazel",
        rctx.attr._template,
        {
            "{env}": json.encode({"PATH": search_path(tools.values(), path, windows)}),
            "{rust_host}": json.encode(rust_host),
            # Only rustup's Rust can select one of these.
            "{rust_toolchains}": json.encode(_rustup_toolchains(rctx, rust_host) if proxied != tools else {}),
            "{tools}": "\n".join(lines),
            "{versions}": json.encode([
                (version.splitlines() or ["unknown"])[0]
                for version in versions.values()
            ]),
        },
    )
    return repository_metadata(rctx, reproducible = False)

host_tools = repository_rule(
    implementation = _host_tools_impl,
    # A machine's tools are not vendored for other machines.
    configure = True,
    doc = "Declares a source_build_toolchain with the tools that are on the PATH.",
    attrs = {
        "_template": attr.label(default = "//rules/private/templates:host_tools.BUILD.bazel.template"),
    },
)
