"""The action that compares a prebuilt's files with its lock, before anything uses them.

A fetched file can change, since hard links share it with the store and with other workspaces. Bazel notices the change and
would link the new contents. So every user of the files also depends on this action's output.
"""

load(":verifier.bzl", "VerifierInfo")

VERIFIER_ATTRIBUTES = {
    "release": attr.string(
        doc = "A description of the library, its version and platform, for errors.",
    ),
    "sha256": attr.string_dict(
        doc = "The SHA-256 of each file, by its path in the repository.",
    ),
    "_verifier": attr.label(
        cfg = "exec",
        default = "//rules/verify",
        providers = [VerifierInfo],
    ),
}

# The script is sourced, since Windows cannot run a script as a program.
_SCRIPT = '. "$1" "${2#@}"'

def repair_command(repository):
    """The remedy for changed files. Pure.

    Args:
        repository: the canonical name of the spoke.

    Returns:
        A line.
    """
    return ("run `cgo-prebuilt cache verify`, which drops changed files from the store, then " +
            "`bazel fetch --force --repo=@@{}`".format(repository))

def verified_files(ctx, files):
    """Declares the action.

    Args:
        ctx: the context of a rule with `VERIFIER_ATTRIBUTES`.
        files: the files to compare.

    Returns:
        A file that exists only if all of them match the lock. Every user of one of them must depend on it. It has the name of
        a header, since compile actions accept only headers.
    """
    sha256 = ctx.attr.sha256
    stamp = ctx.actions.declare_file(ctx.label.name + ".verified.h")
    parameters = ctx.actions.args()
    parameters.use_param_file("@%s", use_always = True)
    parameters.set_param_file_format("multiline")
    parameters.add(stamp)
    parameters.add(ctx.attr.release)
    parameters.add(repair_command(ctx.label.repo_name))
    for file in files:
        if file.owner.name not in sha256:
            fail("{} has no SHA-256 of {}".format(ctx.label, file.owner.name))
        parameters.add(sha256[file.owner.name])
        parameters.add(file)
    verifier = ctx.attr._verifier[VerifierInfo]
    action = {
        "inputs": files,
        "mnemonic": "VerifyPrebuilt",
        "outputs": [stamp],
        "progress_message": "Verifying %{label}",
        "toolchain": None,
    }
    if verifier.program:
        ctx.actions.run(
            executable = verifier.program,
            arguments = [parameters],
            **action
        )
    else:
        ctx.actions.run_shell(
            command = _SCRIPT,
            arguments = [verifier.script.path, parameters],
            tools = [verifier.script],
            use_default_shell_env = True,
            **action
        )
    return stamp
