"""The action that prints what the system must have, if the linker may not find it.

The error of a failed link names `-lhwloc`, but not the package with it, which the lock names. The linker is not wrapped.
Instead, every link of the library waits for this action, which links an empty program with the library's options. It only
prints and never fails, since the `linkopts` of a binary, which it cannot see, may name the folder.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "CC_TOOLCHAIN_TYPE", "find_cc_toolchain")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":c_toolchain.bzl", "c_toolchain")
load(":link_flags.bzl", "link_flags")

# If even a program without the options cannot be linked, the options are not to blame: print nothing.
_COMMAND = """\
set -u
output=$1 before=$2 after=$3 options=$4
shift 4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int main(void) { return 0; }' > "$folder/main.c"
all=("$@")
if ! said=$("$@" "$folder/main.c" -o "$folder/main" 2>&1) &&
    "${all[@]:0:$#-$options}" "$folder/main.c" -o "$folder/main" > "$folder/log" 2>&1; then
    printf '%s\\n' "$before" "$said" "$after" >&2
fi
: > "$output"
"""

def system_message(release, system, options):
    """The message if linking with a library's options fails. Pure.

    Args:
        release: a description of the library, its version and platform.
        system: what the system must have, from the lock.
        options: the library's link options.

    Returns:
        A struct of `before` and `after`: the texts before and after the linker's output.
    """
    return struct(
        before = "{} needs this installed on the system: {}\n  at: its link options {}".format(
            release,
            ", ".join(system),
            " ".join(options),
        ),
        after = "  next: if the link fails, install it where Bazel links; if it is in a folder of its own, name that by" +
                " --linkopt=-L..., in 'linkopts' of the binary, or of a library in 'deps' of prebuilt.library",
    )

def system_libraries(ctx):
    """Declares the action, if the lock names what the system must have.

    Args:
        ctx: the context of a rule with `LINK_ATTRIBUTES`, `release`, `requires_system` and the fragment `cpp`.

    Returns:
        A list of at most one file: an input of the link, so that what the action prints comes first.
    """
    toolchain = find_cc_toolchain(ctx, mandatory = False)
    own = link_flags(ctx.attr.linkopts)
    if not ctx.attr.requires_system or not own or not toolchain or toolchain.compiler in ("clang-cl", "msvc-cl"):
        return []
    c = c_toolchain(ctx, toolchain)
    if not c.cc:
        return []
    of_deps = [
        flag
        for dep in ctx.attr.deps
        for linked in dep[CcInfo].linking_context.linker_inputs.to_list()
        for flag in linked.user_link_flags
        if flag.startswith(("-L", "-F", "-Wl,-L"))
    ]
    message = system_message(ctx.attr.release, ctx.attr.requires_system, ctx.attr.linkopts)
    stamp = ctx.actions.declare_file(ctx.label.name + ".system")
    arguments = ctx.actions.args()
    arguments.add(stamp)
    arguments.add(message.before)
    arguments.add(message.after)
    arguments.add(len(own))
    arguments.add(c.cc)
    arguments.add_all(c.cflags + c.ldflags + ctx.fragments.cpp.linkopts + of_deps + own)
    ctx.actions.run_shell(
        command = _COMMAND,
        arguments = [arguments],
        env = c.env,
        inputs = c.files,
        outputs = [stamp],
        mnemonic = "SystemLibraries",
        progress_message = "Looking for what %{label} links with",
        toolchain = CC_TOOLCHAIN_TYPE,
        use_default_shell_env = True,
    )
    return [stamp]
