"""Locks of the past, of today and of the future, and how every reader judges them.

Python runs this file, too: it is written in what both languages share. The rule is in
docs/decisions/lock-evolution.md.
"""

# What this program writes. A newer revision is any above it.
_REVISION = 1
_NEWER = 2

def _archive(changes):
    return {
        "file": "vec.tar.gz",
        "files": [{"path": "lib/libvec.a", "sha256": "0" * 64, "size": 1}],
        "format": "tar.gz",
        "sha256": "1" * 64,
        "size": 2,
        "strip_prefix": "",
        "urls": ["https://example.com/vec.tar.gz"],
    } | changes

def _platform(changes = {}, archive = {}):
    return {"archives": [_archive(archive)], "static_library": ["lib/libvec.a"]} | changes

def _source(changes = {}, build = {}):
    return {
        "build": {"args": [], "tool": "make"} | build,
        "installed": ["lib/libvec.a"],
        "path": "native",
        "static_library": ["libvec.a"],
    } | changes

def _attestation(changes = {}):
    return {
        "bundle": "{}",
        "commit": "08802efe",
        "issuer": "https://token.actions.githubusercontent.com",
        "predicate": "https://slsa.dev/provenance/v1",
        "repository": "acme/vec",
        "workflow": "acme/vec/.github/workflows/release.yml@refs/tags/v1",
    } | changes

def _lock(revision, version = {}, top = {}, platform = {}, archive = {}):
    usual = {"platforms": {"linux_amd64": _platform(platform, archive)}}
    return {
        "default_version": "v1",
        "name": "vec",
        "revision": revision,
        "schema": 1,
        "versions": {"v1": version or usual},
    } | top

def _without(document, key):
    return {name: value for name, value in document.items() if name != key}

_FILE = {"path": "lib/libvec.a", "sha256": "0" * 64, "size": 1}
_HEADER = {"path": "include/vec.h", "sha256": "2" * 64, "size": 3}
_ONE = {"": ["linux_amd64"]}

# What a lock has in each flavor of its default version, where it is read.
READ = {
    # The past.
    "a lock without a revision is of the first": {
        "lock": _without(_lock(1), "revision"),
        "has": _ONE,
    },
    # Today.
    "what is written today": {
        "lock": _lock(_REVISION),
        "has": _ONE,
    },
    "an attestation": {
        "lock": _lock(_REVISION, {
            "platforms": {"linux_amd64": _platform()},
            "verified": {"attestations": [_attestation()]},
        }),
        "has": _ONE,
    },
    "an archive of which parts can be read": {
        "lock": _lock(_REVISION, archive = {"ranges": "3" * 64}),
        "has": _ONE,
    },
    "a source and a signature": {
        "lock": _lock(_REVISION, {
            "platforms": {"linux_amd64": _platform({"requires": {"cpu": "x86-64-v3", "system": ["OpenCL"]}})},
            "signature": {"public_key": "ssh-ed25519 AAAA", "signature": "x", "sums": "y"},
            "source": _source(),
        }),
        "has": _ONE,
    },
    "a source of several steps, and what is different for a platform": {
        "lock": _lock(_REVISION, {
            "platforms": {"linux_amd64": _platform()},
            "source": _source({
                "env": ["VEC_SIMD", "VEC_LEVEL=2"],
                "platforms": {
                    "linux_arm64": {"linkopts": ["-lm"]},
                    "plan9_amd64": {"unknown": [1]},
                },
                "then": [{"args": ["./headers.sh"], "tool": "command"}],
                "tools": ["protoc"],
                "vendor": True,
            }, {"tool": "cargo", "toolchain": "1.84.0"}),
        }),
        "has": _ONE,
        "skipped": "versions.v1.source.platforms.plan9_amd64",
    },
    "a version that says when it was published, and why nobody should use it": {
        "lock": _lock(_REVISION, {
            "platforms": {"linux_amd64": _platform()},
            "published": "2026-11-28",
            "withdrawn": "it crashes on arm64",
        }),
        "has": _ONE,
    },
    "no platform": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source()}),
        "has": {"": []},
    },
    "flavors": {
        "lock": _lock(_REVISION, {
            "default_flavor": "standard",
            "flavors": {
                "cuda": {"linux_amd64": _platform()},
                "standard": {"linux_amd64": _platform(), "linux_arm64": _platform()},
            },
        }),
        "has": {"cuda": ["linux_amd64"], "standard": ["linux_amd64", "linux_arm64"]},
    },
    "what must be understood is": {
        "lock": _lock(_REVISION, top = {"must_understand": ["signature", "sha256"]}),
        "has": _ONE,
    },
    "a platform of another program is skipped, at the same revision, too": {
        "lock": _lock(_REVISION, {"platforms": {"linux_amd64": _platform(), "plan9_amd64": {"unknown": [1]}}}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.plan9_amd64",
    },
    "a list of files that is shared": {
        "lock": _lock(
            _REVISION,
            archive = {"files": [_FILE], "shared_files": ["v1/1"]},
            platform = {"headers": [], "shared_headers": ["v1/1"]},
            top = {"shared": {"v1/1": [_HEADER]}},
        ),
        "has": _ONE,
    },
    "what a program needs when it runs": {
        "lock": _lock(
            _REVISION,
            archive = {"files": [_FILE, _HEADER]},
            platform = {"runtime_files": ["include/vec.h"]},
        ),
        "has": _ONE,
    },
    # The future.
    "a newer revision with nothing new": {
        "lock": _lock(_NEWER),
        "has": _ONE,
    },
    "a newer key at the top": {
        "lock": _lock(_NEWER, top = {"aliases": {"v2": "v1"}}),
        "has": _ONE,
        "skipped": "aliases",
    },
    "a newer key of a version": {
        "lock": _lock(_NEWER, {"channel": 7, "platforms": {"linux_amd64": _platform()}}),
        "has": _ONE,
        "skipped": "versions.v1.channel",
    },
    "a newer key of a platform": {
        "lock": _lock(_NEWER, platform = {"runpath": ["lib"]}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.linux_amd64.runpath",
    },
    "a newer key of an archive": {
        "lock": _lock(_NEWER, archive = {"chunks": None}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.linux_amd64.archives[0].chunks",
    },
    "a newer key of a file": {
        "lock": _lock(_NEWER, archive = {"files": [_FILE | {"mode": 420}]}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.linux_amd64.archives[0].files[0].mode",
    },
    "a newer key of a source and of a build": {
        "lock": _lock(_NEWER, {"platforms": {}, "source": _source({"patches": []}, {"steps": []})}),
        "has": {"": []},
        "skipped": "versions.v1.source.build.steps",
    },
    "a newer platform": {
        "lock": _lock(_NEWER, {"platforms": {"linux_loong64": _platform({"runpath": []})}}),
        "has": {"": []},
        "skipped": "versions.v1.platforms.linux_loong64",
    },
    "a newer platform of a flavor": {
        "lock": _lock(_NEWER, {
            "default_flavor": "cuda",
            "flavors": {"cuda": {"linux_amd64": _platform(), "linux_loong64": 1}},
        }),
        "has": {"cuda": ["linux_amd64"]},
        "skipped": "versions.v1.flavors.cuda.linux_loong64",
    },
    "a newer archive format, which only those who use it need to know": {
        "lock": _lock(_NEWER, archive = {"format": "tar.br"}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.linux_amd64",
        "unusable": "linux_amd64",
    },
    "a newer processor, which only those who use the prebuilt need to know": {
        "lock": _lock(_NEWER, platform = {"requires": {"cpu": "x86-64-v9"}}),
        "has": _ONE,
        "skipped": "versions.v1.platforms.linux_amd64",
        "unusable": "linux_amd64",
    },
    "a newer build tool, which only those who build need to know": {
        "lock": _lock(_NEWER, {"platforms": {"linux_amd64": _platform()}, "source": _source(build = {"tool": "meson"})}),
        "has": _ONE,
        "skipped": "versions.v1.source.build",
    },
}

# What both readers say of a lock that they refuse, where, and what to do.
REFUSED = {
    "a list": {
        "lock": [],
        "at": "L",
    },
    # The past.
    "an older schema": {
        "lock": _lock(1, top = {"schema": 0}),
        "says": "the lock has schema 0",
        "at": "L",
    },
    # Today.
    "no schema": {
        "lock": _without(_lock(_REVISION), "schema"),
        "at": "L",
    },
    "a schema that is no whole number": {
        "lock": _lock(_REVISION, top = {"schema": 1.0}),
        "says": "the lock has schema 1.0",
        "at": "L",
    },
    "no name": {
        "lock": _without(_lock(_REVISION), "name"),
        "says": "'name' is missing",
        "at": "L",
    },
    "an unknown key at the top": {
        "lock": _lock(_REVISION, top = {"verisons": {}}),
        "says": "unknown key 'verisons'",
        "at": "L",
        "next": "known keys here: $schema, default_version",
    },
    "an unknown key of a version": {
        "lock": _lock(_REVISION, {"platform": {}, "platforms": {}}),
        "says": "unknown key 'platform'",
        "at": "L: versions.v1",
        "next": "known keys here: default_flavor, flavors, platforms",
    },
    "an unknown key of a platform": {
        "lock": _lock(_REVISION, platform = {"static_libary": []}),
        "says": "unknown key 'static_libary'",
        "at": "L: versions.v1.platforms.linux_amd64",
    },
    "an unknown key of an archive": {
        "lock": _lock(_REVISION, archive = {"sha512": "0"}),
        "says": "unknown key 'sha512'",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0]",
    },
    "an unknown key of a file": {
        "lock": _lock(_REVISION, archive = {"files": [_FILE | {"mode": 420}]}),
        "says": "unknown key 'mode'",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0].files[0]",
    },
    # Values that would be something else in a BUILD file, a script or a command line.
    "a line end in a define": {
        "lock": _lock(_REVISION, platform = {"defines": ["A\nEND\ntouch /tmp/x"]}),
        "says": "has a control character",
        "at": "L: versions.v1.platforms.linux_amd64",
    },
    "a carriage return in a define": {
        "lock": _lock(_REVISION, platform = {"defines": ["A=1\r-fplugin=x.so"]}),
        "says": "has a control character",
        "at": "L: versions.v1.platforms.linux_amd64",
    },
    "a line end in a linkopt of a source": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source({"linkopts": ["-lm\nRequires: x"]})}),
        "says": "has a control character",
        "at": "L: versions.v1.source",
    },
    "a control character in an archive's name": {
        "lock": _lock(_REVISION, archive = {"strip_prefix": "a\tb"}),
        "says": "has a control character",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0]",
    },
    "a line end in a version": {
        "lock": _lock(_REVISION, top = {"default_version": "v1", "versions": {"v1": {"platforms": {}}, "v2\nx": {"platforms": {}}}}),
        "at": "L",
    },
    "an empty link option": {
        "lock": _lock(_REVISION, platform = {"linkopts": [""]}),
        "says": "'linkopts' has an empty option",
        "at": "L: versions.v1",
    },
    "both kinds of quotes in a define": {
        "lock": _lock(_REVISION, platform = {"defines": ["A='\"'"]}),
        "says": "with both kinds of quotes, which cgo cannot take",
        "at": "L: versions.v1",
    },
    "a define without a name": {
        "lock": _lock(_REVISION, platform = {"defines": [""]}),
        "says": "which is neither NAME nor NAME=VALUE",
        "at": "L: versions.v1",
    },
    "a define whose name is missing": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source({"defines": ["A", "=1"]})}),
        "says": "which is neither NAME nor NAME=VALUE",
        "at": "L: versions.v1",
    },
    "a define whose name begins with a digit": {
        "lock": _lock(_REVISION, platform = {"defines": ["1A"]}),
        "says": "which is neither NAME nor NAME=VALUE",
        "at": "L: versions.v1",
    },
    "a macro with parameters": {
        "lock": _lock(_REVISION, platform = {"defines": ["F(x)=x"]}),
        "says": "which is neither NAME nor NAME=VALUE",
        "at": "L: versions.v1",
    },
    "a shared library in a folder with a comma": {
        "lock": _lock(
            _REVISION,
            archive = {"files": [_FILE, {"path": "a,-z/libx.so", "sha256": "0" * 64, "size": 1}]},
            platform = {"shared_library": ["a,-z/libx.so"]},
        ),
        "says": "in a folder with a comma",
        "at": "L: versions.v1",
    },
    "a word where a truth value belongs": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source({"vendor": "yes"})}),
        "at": "L: versions.v1.source",
    },
    "an unknown key of a source's platform": {
        "lock": _lock(_REVISION, {
            "platforms": {},
            "source": _source({"platforms": {"linux_amd64": {"vendor": True}}}),
        }),
        "what": "unknown key 'vendor'",
        "at": "L: versions.v1.source.platforms.linux_amd64",
    },
    "an unknown key of a source": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source({"patches": []})}),
        "says": "unknown key 'patches'",
        "at": "L: versions.v1.source",
    },
    "an unknown key of a build": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source(build = {"steps": []})}),
        "says": "unknown key 'steps'",
        "at": "L: versions.v1.source.build",
    },
    "an unknown key of an attestation": {
        "lock": _lock(_REVISION, {"platforms": {}, "verified": {"attestations": [_attestation({"key": "x"})]}}),
        "says": "unknown key 'key'",
        "at": "L: versions.v1.verified.attestations[0]",
    },
    "an unknown key of a signature": {
        "lock": _lock(_REVISION, {
            "platforms": {},
            "signature": {"key": "x", "public_key": "ssh-ed25519 AAAA", "signature": "x", "sums": "y"},
        }),
        "says": "unknown key 'key'",
        "at": "L: versions.v1.signature",
    },
    "an unknown key in a flavor": {
        "lock": _lock(_REVISION, {"default_flavor": "cuda", "flavors": {"cuda": {"linux_amd64": _platform({"x": 1})}}}),
        "says": "unknown key 'x'",
        "at": "L: versions.v1.flavors.cuda.linux_amd64",
    },
    "an unknown key in a lock without a revision": {
        "lock": _without(_lock(1, top = {"verisons": {}}), "revision"),
        "says": "unknown key 'verisons'",
        "at": "L",
    },
    "an unknown archive format": {
        "lock": _lock(_REVISION, archive = {"format": "tar.br"}),
        "says": "'format' is",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0]",
        "next": "it can be one of bz2, conda, deb, file",
    },
    "an unknown build tool": {
        "lock": _lock(_REVISION, {"platforms": {}, "source": _source(build = {"tool": "meson"})}),
        "says": "'tool' is",
        "at": "L: versions.v1.source.build",
        "next": "it can be one of cargo, cmake",
    },
    "an archive with a list that is not there": {
        "lock": _lock(_REVISION, archive = {"shared_files": ["v1/1"]}),
        "says": "is not in the lock's 'shared'",
        "at": "L: versions.v1",
    },
    "headers of a list that is not there": {
        "lock": _lock(_REVISION, platform = {"shared_headers": ["v1/2"]}, top = {"shared": {"v1/1": [_HEADER]}}),
        "says": "is not in the lock's 'shared'",
        "at": "L: versions.v1",
    },
    "an unknown key of a shared file": {
        "lock": _lock(_REVISION, top = {"shared": {"v1/1": [_HEADER | {"mode": 420}]}}),
        "says": "unknown key 'mode'",
        "at": "L: shared.v1/1[0]",
    },
    "an unknown processor": {
        "lock": _lock(_REVISION, platform = {"requires": {"cpu": "x86-64-v9"}}),
        "says": "'cpu' is",
        "at": "L: versions.v1.platforms.linux_amd64.requires",
        "next": "it can be one of x86-64-v2, x86-64-v3",
    },
    "a processor of another architecture": {
        "lock": _lock(_REVISION, platform = {"requires": {"cpu": "armv9-a"}}),
        "says": "which is not a processor level of amd64",
        "at": "L: versions.v1",
    },
    "a URL that is not fetched": {
        "lock": _lock(_REVISION, archive = {"urls": ["https://example.com/vec.tar.gz", "ftp://example.com/vec.tar.gz"]}),
        "says": "is not a URL that can be fetched",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0]",
    },
    "a URL with a port that is none": {
        "lock": _lock(_REVISION, archive = {"urls": ["https://example.com:99999/vec.tar.gz"]}),
        "says": "is not a URL that can be fetched",
        "at": "L: versions.v1.platforms.linux_amd64.archives[0]",
        "next": "write https://HOST/PATH",
    },
    "a source of another scheme": {
        "lock": _lock(_REVISION, {
            "platforms": {},
            "source": _without(_source({"sha256": "0" * 64, "url": "s3://bucket/vec"}), "path"),
        }),
        "says": "is not a URL that can be fetched",
        "at": "L: versions.v1.source",
    },
    "a key of this revision that nobody knows must be understood": {
        "lock": _lock(_REVISION, top = {"must_understand": ["sha512"]}),
        "says": "the lock must be read by a program that knows sha512",
        "at": "L",
    },
    "an unknown need": {
        "lock": _lock(_REVISION, platform = {"requires": {"gpu": "any"}}),
        "says": "unknown key 'gpu'",
        "at": "L: versions.v1.platforms.linux_amd64.requires",
        "next": "known keys here: cpu, glibc, libstdcxx, system",
    },
    "a default version that is not there": {
        "lock": _lock(_REVISION, top = {"default_version": "v2"}),
        "says": "which is not in 'versions'",
        "at": "L",
    },
    "neither platforms nor flavors": {
        "lock": _lock(_REVISION, {"source": _source()}),
        "says": "a version has either 'platforms', or 'flavors' and 'default_flavor'",
        "at": "L: versions.v1",
    },
    "platforms and flavors": {
        "lock": _lock(_REVISION, {"default_flavor": "a", "flavors": {"a": {}}, "platforms": {}}),
        "says": "a version has either 'platforms', or 'flavors' and 'default_flavor'",
        "at": "L: versions.v1",
    },
    "a default flavor of a version without flavors": {
        "lock": _lock(_REVISION, {"default_flavor": "a", "platforms": {}}),
        "says": "a version has either 'platforms', or 'flavors' and 'default_flavor'",
        "at": "L: versions.v1",
    },
    "flavors without a default one": {
        "lock": _lock(_REVISION, {"flavors": {"a": {}}}),
        "says": "a version has either 'platforms', or 'flavors' and 'default_flavor'",
        "at": "L: versions.v1",
    },
    "a default flavor that is not there": {
        "lock": _lock(_REVISION, {"default_flavor": "b", "flavors": {"a": {}}}),
        "says": "is not in 'flavors'",
        "at": "L: versions.v1",
    },
    "a version that is a list": {
        "lock": _lock(_REVISION, top = {"versions": {"v1": []}}),
        "at": "L: versions.v1",
    },
    "a revision that is no whole number": {
        "lock": _lock("1"),
        "says": "'revision' must be a whole number from 1",
        "at": "L",
    },
    "a revision before the first": {
        "lock": _lock(0),
        "says": "'revision' must be a whole number from 1",
        "at": "L",
    },
    # The future.
    "a newer schema, whatever else is in it": {
        "lock": {"libraries": {}, "schema": 2},
        "says": "the lock has schema 2",
        "at": "L",
    },
    "what must be understood and is not": {
        "lock": _lock(_NEWER, top = {"must_understand": ["sha256", "threshold", "timestamps"], "threshold": 2}),
        "says": "the lock must be read by a program that knows threshold, timestamps",
        "at": "L",
        "next": "update rules_cgo_prebuilt and cgo-prebuilt to a version that reads revision 2",
    },
    "what must be understood at the same revision": {
        "lock": _lock(_REVISION, top = {"must_understand": ["threshold"]}),
        "says": "the lock must be read by a program that knows threshold",
        "at": "L",
    },
    "what must be understood is no key": {
        "lock": _lock(_NEWER, top = {"must_understand": [{}]}),
        "at": "L",
    },
    "what must be understood is no list": {
        "lock": _lock(_NEWER, top = {"must_understand": "threshold"}),
        "at": "L",
    },
    "what is known keeps its type": {
        "lock": _lock(_NEWER, top = {"versions": {"v1": {"platforms": []}}}),
        "at": "L: versions.v1",
    },
}
