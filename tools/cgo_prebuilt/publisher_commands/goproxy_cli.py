"""The `goproxy` verbs of the command line."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import this_host
from cgo_prebuilt.commands.verbs import (
    LOCK,
    STALE,
    add_group,
    add_json,
    add_manifest,
    add_network_options,
    add_trust_options,
    add_verb,
    path_argument,
    print_json,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import UsageError

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.go_modules.go_release import GoRelease
    from cgo_prebuilt.manifests.manifest import Manifest

_DEFAULT_PORT = 8100


def add_goproxy(verbs: Verbs) -> None:
    """Add `goproxy` and its verbs."""
    own = add_group(
        verbs,
        "goproxy",
        "publish a library to users of the go command",
        "goproxy build prebuilt.yaml --dist dist --output site",
    )

    verb = add_verb(
        own,
        "build",
        _build,
        "add a release's Go modules to a site that any file server can host",
        "goproxy build prebuilt.yaml --dist dist --output site --url https://go.acme.dev",
    )
    add_manifest(verb)
    what = verb.add_mutually_exclusive_group()
    what.add_argument("--dist", type=path_argument, metavar="DIST", help="what `pack` wrote")
    what.add_argument(
        "--lock",
        type=path_argument,
        metavar="LOCK",
        default=LOCK,
        help="without --dist: fetch the release of this lock, from any publisher",
    )
    verb.add_argument(
        "--output", required=True, type=path_argument, metavar="SITE", help="the site"
    )
    verb.add_argument("--version", metavar="VERSION", help="instead of the manifest's")
    add_trust_options(verb)
    add_network_options(verb)
    verb.add_argument(
        "--slim",
        action="store_true",
        help="keep only what the functions in the headers need, in static libraries (ELF; as in `pack`)",
    )
    verb.add_argument(
        "--url",
        metavar="BASE",
        help="the URL of the site; by default https:// and the module's host",
    )
    verb.add_argument(
        "--zip-url",
        metavar="URL",
        help="put the zips into DIST, and redirect to this base URL or template with {file}",
    )
    verb.add_argument(
        "--sign",
        metavar="KEY_FILE",
        type=path_argument,
        help="sign DIST's SHA256SUMS with this SSH key after --zip-url has added the zips",
    )
    verb.add_argument(
        "--check", action="store_true", help="write nothing; validate SITE, exit 1 if it is stale"
    )

    verb = add_verb(
        own, "serve", _serve, "serve a site, to try it", "goproxy serve site --port 8100"
    )
    verb.add_argument("site", type=path_argument, metavar="SITE", help="what `build` wrote")
    verb.add_argument("--port", type=int, default=_DEFAULT_PORT, help="0 for a free one")
    verb.add_argument("--host", default="127.0.0.1", help="loopback by default")

    verb = add_verb(
        own,
        "require",
        _require,
        "print the go.mod and go.sum lines for all platforms",
        "goproxy require site --only go.sum >> go.sum",
    )
    verb.add_argument("site", type=path_argument, metavar="SITE", help="what `build` wrote")
    verb.add_argument("--module", metavar="PATH", help="required if the site has several")
    verb.add_argument("--version", metavar="VERSION", help="instead of the latest")
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--only", choices=("go.mod", "go.sum"), help="print the lines of one file")
    add_json(verb, "print both as JSON", {"go.mod": (), "go.sum": ()}, form)


def _build(options: argparse.Namespace) -> int:
    from cgo_prebuilt.go_modules.goproxy_build import SeparateZips, Site, build_site, version_time
    from cgo_prebuilt.go_modules.goproxy_require import go_sum_lines
    from cgo_prebuilt.go_modules.goproxy_staging import go_section
    from cgo_prebuilt.manifests.manifest import read_manifest
    from cgo_prebuilt.vouching.sums import SIGNATURE

    if options.sign is not None and options.zip_url is None:
        raise UsageError(
            "--sign is for what --zip-url adds to DIST",
            where="--sign",
            remedy="leave it out: `pack --sign` signs the archives",
        )
    if options.zip_url is not None and options.dist is None:
        raise UsageError(
            "--zip-url puts the zips into DIST, and a lock's release has none",
            where="--zip-url",
            remedy="leave it out: the zips are in the site",
        )
    manifest = read_manifest(options.manifest, options.version)
    go_section(manifest)  # Check it before the release and the site, which are useless without it.
    time = version_time(os.environ)
    release = _release(options, manifest)
    if options.slim:
        from cgo_prebuilt.go_modules.go_release import slimmed

        release = slimmed(release, print_prefixed)
    if options.check:
        return _check(options, manifest, release, time)
    zips = SeparateZips(options.zip_url, options.dist, options.sign) if options.zip_url else None
    was_signed = zips is not None and (zips.folder / SIGNATURE).exists()
    built = build_site(
        manifest,
        release,
        Site(options.output, options.url, zips),
        time=time,
        on_wait=lambda: print_prefixed("another process is building the same site; waiting for it"),
    )
    if zips is not None and was_signed and not (zips.folder / SIGNATURE).exists():
        print_prefixed(
            f"{SIGNATURE} was removed, because the sums changed: sign them again with --sign KEY_FILE"
        )
    for item in built:
        state = "published" if item.new else "was there already"
        print_message(f"{item.staged.module}: {state}")
        if "LICENSE" not in item.staged.contents:
            print_message("  without a LICENSE: set 'go.license' in the manifest")
    print(go_sum_lines({item.staged.module: item.files for item in built}), end="")
    return 0


def _release(options: argparse.Namespace, manifest: Manifest) -> GoRelease:
    from cgo_prebuilt.commands.context import open_store, open_transport
    from cgo_prebuilt.go_modules.go_release import locked_release, packed_release
    from cgo_prebuilt.locks.lock_file import read_lock
    from cgo_prebuilt.settings import CommandLineSettings, read_settings
    from cgo_prebuilt.trust import trust_of

    if options.dist is not None:
        return packed_release(manifest, options.dist)
    lock, store = read_lock(options.lock), open_store()
    trust = trust_of(options.trust, options.public_key, options.identity)
    asked = CommandLineSettings(version=manifest.version, trust=trust)
    settings = read_settings(os.environ, lock.name, asked, lock.versions)
    return locked_release(manifest, lock, settings, store, lambda: open_transport(store.partials))


def _check(options: argparse.Namespace, manifest: Manifest, release: GoRelease, time: str) -> int:
    import tempfile

    from cgo_prebuilt.go_modules.goproxy_build import compare
    from cgo_prebuilt.go_modules.goproxy_check import check_site
    from cgo_prebuilt.go_modules.goproxy_tree import ProxyTree

    is_there = bool(ProxyTree(options.output).modules())
    found = check_site(options.output) if is_there else []
    with tempfile.TemporaryDirectory() as folder:
        built = compare(manifest, release, ProxyTree(options.output), Path(folder), time=time)
    missing = [str(item.staged.module) for item in built if item.new]
    print_message(f"{options.output}: {len(found)} module versions are sound")
    if missing:
        print_prefixed(f"not published: {', '.join(missing)}")
        return STALE
    return 0


def _serve(options: argparse.Namespace) -> int:
    from cgo_prebuilt.go_modules.goproxy_serve import site_server

    server = site_server(options.site, options.host, options.port)
    with suppress(KeyboardInterrupt), server:
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{server.server_port}"
        print(url, flush=True)
        print_message(f"try it: GOPROXY={url} GONOSUMDB='*' go build ./...   (end with Ctrl-C)")
        server.serve_forever()
    return 0


def _own_suffix() -> str:
    """Return the suffix of this platform's module path; empty on an unsupported host."""
    try:
        platform = this_host().platform
    except UsageError:
        return ""
    return f"-{platform.os}-{platform.arch}"


def _require(options: argparse.Namespace) -> int:
    from cgo_prebuilt.go_modules.goproxy_require import requirement
    from cgo_prebuilt.go_modules.goproxy_tree import ProxyTree

    found = requirement(ProxyTree(options.site), options.module, options.version)
    if options.json:
        print_json(options, {"go.mod": found.go_mod, "go.sum": found.go_sum})
    elif options.only:
        print(found.go_mod if options.only == "go.mod" else found.go_sum, end="")
    else:
        print(f"{found.go_mod}\n{found.go_sum}", end="")
    own = next((m for m in found.platforms if m.path.endswith(_own_suffix())), found.platforms[0])
    print_message(
        "a build fetches this platform's zip only; `go get`, `go mod tidy`, `go mod vendor` and a"
        " bare `go mod download` fetch every platform's.\nin a Dockerfile: RUN go mod download"
        f" {found.module.path} {own.path}"
    )
    return 0
