"""Archives that are linked as a whole, also what nothing refers to: as one archive that is.

cgo leaves `alwayslink` out of account (rules_go 1486). The linker's own option for it cannot be handed to cgo either:
cgo gives the linker a library's flags once for each package that depends on it, and two times the whole archive is two
definitions of everything in it. So the archives become one object, which is the only one of a new archive, and a flag
that may be repeated says that a symbol of it is needed.
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
    """Joins archives into one that a linker takes all of.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: what `find_cc_toolchain` gave.
        linker: the kind of linker.
        archives: the archives' files.
        verified: what the action depends on besides.

    Returns:
        A struct of `archive`, a file, and `flag`, which must be given to the linker.
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
