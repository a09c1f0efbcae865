"""A manifest's linkopts as a linker driver's arguments. Pure functions."""

# The linker's own options with one argument, which a driver passes on as `-Wl,OPTION,ARGUMENT`.
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

# Those of the driver that their argument may be joined to.
_DRIVER_OPTIONS = ["-F", "-L", "-l"]

def _joined(option, argument):
    if option == "-Xlinker":
        return "-Wl," + argument
    return option + argument if option in _DRIVER_OPTIONS else "-Wl,{},{}".format(option, argument)

def link_flags(linkopts):
    """Turns linkopts into arguments.

    `-framework X` is two arguments that must stay neighbors, and rules that join or deduplicate flags tear them
    apart; `-Wl,-framework,X` says the same in one.

    Args:
        linkopts: options as a manifest writes them: `-lm`, `-framework Security`, `-L dir`.

    Returns:
        A list of arguments, each of which means the same alone.
    """
    flags = []
    option = None
    for word in [word for linkopt in linkopts for word in linkopt.split(" ") if word]:
        if option and "," not in word:
            flags.append(_joined(option, word))
            option = None
        elif option:
            # A comma would be taken apart.
            flags.extend([option, word])
            option = None
        elif word in _LINKER_OPTIONS + _DRIVER_OPTIONS + ["-Xlinker"]:
            option = word
        else:
            flags.append(word)
    return flags + ([option] if option else [])
