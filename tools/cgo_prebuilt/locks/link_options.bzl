"""The link options that a lock may have without permission: literals, which Starlark loads and Python parses.

Some options load a plugin, read other options from a file or run a program, and the lock's author may not be trusted. So
these are the options that the go command allows in `#cgo LDFLAGS` (`security.go` of cmd/go), as far as libraries
need them. The root module, and CGO_PREBUILT_ALLOW_LINKOPTS, allow more. `tests/locks/link_option_cases.bzl` has the cases
that both readers must decide alike.
"""

# Whole words.
WORDS = [
    "-flat_namespace",
    "-fopenmp",
    "-fuse-ld=gold",
    "-fuse-ld=lld",
    "-headerpad_max_install_names",
    "-mthreads",
    "-mwindows",
    "-no-pie",
    "-no_pie",
    "-ObjC",
    "-pie",
    "-pthread",
    "-rdynamic",
    "-shared",
    "-static",
    "-static-libgcc",
    "-static-libstdc++",
    "-Wl,--allow-multiple-definition",
    "-Wl,--allow-shlib-undefined",
    "-Wl,--as-needed",
    "-Wl,--disable-new-dtags",
    "-Wl,--enable-new-dtags",
    "-Wl,--end-group",
    "-Wl,--exclude-libs,ALL",
    "-Wl,--export-dynamic",
    "-Wl,--gc-sections",
    "-Wl,--no-allow-shlib-undefined",
    "-Wl,--no-as-needed",
    "-Wl,--no-export-dynamic",
    "-Wl,--no-gc-sections",
    "-Wl,--no-undefined",
    "-Wl,--no-whole-archive",
    "-Wl,--pop-state",
    "-Wl,--push-state",
    "-Wl,--start-group",
    "-Wl,--whole-archive",
    "-Wl,-Bdynamic",
    "-Wl,-Bstatic",
    "-Wl,-Bsymbolic",
    "-Wl,-Bsymbolic-functions",
    "-Wl,-E",
    "-Wl,-dead_strip",
    "-Wl,-s",
    "-Wl,-search_paths_first",
    "-Wl,-z,defs",
    "-Wl,-z,lazy",
    "-Wl,-z,muldefs",
    "-Wl,-z,nodelete",
    "-Wl,-z,noexecstack",
    "-Wl,-z,notext",
    "-Wl,-z,now",
    "-Wl,-z,origin",
    "-Wl,-z,relro",
]

# Prefixes of words. The rest of the word must not be empty, and must not have a comma.
BEGINNINGS = [
    "-F",
    "-L",
    "-fsanitize=",
    "-l",
    "-mios-simulator-version-min=",
    "-miphoneos-version-min=",
    "-mmacosx-version-min=",
    "-stdlib=",
    "-Wl,--defsym=",
    "-Wl,--hash-style=",
    "-Wl,--subsystem,",
    "-Wl,--undefined=",
    "-Wl,--unresolved-symbols=",
    "-Wl,--warn-",
    "-Wl,--wrap=",
    "-Wl,-O",
    "-Wl,-framework,",
    "-Wl,-rpath,",
    "-Wl,-rpath-link,",
    "-Wl,-rpath-link=",
    "-Wl,-rpath=",
    "-Wl,-u,",
    "-Wl,-undefined,",
    "-Wl,-weak_framework,",
    "-Wl,-weak_library,",
]

# Words that take the next word as their argument, which must not be an option.
PAIRS = [
    "-F",
    "-L",
    "-arch",
    "-framework",
    "-l",
    "-needed_framework",
    "-u",
    "-undefined",
    "-weak_framework",
    "-weak_library",
]

# For Microsoft's linker: system libraries, by their plain names.
ENDINGS = [
    ".lib",
]

# Prefixes that are refused although BEGINNINGS allows them: Apple's linker loads the library that follows.
REFUSED = [
    "-lto_library",
]
