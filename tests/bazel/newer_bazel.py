"""What Bazel 8, 9 and 10 do by default, asked of the Bazel that is here, in place of those."""

from __future__ import annotations

FLAGS = (
    # 8
    "--noenable_workspace",
    "--incompatible_use_plus_in_repo_names",
    "--incompatible_disallow_empty_glob",
    "--incompatible_no_implicit_watch_label",
    "--incompatible_disable_native_repo_rules",
    "--nolegacy_external_runfiles",
    "--incompatible_strict_action_env",
    # 9
    "--incompatible_disallow_struct_provider_syntax",
    "--incompatible_disable_target_provider_fields",
    "--incompatible_enable_proto_toolchain_resolution",
    "--experimental_platform_in_output_dir",
    # 10 and later
    "--incompatible_no_implicit_file_export",
    "--incompatible_config_setting_private_default_visibility",
    "--incompatible_disable_starlark_host_transitions",
    "--incompatible_check_testonly_for_output_files",
    "--incompatible_auto_exec_groups",
)
"""Options of `build` and of what inherits from it; the first Bazel that has each by default is above it."""

VARIABLE = "CGO_PREBUILT_TEST_NEWER_BAZEL"
"""Set to anything, the end-to-end tests' workspaces have the flags."""
