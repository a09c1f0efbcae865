"""Which C library this machine has, for builds for this machine."""

load(":repository_metadata.bzl", "repository_metadata")

def libc_of(os, names):
    """The C library of a machine. Pure.

    Args:
        os: its system, as Bazel calls it.
        names: the names of what is in its folders `/lib` and `/lib64`.

    Returns:
        `musl`, or `glibc`, which also stands for any system that has but one.
    """

    # musl's loader may also be on a system that glibc is the C library of; not the other way round.
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
