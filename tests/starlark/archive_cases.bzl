"""Archives that their order alone does not link: cases that Bazel's rules and the command must answer alike.

`archive_flags_test.bzl` asks `rules/private/archive_flags.bzl`, `tests/unit/test_archive_cases.py` asks
`go_modules/joined_archive.py` and `linking/linker_arguments.py`. Literals only.
"""

ARCHIVES = ["lib/liba.a", "lib/libb.a", "lib/libc.a", "lib/libd.a"]

# The platform's system, the circular ones of ARCHIVES, and those that become one archive.
JOINED = [
    ["linux", [], []],
    ["linux", ["lib/libb.a"], []],
    ["linux", ["lib/libb.a", "lib/liba.a"], ["lib/liba.a", "lib/libb.a"]],
    # One between them may need them, too.
    ["linux", ["lib/libb.a", "lib/libd.a"], ["lib/libb.a", "lib/libc.a", "lib/libd.a"]],
    ["windows", ["lib/liba.a", "lib/libb.a"], ["lib/liba.a", "lib/libb.a"]],
    # Apple's linker looks at every archive until nothing is missing.
    ["darwin", ["lib/liba.a", "lib/libb.a"], []],
]

# How two archives are linked as a whole.
WHOLE = {
    "darwin": ["-Wl,-force_load,a.a", "-Wl,-force_load,b.a"],
    "linux": ["-Wl,--whole-archive", "a.a", "b.a", "-Wl,--no-whole-archive"],
    "windows": ["-Wl,--whole-archive", "a.a", "b.a", "-Wl,--no-whole-archive"],
}

# What the forms of a library have in common.
STEMS = {
    "lib/libx.a": "x",
    "libx.1.dylib": "x",
    "libx.so": "x",
    "libx.so.1.2": "x",
    "x.dll": "x",
    "x.lib": "x",
}
