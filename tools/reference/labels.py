"""Labels, repositories and files that users name, with their meanings."""

from __future__ import annotations

LABELS: tuple[tuple[str, str], ...] = (
    ("`@lancedb`", "the library, for `deps` and `cdeps`"),
    (
        "`@lancedb//:cgo_env`",
        "a program: prints the environment for a plain `go build`, or runs a command in it",
    ),
    (
        "`--@lancedb//:origin`",
        "a flag: `auto`, `prebuilt` or `source`; default: `CGO_PREBUILT_ORIGIN` or MODULE.bazel",
    ),
    ("`@lancedb//:licenses`", "the license files to distribute with the library"),
    ("`--@lancedb//:flavor`", "a flag, if the lock has flavors: one of them"),
    ("`@lancedb//:flavor_is_cuda` and so on", "a `config_setting` for each flavor"),
    ("`@lancedb//:of_flavor_cuda` and so on", "the library in that flavor, whatever the flag says"),
)

MODULE_LABELS: tuple[tuple[str, str], ...] = (
    (
        "`@rules_cgo_prebuilt//rules/libc:musl`, `:glibc`",
        "constraint values: the C library of a Linux platform",
    ),
    (
        "`--@rules_cgo_prebuilt//rules/libc`",
        "a flag: `auto`, `glibc` or `musl`; `auto` follows the platform",
    ),
    ("`@rules_cgo_prebuilt//rules/host`", "the host's platform, including its C library"),
    (
        "`@rules_cgo_prebuilt//rules/features:asan`, `:msan`, `:tsan`",
        "a `config_setting` for each sanitizer in `--features`",
    ),
    (
        "`@rules_cgo_prebuilt//rules/platforms:linux_amd64` and so on",
        "a `config_setting` for each platform",
    ),
    (
        "`@rules_cgo_prebuilt//rules/source:toolchain_type`",
        "the toolchain of source builds",
    ),
    (
        "`@rules_cgo_prebuilt//rules/source:tools`, `:host_tools`, `:no_tools`",
        "a constraint setting and its values: the tools for source builds on an execution platform",
    ),
    (
        "`@rules_cgo_prebuilt//rules:lock.schema.json`, `:manifest.schema.json`",
        "the JSON schemas",
    ),
)

REPOSITORIES: tuple[tuple[str, str], ...] = (
    ("`@lancedb`", "the hub of a library; the only one that a `use_repo` needs"),
    ("`@lancedb__linux_amd64`", "its files for a platform"),
    (
        "`@lancedb__linux_amd64__cuda`",
        "its files for a platform and a flavor, if the lock has flavors",
    ),
    ("`@lancedb__source`", "its source, if the lock has one"),
)

FILES: tuple[tuple[str, str], ...] = (
    ("`prebuilt.yaml`", "the default manifest of a verb"),
    (
        "`prebuilt.lock.json`",
        "the default lock of a verb; `NAME.lock.json` for a manifest `NAME.yaml`",
    ),
    ("`SHA256SUMS`, `SHA256SUMS.sig`", "the hashes of a release, and their signature"),
    ("`ARCHIVE.cdx.json`", "the bill of materials that `pack --sbom` writes"),
)
