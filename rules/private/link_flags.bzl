"""Convert a manifest's linkopts to arguments of a linker driver. Pure functions."""

# Options of the linker with one argument, which a driver passes on as `-Wl,OPTION,ARGUMENT`.
_LINKER_OPTIONS = [
    "-T",
    "-exported_symbols_list",
    "-force_load",
    "-framework",
    "-lazy_framework",
    "-needed_framework",
    "-needed_library",
    "-reexport_framework",
    "-reexport_library",
    "-rpath",
    "-u",
    "-undefined",
    "-upward_framework",
    "-weak_framework",
    "-weak_library",
    "-z",
]

# Options of the driver that may be joined with their argument.
_DRIVER_OPTIONS = ["-F", "-L", "-l"]

def _joined(option, argument):
    if option == "-Xlinker":
        return "-Wl," + argument
    return option + argument if option in _DRIVER_OPTIONS else "-Wl,{},{}".format(option, argument)

def link_flags(linkopts):
    """Converts linkopts to arguments.

    `-framework X` is two adjacent arguments, which rules that join or deduplicate flags may separate;
    `-Wl,-framework,X` is the same in one argument.

    Args:
        linkopts: options in the form of a manifest: `-lm`, `-framework Security`, `-L dir`.

    Returns:
        A list of arguments, each complete by itself.
    """
    flags = []
    option = None
    for word in [word for linkopt in linkopts for word in linkopt.split(" ") if word]:
        if option and "," not in word:
            flags.append(_joined(option, word))
            option = None
        elif option:
            # The driver would split at a comma.
            flags.extend([option, word])
            option = None
        elif word in _LINKER_OPTIONS + _DRIVER_OPTIONS + ["-Xlinker"]:
            option = word
        else:
            flags.append(word)
    return flags + ([option] if option else [])
