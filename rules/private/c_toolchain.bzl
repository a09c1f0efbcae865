"""The programs and flags of Bazel's C toolchain, for our own actions."""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load(":archive_flags.bzl", "relocatable_flags")

_MODES = ["dbg", "fastbuild", "opt"]

# Bazel's placeholder if a rule-based toolchain has no tool for one of Bazel's actions.
_NO_PROGRAMS = ("/DUMMY_AR_TOOL", "/DUMMY_GCC_TOOL")

def c_toolchain(ctx, cc_toolchain, mode = None):
    """Reads the C toolchain.

    The programs are those of Bazel's actions, since a rule-based toolchain has no others.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: from `find_cc_toolchain`.
        mode: the compilation mode whose flags to use, instead of the build's.

    Returns:
        A struct of `archiver`, `cc`, `cxx` and `objcopy`, the paths of programs, empty if missing;
        `archiver_flags`, `cflags`, `cxxflags`, `ldflags` and `relocatable_flags`, lists; `compiler`, its kind;
        `env`, a dict of variables; `files`, a depset; and `name`, the toolchain's name in errors.
    """
    others = [other for other in _MODES if other != mode] if mode else []
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features + ([mode] if mode else []),
        unsupported_features = ctx.disabled_features + others,
    )
    compiling = cc_common.create_compile_variables(
        cc_toolchain = cc_toolchain,
        feature_configuration = features,
        use_pic = True,
    )
    linking = cc_common.create_link_variables(
        cc_toolchain = cc_toolchain,
        feature_configuration = features,
        is_linking_dynamic_library = False,
    )

    def has(action):
        return cc_common.action_is_enabled(action_name = action, feature_configuration = features)

    def program(action):
        if not has(action):
            return ""
        path = cc_common.get_tool_for_action(action_name = action, feature_configuration = features)
        return "" if path.endswith(_NO_PROGRAMS) else path

    def flags(action, variables):
        if not has(action):
            return []
        return cc_common.get_memory_inefficient_command_line(
            action_name = action,
            feature_configuration = features,
            variables = variables,
        )

    def env(action, variables):
        return cc_common.get_environment_variables(
            action_name = action,
            feature_configuration = features,
            variables = variables,
        )

    cflags = flags(ACTION_NAMES.c_compile, compiling)
    ldflags = flags(ACTION_NAMES.cpp_link_executable, linking)
    return struct(
        archiver = program(ACTION_NAMES.cpp_link_static_library),
        archiver_flags = flags(ACTION_NAMES.cpp_link_static_library, linking),
        cc = program(ACTION_NAMES.c_compile),
        cflags = cflags,
        compiler = cc_toolchain.compiler,
        cxx = program(ACTION_NAMES.cpp_compile),
        cxxflags = flags(ACTION_NAMES.cpp_compile, compiling),
        env = env(ACTION_NAMES.cpp_link_static_library, linking) | env(ACTION_NAMES.cpp_link_executable, linking) |
              env(ACTION_NAMES.c_compile, compiling),
        files = cc_toolchain.all_files,
        ldflags = ldflags,
        name = cc_toolchain.toolchain_id,
        # Some toolchains define it for the action, others only by its path.
        objcopy = program(ACTION_NAMES.objcopy_embed_data) or cc_toolchain.objcopy_executable or "",
        # Flags for linking may be among the linker's, or only among the compiler's if both are one program.
        relocatable_flags = relocatable_flags(ldflags + cflags),
    )

def require_program(label, c, program, path, action):
    """Fails where the C toolchain lacks a program.

    Args:
        label: the label of the target that needs it.
        c: from `c_toolchain`.
        program: the program's name in errors.
        path: the program's path; empty without one.
        action: the action whose tool it is, by its name in `cc_tool_map`.
    """
    if not path:
        fail("{}: the C toolchain {} has no {}\n  next: give it a tool for {}, or take another C toolchain".format(
            label,
            c.name,
            program,
            action,
        ))
