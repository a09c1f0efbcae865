"""`@lib//:cgo_env`: a program that prints the environment for a plain `go build`, or runs a command in it."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def runfile_of(path, bin_dir, workspace):
    """The path of an include folder in a runfiles tree.

    Args:
        path: the path in a compilation context: `external/repo/include`, `include`, or below `bin_dir`.
        bin_dir: the output folder of the configuration.
        workspace: the name of the main repository's runfiles.

    Returns:
        The path in the runfiles tree.
    """
    if path == bin_dir or path.startswith(bin_dir + "/"):
        path = path[len(bin_dir) + 1:]
    if path.startswith("external/"):
        return path[len("external/"):]
    if path in ("", "."):
        return workspace
    return workspace + "/" + path

def _runfile_of_file(file, workspace):
    return file.short_path[len("../"):] if file.short_path.startswith("../") else workspace + "/" + file.short_path

def _library_files(linker_input):
    """The file of each library that cgo links: the static archive, else the shared or import library."""
    files = []
    for library in linker_input.libraries:
        file = (library.static_library or library.pic_static_library or
                library.interface_library or library.dynamic_library)
        if file:
            files.append(file)
    return files

def _flag(text, files, workspace):
    """A link flag, with the runfiles path of a file that it names."""
    word = _word(text)
    for file in files:
        word = word.replace(_word(file.path), "${runfiles}/" + _word(_runfile_of_file(file, workspace)))
    return word if word == _word(text) else "'" + word + "'"

def _word(text):
    """Escapes text for the script's double quotes (POSIX, Shell Command Language, 2.2.3)."""
    for character in ("\\", "$", "`", '"'):
        text = text.replace(character, "\\" + character)
    return text

def _define(define):
    """Quotes a define as one field for cgo, which splits at white space and removes quotes."""
    if not [character for character in (" ", "\t", "'", '"') if character in define]:
        return "-D" + _word(define)
    quote = '"' if "'" in define else "'"
    return _word(quote + "-D" + define + quote)

def _cgo_env_impl(ctx):
    info = ctx.attr.library[CcInfo]
    workspace = ctx.workspace_name
    compilation = info.compilation_context
    folders = (
        compilation.includes.to_list() + compilation.quote_includes.to_list() +
        compilation.system_includes.to_list() + compilation.external_includes.to_list()
    )
    cflags = [_define(define) for define in compilation.defines.to_list()]
    for folder in folders:
        flag = "'-I${runfiles}/" + _word(runfile_of(folder, ctx.bin_dir.path, workspace)) + "'"
        if flag not in cflags:
            cflags.append(flag)
    ldflags = []
    libraries = []
    for linker_input in info.linking_context.linker_inputs.to_list():
        for file in _library_files(linker_input):
            # So that a `-lNAME` in a module's `#cgo LDFLAGS` finds it; cgo puts those after CGO_LDFLAGS.
            folder = "'-L${runfiles}/" + _word(_runfile_of_file(file, workspace).rpartition("/")[0]) + "'"
            if folder not in ldflags:
                ldflags.append(folder)
            ldflags.append("'${runfiles}/" + _word(_runfile_of_file(file, workspace)) + "'")
            libraries.append(file)
        ldflags.extend([
            _flag(flag, linker_input.additional_inputs, workspace)
            for flag in linker_input.user_link_flags
        ])
        libraries.extend(linker_input.additional_inputs)
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.expand_template(
        template = ctx.file._template,
        output = script,
        # One placeholder only, since Bazel would also replace further ones inside the first one's value.
        substitutions = {
            "{flags}": 'own_cflags="{}"\nown_ldflags="{}"'.format(" ".join(cflags), " ".join(ldflags)),
        },
        is_executable = True,
    )
    runfiles = ctx.runfiles(
        files = libraries,
        transitive_files = compilation.headers,
    ).merge(ctx.attr.library[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = script, runfiles = runfiles)]

cgo_env = rule(
    implementation = _cgo_env_impl,
    doc = """\
A program that prints `CGO_CFLAGS` and `CGO_LDFLAGS` for a shell, or runs a command with them:

    eval "$(bazel run @lancedb//:cgo_env)" && go build ./...
    bazel run @lancedb//:cgo_env -- go build ./...
""",
    attrs = {
        "library": attr.label(
            doc = "The library to link.",
            mandatory = True,
            providers = [CcInfo],
        ),
        "_template": attr.label(
            allow_single_file = True,
            default = "//rules/private/templates:cgo_env.sh",
        ),
    },
    executable = True,
)
