"""A C toolchain's flags as cargo, make, cmake and a shell take them. Pure functions.

Bazel runs compilers in the execution root, so the paths in their flags are relative to it. A source build runs them
elsewhere: here such paths become absolute, by the shell variable `execroot` of the script that builds.
"""

# Those that a path stands behind, in the same word.
_PATH_FLAGS = [
    "--sysroot=",
    "-B",
    "-F",
    "-I",
    "-L",
    "-Wl,-rpath,",
    "-fuse-ld=",
    "-idirafter",
    "-iframework",
    "-iquote",
    "-isysroot",
    "-isystem",
    "-resource-dir=",
]

_BELOW_EXECROOT = ("external/", "bazel-out/")

# They hide __DATE__ and its like, with quotes that do not survive a makefile; SOURCE_DATE_EPOCH does it too.
_REDACTIONS = ("-D__DATE__=", "-D__TIME__=", "-D__TIMESTAMP__=")

# How far to optimize and to harden, and what is recorded for debuggers: cargo's profile and build scripts say it.
_TUNING = (
    "-DNDEBUG",
    "-D_FORTIFY_SOURCE",
    "-O",
    "-U_FORTIFY_SOURCE",
    "-Wp,-D_FORTIFY_SOURCE",
    "-Wp,-U_FORTIFY_SOURCE",
    "-fdata-sections",
    "-ffunction-sections",
    "-fno-omit-frame-pointer",
    "-fomit-frame-pointer",
    "-fstack-protector",
    "-g",
)

_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"

# Stands for the execution root until `in_double_quotes` puts the variable there.
_EXECROOT = "%execroot%"

# Stand for the script's number of jobs, and for what it tells a tool of the C toolchain.
JOBS = "%jobs%"
SETTINGS = "%settings%"

def absolute_path(path):
    """A path that holds wherever the working folder is; an empty one is none."""
    if not path or path.startswith("/") or path[1:3] in (":/", ":\\"):
        return path
    return _EXECROOT + "/" + path

def absolute_flag(flag):
    """Makes a flag hold in any folder.

    Args:
        flag: as Bazel gives it to a compiler.

    Returns:
        The flag; its path, if it has one below the execution root, is absolute.
    """
    if flag.startswith(_BELOW_EXECROOT):
        return absolute_path(flag)
    for head in _PATH_FLAGS:
        if flag.startswith(head) and flag[len(head):].startswith(_BELOW_EXECROOT):
            return head + absolute_path(flag[len(head):])
    return flag

def compile_flags(flags):
    """A toolchain's compiler flags for a compiler that runs elsewhere.

    Warnings are left out: nobody sees them, and a project that makes them errors has chosen its own.
    """
    return [
        absolute_flag(flag)
        for flag in flags
        if not flag.startswith(_REDACTIONS) and not _asks_for_warnings(flag)
    ]

def _asks_for_warnings(flag):
    return flag.startswith("-W") and not flag.startswith(("-Wa,", "-Wl,", "-Wp,", "-Wno-"))

def target_flags(flags):
    """Those of a toolchain's compiler flags that say what is compiled for and with, not how well.

    Make, CMake and scripts put the toolchain's flags before the project's, whose own then win. The `cc` crate puts them
    behind those of a build script, where -O2 would win over a -O0 that the script needs.

    Args:
        flags: from `compile_flags`.
    """
    return [flag for flag in flags if flag == "-ObjC" or not flag.startswith(_TUNING)]

def link_flags_of_toolchain(flags):
    """A toolchain's linker flags without its libraries: which those are is the project's to say."""
    return [
        absolute_flag(flag)
        for flag in flags
        if not flag.startswith("-l") and flag not in ("-Wl,-no-as-needed", "-Wl,--no-as-needed")
    ]

def archiver_of(path, flags):
    """The program and the flags that make an archive; None where it is not `ar`, as Apple's libtool.

    Args:
        path: the toolchain's program for static libraries; empty where it has none.
        flags: the flags that it gets before the archive.

    Returns:
        A struct of `path` and `flags`, a string such as `rcsD`, or None.
    """
    name = path.replace("\\", "/").split("/")[-1]
    if not name or "libtool" in name or name.startswith("lib.") or "link" in name:
        return None
    letters = flags[0].lstrip("-") if flags else ""
    return struct(path = absolute_path(path), flags = letters if letters.startswith("r") else "rcs")

def build_environment(c, tools, own):
    """The variables of a source build.

    Args:
        c: those of the C toolchain, a dict.
        tools: those of the other tools.
        own: the library's own.

    Returns:
        A dict: the later ones win, but for PATH, where a compiler of Windows finds its libraries, too.
    """
    env = c | tools
    if c.get("PATH") and tools.get("PATH"):
        path = c["PATH"]
        separator = ";" if ";" in path or path[1:2] == ":" else ":"
        env["PATH"] = path + separator + tools["PATH"]
    return env | own

def shell_words(words):
    """Words for a makefile or a shell to split again: those that need it are in quotes."""
    return " ".join([_shell_word(word) for word in words])

def _shell_word(word):
    for letter in word.elems():
        if letter not in _PLAIN:
            return "'" + word.replace("'", "'\\''") + "'"
    return word

def in_double_quotes(text):
    """A text as one word of a shell script."""
    for sign in ("\\", "\"", "$", "`"):
        text = text.replace(sign, "\\" + sign)
    return '"' + text.replace(_EXECROOT, "$execroot").replace(JOBS, "$jobs") + '"'

def shell_line(words):
    """A command line of the script that builds; `SETTINGS` among the words is the script's array of settings."""
    return " ".join([
        '${settings[@]+"${settings[@]}"}' if word == SETTINGS else in_double_quotes(word)
        for word in words
    ])
