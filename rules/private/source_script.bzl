"""Fill in the template of the script that a `source_library`'s action runs."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "ENVIRONMENT")
load(":source_flags.bzl", "JOBS", "SETTINGS", "absolute_path", "in_double_quotes", "shell_line", "shell_words", "target_flags")
load(":source_plan.bzl", "built_path", "command_lines", "cross_arguments", "tools_needed")
load(":source_tools.bzl", "absent_program_error", "absent_tool_error", "crates_error", "other_rust_error")

def _lines_that_look_for_tools(ctx, steps, tools, rust):
    """Shell lines that check tools given by path, since only the machine that runs the action can tell."""
    lines = []
    for step in steps:
        for name in tools_needed(step.tool, step.args):
            tool = getattr(tools, name)
            if not tool.files:
                problem = absent_tool_error(tool.path, name, ctx.label, step.tool)
                lines.append("look_for {} {}".format(in_double_quotes(tool.path), in_double_quotes(problem)))
    for name in ctx.attr.tools:
        lines.append("look_on_path {} {}".format(in_double_quotes(name), in_double_quotes(absent_program_error(name, ctx.label))))
    if rust.release:
        problem = other_rust_error(rust.release, ctx.label)
        lines.append("require_rust {} {} {}".format(
            in_double_quotes(absolute_path(tools.rustc.path)),
            in_double_quotes(rust.release),
            in_double_quotes(problem),
        ))
    return depset(lines).to_list()

def _lines_that_build(ctx, steps, tools, cross_target):
    lines = []
    for step in steps:
        lines += ["step=" + step.tool, "prepare_" + step.tool]
        for words in command_lines(
            step.tool,
            step.args,
            step.target,
            cross = cross_arguments(step.tool, tools.platform, tools.exec_platform, cross_target),
            settings = [SETTINGS],
            jobs = JOBS,
            offline = not ctx.attr.allow_network,
        ):
            if step.tool != "command":
                words = [absolute_path(getattr(tools, words[0]).path)] + words[1:]
            lines.append(shell_line(words))
    return lines

def write_script(ctx, *, steps, tools, rust, c, cross_target, lists, outputs, env):
    """Declares the action that writes the script.

    Args:
        ctx: the context of a `source_library`.
        steps: from `steps_of`.
        tools: a SourceBuildToolchainInfo, with the `cargo` and `rustc` to run.
        rust: from `choose_rust`.
        c: from `source_c_toolchain`.
        cross_target: from `cross_rust_target`.
        lists: files that list sources, by the sources' folder.
        outputs: the declared outputs by the paths that the build writes them to.
        env: the action's variables.

    Returns:
        A file.
    """
    copies = [
        "copy {} {}".format(in_double_quotes(folder), in_double_quotes(absolute_path(file.path)))
        for folder, file in lists.items()
    ]
    collects = [
        "collect {} {}".format(
            in_double_quotes(built_path(path, cross_target)),
            in_double_quotes(absolute_path(file.path)),
        )
        for path, file in outputs.items()
    ]
    if ctx.attr.localize:
        collects += [
            "localize {}".format(in_double_quotes(absolute_path(outputs[path].path)))
            for path in ctx.attr.static_library
        ]
    sums = [file for file in ctx.files.crates if file.basename == "SHA256SUMS"]
    if ctx.files.crates and len(sums) != 1:
        fail(crates_error(len(sums), ctx.label))
    needed = [name for step in steps for name in tools_needed(step.tool, step.args)]
    values = {
        "ar": c.archiver.path if c.archiver else "",
        "arflags": c.archiver.flags if c.archiver else "",
        "cargo_cflags": shell_words(target_flags(c.cflags)),
        "cargo_cxxflags": shell_words(target_flags(c.cxxflags)),
        "cc": c.cc,
        "cflags": shell_words(c.cflags),
        "crate_sums": absolute_path(sums[0].path) if sums else "",
        "cxx": c.cxx,
        "cxxflags": shell_words(c.cxxflags),
        "given": " ".join(sorted(env)),
        "label": str(ctx.label),
        "ldflags": shell_words(c.ldflags),
        "make": absolute_path(tools.make.path) if "make" in needed else "",
        "objcopy": c.objcopy,
        "remap": "-ffile-prefix-map" if c.remaps_paths else "",
        "rust_cross_target": cross_target,
        "rust_target": tools.rust_target,
        "rustc": absolute_path(tools.rustc.path) if tools.rustc else "",
    }
    script = ctx.actions.declare_file(ctx.label.name + ".source_build.sh")
    ctx.actions.expand_template(
        template = ctx.file._template,
        output = script,
        substitutions = {"{%s}" % name: in_double_quotes(value) for name, value in values.items()} | {
            "{build}": "\n".join(_lines_that_build(ctx, steps, tools, cross_target)),
            "{collect_outputs}": "\n".join(collects),
            "{copy_sources}": "\n".join(copies),
            "{environment}": " ".join([in_double_quotes("=".join(item)) for item in ENVIRONMENT.items()]),
            "{jobs}": str(ctx.attr.cores or ""),
            "{keep_global}": " ".join([
                in_double_quotes("--keep-global-symbol=" + pattern)
                for pattern in ctx.attr.localize
            ]),
            "{look_for_tools}": "\n".join(_lines_that_look_for_tools(ctx, steps, tools, rust)),
            "{relocatable_flags}": " ".join([in_double_quotes(flag) for flag in c.relocatable_flags]),
            "{rust_link_flags}": " ".join([in_double_quotes("-Clink-arg=" + flag) for flag in c.ldflags]),
            "{versions}": ", ".join(tools.versions),
        },
        is_executable = True,
    )
    return script
