"""The tools that build a library from its source: literals, which Starlark loads and Python parses.

`rules/private/source_plan.bzl` uses them in Bazel, `command_lines.py` at a prompt. `tests/starlark/source_cases.bzl` has
cases that both must decide alike.
"""

# The tools that a toolchain may have.
TOOLS = ["cargo", "cmake", "make", "rustc"]

# The programs that each `tool` of a source runs. CMake runs make, unless the arguments name another generator.
NEEDED_TOOLS = {
    "cargo": ["cargo", "rustc"],
    "cmake": ["cmake", "make"],
    "command": [],
    "make": ["make"],
}

# How to install the tools, and other programs that builds often need.
INSTALL = {
    "cargo": "install Rust: https://rustup.rs, or `apt install cargo`, `dnf install cargo`, `brew install rust`",
    "cmake": "install CMake: `apt install cmake`, `dnf install cmake`, `brew install cmake`, `winget install cmake`",
    "go": "install Go: https://go.dev/dl",
    "make": "install make: `apt install make`, `dnf install make`, `xcode-select --install`",
    "nasm": "install NASM: `apt install nasm`, `dnf install nasm`, `brew install nasm`",
    "ninja": "install Ninja: `apt install ninja-build`, `dnf install ninja-build`, `brew install ninja`",
    "protoc": "install protoc: `apt install protobuf-compiler`, `dnf install protobuf-compiler`, `brew install protobuf`",
    "rustc": "install Rust: https://rustup.rs, or `apt install rustc`, `dnf install rust`, `brew install rust`",
}

# The arguments that print a program's version, if not --version.
VERSION_ARGUMENTS = {
    "go": "version",
    "nasm": "-v",
    "rustc": "-vV",
}

# A word in braces is replaced by any number of words; {jobs} may be a part of a word.
COMMANDS = {
    "cargo": [["cargo", "build", "{settings}", "{profile}", "{locked}", "{offline}", "{cross}", "{args}"]],
    "cmake": [
        [
            "cmake",
            "-S",
            ".",
            "-B",
            "build",
            "{generator}",
            "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_POSITION_INDEPENDENT_CODE=ON",
            "{settings}",
            "{cross}",
            "{args}",
        ],
        ["cmake", "--build", "build", "--config", "Release", "--parallel={jobs}", "{target}"],
    ],
    "command": [["{args}"]],
    "make": [["make", "--jobs={jobs}", "{settings}", "{args}", "{target}"]],
}

# The tools that take a `target`, and the option before it.
TARGET_OPTIONS = {
    "cmake": ["--target"],
    "make": [],
}

# Leftovers of earlier builds and of version control in a source's folder.
BUILT_FOLDERS = {
    "cargo": ["target"],
    "cmake": ["build"],
}
NOT_SOURCE = [".git"]

# 1980-01-01, the first day that every archive format can hold; and no times from Apple's archiver.
ENVIRONMENT = {
    "SOURCE_DATE_EPOCH": "315532800",
    "TZ": "UTC",
    "ZERO_AR_DATE": "1",
}

CMAKE_SYSTEMS = {
    "darwin": "Darwin",
    "freebsd": "FreeBSD",
    "linux": "Linux",
    "windows": "Windows",
}

CMAKE_PROCESSORS = {
    "386": "i686",
    "amd64": "x86_64",
    "arm": "armv7l",
    "arm64": "aarch64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}

# Rust's name of each platform. For Windows, the GNU one, since cgo links by GCC's or Clang's driver there.
RUST_TARGETS = {
    "darwin_amd64": "x86_64-apple-darwin",
    "darwin_arm64": "aarch64-apple-darwin",
    "freebsd_amd64": "x86_64-unknown-freebsd",
    "freebsd_arm64": "aarch64-unknown-freebsd",
    "linux_386": "i686-unknown-linux-gnu",
    "linux_386_musl": "i686-unknown-linux-musl",
    "linux_amd64": "x86_64-unknown-linux-gnu",
    "linux_amd64_musl": "x86_64-unknown-linux-musl",
    "linux_arm": "armv7-unknown-linux-gnueabihf",
    "linux_arm64": "aarch64-unknown-linux-gnu",
    "linux_arm64_musl": "aarch64-unknown-linux-musl",
    "linux_arm_musl": "armv7-unknown-linux-musleabihf",
    "linux_ppc64le": "powerpc64le-unknown-linux-gnu",
    "linux_ppc64le_musl": "powerpc64le-unknown-linux-musl",
    "linux_riscv64": "riscv64gc-unknown-linux-gnu",
    "linux_riscv64_musl": "riscv64gc-unknown-linux-musl",
    "linux_s390x": "s390x-unknown-linux-gnu",
    "linux_s390x_musl": "s390x-unknown-linux-musl",
    "windows_386": "i686-pc-windows-gnu",
    "windows_amd64": "x86_64-pc-windows-gnu",
    "windows_arm64": "aarch64-pc-windows-gnullvm",
}
