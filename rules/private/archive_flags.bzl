"""Linker arguments for static archives that need more than their link order. Pure functions."""

# The kinds of linkers, by the form of their options.
APPLE = "apple"
GNU = "gnu"
MSVC = "msvc"

def circular_range(linker, archives, circular):
    """Decides which archives to join into one, because of circular dependencies.

    Every linker searches one archive until nothing is missing.

    Args:
        linker: the kind of linker.
        archives: the library's archives, paths in link order.
        circular: the archives with circular dependencies.

    Returns:
        The indices of the first one and of the one after the last; equal if none are to be joined.
    """
    found = [index for index, path in enumerate(archives) if path in circular]
    if linker != GNU or len(found) < 2:
        # The other linkers search all archives until nothing is missing.
        return (0, 0)
    return (found[0], found[-1] + 1)

def whole_archive_arguments(linker, archives):
    """The arguments for a linker driver to link archives as a whole.

    Args:
        linker: the kind of linker.
        archives: their paths.

    Returns:
        A list of arguments.
    """
    if linker == MSVC:
        return ["/WHOLEARCHIVE:" + path for path in archives]
    if linker == APPLE:
        return ["-Wl,-force_load," + path for path in archives]
    return ["-Wl,--whole-archive"] + archives + ["-Wl,--no-whole-archive"]

# The next word is their value.
_WITH_VALUE = ["--sysroot", "-B", "-arch", "-isysroot", "-target"]

# The next word is for another program than the driver, whatever it looks like.
_HANDED_ON = ["-Xassembler", "-Xclang", "-Xlinker", "-Xpreprocessor", "-mllvm"]

# The target, the place of the driver's files, the linker.
_RELOCATABLE = ("--gcc-", "--ld-path=", "--sysroot=", "--target=", "-B", "-fuse-ld=", "-isysroot", "-m")

def relocatable_flags(flags):
    """Selects the flags of a toolchain that a linker driver needs to join objects: target, sysroot and linker.

    Args:
        flags: a toolchain's flags, for one program or for several of them.

    Returns:
        A list of arguments, each flag once.
    """
    kept = {}
    before = ""
    for flag in flags:
        if before in _WITH_VALUE:
            kept[(before, flag)] = None
            before = ""
        elif before in _HANDED_ON:
            before = ""
        elif flag in _WITH_VALUE + _HANDED_ON:
            before = flag
        elif flag.startswith(_RELOCATABLE) or flag == "-no-canonical-prefixes":
            kept[(flag,)] = None
    return [word for words in kept for word in words]

def marker_of(label):
    """The C name of the symbol that represents all of a library's whole archives."""
    return "cgo_prebuilt_whole_" + "".join([
        letter if letter.isalnum() else "_"
        for letter in label.elems()
    ])

def stem(file_name):
    """The common name of the static and the shared form of a library: `x` of `libx.a`, `libx.so.1` and `x.dll`."""
    name = file_name.rpartition("/")[2].partition(".")[0]
    return name[len("lib"):] if name.startswith("lib") else name

def twins(static, shared):
    """Finds the shared libraries that are another form of a static archive.

    Args:
        static: the archives' paths.
        shared: the shared libraries' paths.

    Returns:
        A dict from an archive's path to its shared form's.
    """
    by_stem = {stem(path): path for path in shared}
    return {path: by_stem[stem(path)] for path in static if stem(path) in by_stem}
