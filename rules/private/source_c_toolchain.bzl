"""Bazel's C toolchain for source builds: programs and flags that work in any working folder."""

load(":c_toolchain.bzl", "c_toolchain")
load(":source_flags.bzl", "absolute_flag", "absolute_path", "archiver_of", "compile_flags", "link_flags_of_toolchain")

# Optimized like a prebuilt, whatever the compilation mode of the build.
_MODE = "opt"

def source_c_toolchain(ctx, cc_toolchain):
    """Reads the C toolchain.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: from `find_cc_toolchain`.

    Returns:
        The value of `c_toolchain`, with absolute paths; `archiver` from `archiver_of`; and `remaps_paths`, whether the
        compiler supports -ffile-prefix-map.
    """
    c = c_toolchain(ctx, cc_toolchain, mode = _MODE)
    return struct(
        archiver = archiver_of(c.archiver, c.archiver_flags),
        cc = absolute_path(c.cc),
        cflags = compile_flags(c.cflags),
        cxx = absolute_path(c.cxx),
        cxxflags = compile_flags(c.cxxflags),
        env = c.env,
        files = c.files,
        ldflags = link_flags_of_toolchain(c.ldflags),
        name = c.name,
        objcopy = absolute_path(c.objcopy),
        relocatable_flags = [absolute_flag(flag) for flag in c.relocatable_flags],
        remaps_paths = c.compiler != "msvc-cl",
    )
