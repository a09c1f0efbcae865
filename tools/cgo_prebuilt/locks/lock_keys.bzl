"""The keys and values of a lock of this revision: literals, which Starlark loads and Python parses.

`docs/decisions/lock-evolution.md` has the rule for unknown keys; `tests/locks/samples.bzl` has locks that both readers must
judge alike.
"""

# The version of the format; a lock with a different one is refused.
SCHEMA = 1

# The revision within that version; a lock of a newer revision is read, too.
REVISION = 1

# The possible words for a key. The format `file` is a loose file: an archive whose only member is itself.
WORDS = {
    "format": ["bz2", "conda", "deb", "file", "gem", "gz", "tar", "tar.bz2", "tar.gz", "tar.xz", "tar.zst", "xz", "zip", "zst"],
    "tool": ["cargo", "cmake", "command", "make"],
    "cpu": [
        "x86-64-v2",
        "x86-64-v3",
        "x86-64-v4",
        "armv8.1-a",
        "armv8.2-a",
        "armv8.3-a",
        "armv8.4-a",
        "armv9-a",
    ],
}

# The prefixes of the levels of `cpu`, by architecture.
CPU_ARCHITECTURES = {"x86-64-": "amd64", "armv": "arm64"}

# How a library is compiled and linked: lists of a platform, and of the outputs of a source build.
INTERFACE_LISTS = [
    "static_library",
    "alwayslink",
    "circular",
    "shared_library",
    "interface_library",
    "headers",
    "include_dirs",
    "linkopts",
    "defines",
    "licenses",
    "runtime_files",
]

# The objects that have INTERFACE_LISTS, too.
INTERFACES = ["platform", "source", "source_platform"]

# The keys of each object, and the types of their values. `[x]` is a list of x, `{x}` a mapping from names to x; `text`, `url`,
# `count`, `flag`, `lines` and the names in WORDS are plain values, any other word is an object. A `text` is one line; only
# `lines` may hold CONTROL characters, since a text becomes a word of a command, a script or a BUILD file.
OBJECTS = {
    "lock": {
        "$schema": "text",
        "schema": "count",
        "revision": "count",
        "must_understand": "[text]",
        "name": "text",
        "default_version": "text",
        "shared": "{[file]}",
        "versions": "{version}",
    },
    "version": {
        "platforms": "{platform}",
        "default_flavor": "text",
        "flavors": "{{platform}}",
        "source": "source",
        "signature": "signature",
        "verified": "verified",
        "published": "text",
        "withdrawn": "text",
    },
    "platform": {
        "archives": "[archive]",
        "shared_headers": "[text]",
        "requires": "requires",
    },
    "requires": {
        "cpu": "cpu",
        "glibc": "text",
        "libstdcxx": "text",
        "system": "[text]",
    },
    "archive": {
        "file": "text",
        "urls": "[url]",
        "sha256": "text",
        "size": "count",
        "format": "format",
        "strip_prefix": "text",
        "files": "[file]",
        "shared_files": "[text]",
        "ranges": "text",
    },
    "file": {
        "path": "text",
        "sha256": "text",
        "size": "count",
        "member": "text",
    },
    "source": {
        "path": "text",
        "url": "url",
        "sha256": "text",
        "strip_prefix": "text",
        "build": "build",
        "then": "[build]",
        "env": "[text]",
        "tools": "[text]",
        "vendor": "flag",
        "git": "[git]",
        "installed": "[text]",
        "platforms": "{source_platform}",
    },
    "git": {
        "source": "text",
        "sha256": "text",
    },
    "source_platform": {
        "build": "build",
        "then": "[build]",
        "env": "[text]",
        "tools": "[text]",
        "installed": "[text]",
    },
    "build": {
        "tool": "tool",
        "args": "[lines]",
        "target": "text",
        "toolchain": "text",
    },
    "signature": {
        "public_key": "text",
        "sums": "lines",
        "signature": "lines",
    },
    "verified": {
        "attestations": "[attestation]",
    },
    "attestation": {
        "issuer": "text",
        "repository": "text",
        "workflow": "text",
        "commit": "text",
        "predicate": "text",
        "bundle": "lines",
    },
}

# The keys that an object must have, if the rules use them; the fetcher checks the others.
REQUIRED = {
    "lock": ["schema", "name", "default_version", "versions"],
    "platform": ["archives"],
    "archive": ["files"],
    "file": ["path"],
    "source": ["build"],
}
