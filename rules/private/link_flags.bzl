"""A manifest's linkopts as a linker driver's arguments. Pure functions."""

def link_flags(linkopts):
    """Turns linkopts into arguments.

    `-framework X` is two arguments that must stay neighbors, and rules that join or deduplicate flags tear them
    apart; `-Wl,-framework,X` says the same in one.

    Args:
        linkopts: options as a manifest writes them: `-lm`, `-framework Security`, `-L dir`.

    Returns:
        A list of arguments.
    """
    flags = []
    for linkopt in linkopts:
        words = [word for word in linkopt.split(" ") if word]
        if len(words) == 2 and words[0] == "-framework":
            flags.append("-Wl,-framework," + words[1])
        else:
            flags.extend(words)
    return flags
