"""The C library of this machine, for builds for this machine."""

load(":repository_metadata.bzl", "repository_metadata")

def libc_of(os, names):
    """The C library of a machine. Pure.

    Args:
        os: its operating system, by Bazel's name.
        names: the names of the files in `/lib` and `/lib64`.

    Returns:
        `musl`; or `glibc`, also for systems with only one C library.
    """

    # A glibc system may also have musl's loader; but not the other way round.
    musl = [name for name in names if name.startswith("ld-musl-")]
    glibc = [name for name in names if name.startswith(("ld-linux", "ld64.so")) or name.endswith("-linux-gnu")]
    return "musl" if os == "linux" and musl and not glibc else "glibc"

def _host_libc_impl(rctx):
    folders = [rctx.path(name) for name in (["/lib", "/lib64"] if rctx.os.name == "linux" else [])]
    names = [entry.basename for folder in folders if folder.exists for entry in folder.readdir()]
    rctx.file("BUILD.bazel", executable = False)
    rctx.file(
        "libc.bzl",
        "HOST_LIBC = {}\n".format(json.encode(libc_of(rctx.os.name, names))),
        executable = False,
    )
    return repository_metadata(rctx, reproducible = False)

host_libc = repository_rule(
    implementation = _host_libc_impl,
    configure = True,
    doc = "Finds out which C library this machine has.",
    local = True,
)
