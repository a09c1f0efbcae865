"""Static archives that their order alone does not link: as linker arguments. Pure functions.

cgo takes each archive of a CcInfo once, in order; but link flags reach every linker as they are.
"""

# Kinds of linkers, by their command line.
APPLE = "apple"
GNU = "gnu"
MSVC = "msvc"

def group_flags(linker, archives, circular, needed):
    """How archives are to be linked that may need each other.

    Args:
        linker: the kind of linker.
        archives: the library's archives, paths in link order.
        circular: those of them that need each other, whatever the order.
        needed: the archives of the libraries that this one depends on. They stand before the flags, and a GNU
            linker does not look back.

    Returns:
        A struct of `listed`, the archives that ordinary libraries to link are made of; `flags`, each one argument; and
        `used`, the paths that the flags name.
    """
    if linker != GNU or not circular:
        # The others look at every archive until nothing is missing.
        return struct(listed = archives, flags = [], used = [])
    used = archives + needed
    return struct(
        listed = [],
        flags = [",".join(["-Wl,--start-group"] + used + ["--end-group"])],
        used = used,
    )

def whole_archive_arguments(linker, archives):
    """What has a linker driver take all of some archives.

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

def marker_of(label):
    """The symbol that stands for all of a library's whole archives, as C names it."""
    return "cgo_prebuilt_whole_" + "".join([
        letter if letter.isalnum() else "_"
        for letter in label.elems()
    ])

def stem(file_name):
    """What the static and the shared form of a library have in common: `x` of `libx.a`, `libx.so.1` and `x.dll`."""
    name = file_name.rpartition("/")[2].partition(".")[0]
    return name[len("lib"):] if name.startswith("lib") else name

def twins(static, shared):
    """Which shared libraries are another form of a static archive.

    Args:
        static: the archives' paths.
        shared: the shared libraries' paths.

    Returns:
        A dict from an archive's path to its shared form's.
    """
    by_stem = {stem(path): path for path in shared}
    return {path: by_stem[stem(path)] for path in static if stem(path) in by_stem}
