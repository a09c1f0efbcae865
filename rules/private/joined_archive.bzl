"""Join archives with circular dependencies into one.

cgo links each archive of a CcInfo once, in order, so an archive cannot be repeated. A linker group takes several arguments,
which rules that collect flags may separate. In one argument, `-Wl,--start-group,a.a,b.a`, some linkers, such as zig's,
accept no file.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "CC_TOOLCHAIN_TYPE")
load(":c_toolchain.bzl", "c_toolchain", "require_program")

# Files are linked to numbered names, since the archiver's scripts allow fewer characters than Bazel's paths.
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
    """Joins archives into one with all their members.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: from `find_cc_toolchain`.
        archives: the archives' files, in link order.
        verified: further inputs of the action.

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
