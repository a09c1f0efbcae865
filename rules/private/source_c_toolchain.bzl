"""Bazel's C toolchain as a source build needs it: programs and flags that hold in another folder."""

load(":c_toolchain.bzl", "c_toolchain")
load(":source_flags.bzl", "absolute_flag", "absolute_path", "archiver_of", "compile_flags", "link_flags_of_toolchain")

# What a prebuilt is, its stand-in is too, whatever mode the rest is built in.
_MODE = "opt"

def source_c_toolchain(ctx, cc_toolchain):
    """Reads the C toolchain.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: what `find_cc_toolchain` gave.

    Returns:
        What `c_toolchain` returns, with absolute paths; `archiver` as `archiver_of` gives it; and `remaps_paths`: whether
        the compiler knows -ffile-prefix-map.
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
