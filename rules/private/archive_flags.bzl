"""Static archives that the order alone does not link: as linker arguments. Pure functions.

cgo takes each archive of a CcInfo once, in order, and leaves `alwayslink` out of account (rules_go 1486); but link
flags reach every linker as they are. So what needs more than an order is named in the flags, and nowhere else.
"""

# Kinds of linkers, by their command line.
APPLE = "apple"
GNU = "gnu"
MSVC = "msvc"

def archive_flags(linker, archives, alwayslink, circular, needed):
    """How archives are to be linked.

    Args:
        linker: the kind of linker.
        archives: the library's archives, paths in link order.
        alwayslink: those of them that are linked as a whole.
        circular: those of them that need each other, whatever the order.
        needed: the archives of the libraries that this one depends on. They stand before the flags, and a GNU
            linker does not look back.

    Returns:
        A struct of `listed`, the archives that an ordinary library to link is made of; `flags`, each one argument; and
        `used`, the paths that the flags name.
    """
    if linker != GNU:
        # These look at every archive until nothing is missing.
        option = "-Wl,-force_load," if linker == APPLE else "/WHOLEARCHIVE:"
        return struct(
            listed = [path for path in archives if path not in alwayslink],
            flags = [option + path for path in archives if path in alwayslink],
            used = [path for path in archives if path in alwayslink],
        )
    if not alwayslink and not circular:
        return struct(listed = archives, flags = [], used = [])
    whole = [path for path in archives if path in alwayslink]
    rest = [path for path in archives if path not in alwayslink] + needed
    flags = []
    if whole:
        flags.append(",".join(["-Wl,--whole-archive"] + whole + ["--no-whole-archive"]))
    if rest:
        flags.append(",".join(["-Wl,--start-group"] + rest + ["--end-group"]))
    return struct(listed = [], flags = flags, used = whole + rest)

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
