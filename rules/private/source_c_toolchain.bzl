"""Bazel's C toolchain as a source build needs it: programs and flags that hold in another folder."""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load(":source_flags.bzl", "absolute_path", "archiver_of", "compile_flags", "link_flags_of_toolchain")

# What a prebuilt is, its stand-in is too, whatever mode the rest is built in.
_MODE = "opt"
_OTHER_MODES = ["dbg", "fastbuild"]

def c_toolchain(ctx, cc_toolchain):
    """Reads the C toolchain.

    Args:
        ctx: the context of a rule with the fragment `cpp`.
        cc_toolchain: what `find_cc_toolchain` gave.

    Returns:
        A struct of `cc`, `cxx`, `objcopy` (programs), `archiver` (see `archiver_of`), `cflags`, `cxxflags`, `ldflags`, `env` and
        `files` (a depset), and `remaps_paths`: whether the compiler knows -ffile-prefix-map.
    """
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features + [_MODE],
        unsupported_features = ctx.disabled_features + _OTHER_MODES,
    )
    compile_variables = cc_common.create_compile_variables(
        cc_toolchain = cc_toolchain,
        feature_configuration = features,
        use_pic = True,
    )
    link_variables = cc_common.create_link_variables(
        cc_toolchain = cc_toolchain,
        feature_configuration = features,
        is_linking_dynamic_library = False,
    )

    def program(action):
        return cc_common.get_tool_for_action(action_name = action, feature_configuration = features)

    def flags(action, variables):
        return cc_common.get_memory_inefficient_command_line(
            action_name = action,
            feature_configuration = features,
            variables = variables,
        )

    return struct(
        archiver = archiver_of(
            program(ACTION_NAMES.cpp_link_static_library),
            flags(ACTION_NAMES.cpp_link_static_library, link_variables),
        ),
        cc = absolute_path(program(ACTION_NAMES.c_compile)),
        cflags = compile_flags(flags(ACTION_NAMES.c_compile, compile_variables)),
        cxx = absolute_path(program(ACTION_NAMES.cpp_compile)),
        cxxflags = compile_flags(flags(ACTION_NAMES.cpp_compile, compile_variables)),
        env = cc_common.get_environment_variables(
            action_name = ACTION_NAMES.c_compile,
            feature_configuration = features,
            variables = compile_variables,
        ),
        files = cc_toolchain.all_files,
        ldflags = link_flags_of_toolchain(flags(ACTION_NAMES.cpp_link_executable, link_variables)),
        objcopy = absolute_path(cc_toolchain.objcopy_executable),
        remaps_paths = cc_toolchain.compiler != "msvc-cl",
    )
