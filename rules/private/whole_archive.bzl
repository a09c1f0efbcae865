"""Archives that are linked as a whole, also what nothing refers to: as one archive that is.

cgo leaves `alwayslink` out of account (rules_go 1486). The linker's own option for it cannot be handed to cgo either:
cgo gives the linker a library's flags once for each package that depends on it, and two times the whole archive is two
definitions of everything in it. So the archives become one object, which is the only one of a new archive, and a flag
that may be repeated says that a symbol of it is needed.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load(":archive_flags.bzl", "APPLE", "marker_of", "whole_archive_arguments")

_COMMAND = """\
set -eu
cc=$1 ar=$2 marker=$3 object=$4 archive=$5
shift 5
printf 'char %s;\\n' "$marker" > "$object.c"
"$cc" "$@" -r -nostdlib -o "$object" -x c "$object.c" -x none {archives}
rm "$object.c"
case "$ar" in
*libtool) "$ar" -static -o "$archive" "$object" ;;
*) "$ar" rcs "$archive" "$object" ;;
esac
"""

def whole_archive(ctx, cc_toolchain, linker, archives):
    """Joins archives into one that a linker takes all of.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: what `find_cc_toolchain` gave.
        linker: the kind of linker.
        archives: the archives' files.

    Returns:
        A struct of `archive`, a file, and `flag`, which must be given to the linker.
    """
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    variables = cc_common.create_compile_variables(
        cc_toolchain = cc_toolchain,
        feature_configuration = features,
        use_pic = True,
    )
    marker = marker_of(str(ctx.label))
    object_file = ctx.actions.declare_file(ctx.label.name + ".whole.o")
    archive = ctx.actions.declare_file("lib{}.whole.a".format(ctx.label.name))
    arguments = ctx.actions.args()
    arguments.add(cc_common.get_tool_for_action(
        action_name = ACTION_NAMES.c_compile,
        feature_configuration = features,
    ))
    arguments.add(cc_toolchain.ar_executable)
    arguments.add(marker)
    arguments.add(object_file)
    arguments.add(archive)
    arguments.add_all([
        flag
        for flag in cc_common.get_memory_inefficient_command_line(
            action_name = ACTION_NAMES.c_compile,
            feature_configuration = features,
            variables = variables,
        )
        if flag.startswith(("-target", "--target", "--sysroot", "-isysroot", "-B", "-m"))
    ])
    quoted = ["'{}'".format(argument) for argument in whole_archive_arguments(linker, [file.path for file in archives])]
    ctx.actions.run_shell(
        command = _COMMAND.replace("{archives}", " ".join(quoted)),
        arguments = [arguments],
        env = cc_common.get_environment_variables(
            action_name = ACTION_NAMES.c_compile,
            feature_configuration = features,
            variables = variables,
        ),
        inputs = depset(archives, transitive = [cc_toolchain.all_files]),
        outputs = [object_file, archive],
        mnemonic = "WholeArchive",
        progress_message = "Joining the archives of %{label}",
        use_default_shell_env = True,
    )
    return struct(
        archive = archive,
        flag = "-Wl,-u," + ("_" if linker == APPLE else "") + marker,
    )
