"""Convert a C toolchain's flags for cargo, make, cmake and shells. Pure functions.

Bazel runs compilers in the execution root, so the paths in their flags are relative to it. A source build runs them
elsewhere: such paths become absolute, by the shell variable `execroot` of the build script.
"""

# Flags that are followed by a path in the same word.
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

# Flags that redefine __DATE__ and the like, with quotes that break in makefiles; SOURCE_DATE_EPOCH replaces them.
_REDACTIONS = ("-D__DATE__=", "-D__TIME__=", "-D__TIMESTAMP__=")

# Flags for optimization, hardening and debug information, which cargo's profile and build scripts decide.
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

# A stand-in for the execution root, which `in_double_quotes` replaces with the variable.
_EXECROOT = "%execroot%"

# Stand-ins for the script's number of jobs, and for its settings for tools of the C toolchain.
JOBS = "%jobs%"
SETTINGS = "%settings%"

def absolute_path(path):
    """A path that works in any working folder; empty for an empty path."""
    if not path or path.startswith("/") or path[1:3] in (":/", ":\\"):
        return path
    return _EXECROOT + "/" + path

def absolute_flag(flag):
    """Makes a flag work in any working folder.

    Args:
        flag: a flag from Bazel for a compiler.

    Returns:
        The flag; a path below the execution root in it is absolute.
    """
    if flag.startswith(_BELOW_EXECROOT):
        return absolute_path(flag)
    for head in _PATH_FLAGS:
        if flag.startswith(head) and flag[len(head):].startswith(_BELOW_EXECROOT):
            return head + absolute_path(flag[len(head):])
    return flag

def compile_flags(flags):
    """A toolchain's compiler flags for a compiler that runs elsewhere.

    Flags for warnings are left out: nobody sees warnings, and a project that makes them errors chooses its own flags.
    """
    return [
        absolute_flag(flag)
        for flag in flags
        if not flag.startswith(_REDACTIONS) and not _asks_for_warnings(flag)
    ]

def _asks_for_warnings(flag):
    return flag.startswith("-W") and not flag.startswith(("-Wa,", "-Wl,", "-Wp,", "-Wno-"))

def target_flags(flags):
    """Selects a toolchain's compiler flags for target and headers, without those for optimization.

    Make, CMake and scripts put the toolchain's flags before the project's, which then take precedence. The `cc` crate puts
    them after those of a build script, where an -O2 would override a -O0 that the script needs.

    Args:
        flags: from `compile_flags`.
    """
    return [flag for flag in flags if flag == "-ObjC" or not flag.startswith(_TUNING)]

def link_flags_of_toolchain(flags):
    """A toolchain's linker flags without libraries, which the project names itself."""
    return [
        absolute_flag(flag)
        for flag in flags
        if not flag.startswith("-l") and flag not in ("-Wl,-no-as-needed", "-Wl,--no-as-needed")
    ]

def archiver_of(path, flags):
    """The program and flags to create an archive; None if the program is not an `ar`, such as Apple's libtool.

    Args:
        path: the toolchain's program for static libraries; empty without one.
        flags: its flags before the archive.

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
        c: the variables of the C toolchain, a dict.
        tools: the variables of the other tools.
        own: the variables of the library.

    Returns:
        A dict; later arguments take precedence. PATHs are joined, since compilers on Windows find their libraries by PATH.
    """
    env = c | tools
    if c.get("PATH") and tools.get("PATH"):
        path = c["PATH"]
        separator = ";" if ";" in path or path[1:2] == ":" else ":"
        env["PATH"] = path + separator + tools["PATH"]
    return env | own

def shell_words(words):
    """Joins words, quoted if needed, for a makefile or a shell to split again."""
    return " ".join([_shell_word(word) for word in words])

def _shell_word(word):
    for letter in word.elems():
        if letter not in _PLAIN:
            return "'" + word.replace("'", "'\\''") + "'"
    return word

def in_double_quotes(text):
    """Quotes a text as one word of a shell script."""
    for character in ("\\", "\"", "$", "`"):
        text = text.replace(character, "\\" + character)
    return '"' + text.replace(_EXECROOT, "$execroot").replace(JOBS, "$jobs") + '"'

def shell_line(words):
    """A command line of the build script; the word `SETTINGS` becomes the script's array of settings."""
    return " ".join([
        '${settings[@]+"${settings[@]}"}' if word == SETTINGS else in_double_quotes(word)
        for word in words
    ])
