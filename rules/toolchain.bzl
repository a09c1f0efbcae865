"""The toolchain of source builds, to register your own. See //rules/source for the host's."""

load("//rules/private:source_toolchain.bzl", _SourceBuildToolchainInfo = "SourceBuildToolchainInfo", _source_build_toolchain = "source_build_toolchain")

SourceBuildToolchainInfo = _SourceBuildToolchainInfo
source_build_toolchain = _source_build_toolchain
