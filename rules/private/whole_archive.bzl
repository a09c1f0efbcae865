"""Link archives as a whole, including unreferenced objects, by joining them into one object.

cgo ignores `alwayslink` (rules_go issue 1486). The linker's own option for it does not work with cgo, either: cgo repeats a
library's flags for each package that depends on it, and a whole archive that is linked twice defines each symbol twice. So
the archives become a new archive with one object, and a flag, which may be repeated, requires a symbol of it.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "CC_TOOLCHAIN_TYPE")
load(":archive_flags.bzl", "APPLE", "marker_of", "whole_archive_arguments")
load(":c_toolchain.bzl", "c_toolchain", "require_program")

_COMMAND = """\
set -eu
cc=$1 ar=$2 marker=$3 object=$4 archive=$5
shift 5
printf 'char %s;\\n' "$marker" > "$object.c"
"$cc" "$@" -r -nostdlib -o "$object" -x c "$object.c" -x none {archives}
rm "$object.c"
case "${ar##*/}" in
*libtool*) "$ar" -static -o "$archive" "$object" ;;
*) "$ar" rcs "$archive" "$object" ;;
esac
"""

def whole_archive(ctx, cc_toolchain, linker, archives, verified):
    """Joins archives into one that a linker links as a whole.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: from `find_cc_toolchain`.
        linker: the kind of linker.
        archives: the archives' files.
        verified: further inputs of the action.

    Returns:
        A struct of `archive`, a file, and `flag`, which the linker must get.
    """
    c = c_toolchain(ctx, cc_toolchain)
    require_program(ctx.label, c, "compiler", c.cc, "c_compile")
    require_program(ctx.label, c, "archiver", c.archiver, "cpp_link_static_library")
    marker = marker_of(str(ctx.label))
    object_file = ctx.actions.declare_file(ctx.label.name + ".whole.o")
    archive = ctx.actions.declare_file("lib{}.whole.a".format(ctx.label.name))
    arguments = ctx.actions.args()
    arguments.add(c.cc)
    arguments.add(c.archiver)
    arguments.add(marker)
    arguments.add(object_file)
    arguments.add(archive)
    arguments.add_all(c.relocatable_flags)
    quoted = ["'{}'".format(argument) for argument in whole_archive_arguments(linker, [file.path for file in archives])]
    ctx.actions.run_shell(
        command = _COMMAND.replace("{archives}", " ".join(quoted)),
        arguments = [arguments],
        env = c.env,
        inputs = depset(archives + verified, transitive = [c.files]),
        outputs = [object_file, archive],
        mnemonic = "WholeArchive",
        progress_message = "Joining the archives of %{label}",
        toolchain = CC_TOOLCHAIN_TYPE,
        use_default_shell_env = True,
    )
    return struct(
        archive = archive,
        flag = "-Wl,-u," + ("_" if linker == APPLE else "") + marker,
    )
