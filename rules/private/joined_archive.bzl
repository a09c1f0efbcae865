"""Archives that need each other, as one archive.

cgo takes each archive of a CcInfo once, in order, so it cannot be said twice. A linker's own option for it takes
several arguments, which rules that collect flags tear apart; and in one argument, `-Wl,--start-group,a.a,b.a`, zig and
those like it take no file.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "CC_TOOLCHAIN_TYPE")
load(":c_toolchain.bzl", "c_toolchain", "require_program")

# By numbers: what the script's language takes as a file name is less than what Bazel's paths hold.
_COMMAND = """\
set -eu
ar=$1 archive=$2 root=$(pwd -P)
shift 2
case "$ar" in
*/*) ar=$(cd "${ar%/*}" && pwd -P)/${ar##*/} ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0
echo "create joined.a" > "$folder/script"
for one in "$@"; do
    number=$((number + 1))
    ln -s "$root/$one" "$folder/$number.a"
    echo "addlib $number.a" >> "$folder/script"
done
printf 'save\\nend\\n' >> "$folder/script"
(cd "$folder" && "$ar" -M < script)
mv "$folder/joined.a" "$archive"
"""

def join_archives(ctx, cc_toolchain, archives, verified):
    """Joins archives into one that has all of their members.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: what `find_cc_toolchain` gave.
        archives: the archives' files, in link order.
        verified: what the action depends on besides.

    Returns:
        A file.
    """
    c = c_toolchain(ctx, cc_toolchain)
    require_program(ctx.label, c, "archiver", c.archiver, "cpp_link_static_library")
    archive = ctx.actions.declare_file("lib{}.circular.a".format(ctx.label.name))
    arguments = ctx.actions.args()
    arguments.add(c.archiver)
    arguments.add(archive)
    arguments.add_all(archives)
    ctx.actions.run_shell(
        command = _COMMAND,
        arguments = [arguments],
        env = c.env,
        inputs = depset(archives + verified, transitive = [c.files]),
        outputs = [archive],
        mnemonic = "JoinArchives",
        progress_message = "Joining the archives of %{label} that need each other",
        toolchain = CC_TOOLCHAIN_TYPE,
        use_default_shell_env = True,
    )
    return archive
