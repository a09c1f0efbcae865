"""The verbs `fetch`, `urls` and `env` of the command line."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from cgo_prebuilt.commands import context
from cgo_prebuilt.commands.context import open_store, open_transport, this_host
from cgo_prebuilt.commands.verbs import (
    add_json,
    add_lock_option,
    add_network_options,
    add_renamed,
    add_trust_options,
    add_verb,
    path_argument,
    place_argument,
    print_json,
    print_message,
    print_prefixed,
)
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.settings import (
    LINK_MODES,
    NEW_ORIGINS,
    ORIGINS,
    CommandLineSettings,
    Settings,
    link_mode_of,
    read_settings,
)
from cgo_prebuilt.trust import trust_of
from cgo_prebuilt.url import Url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.download import Download
    from cgo_prebuilt.locks.lock import Interface, Lock
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.source.source_tree import LibrarySource
    from cgo_prebuilt.source.stored_archive import Downloads, StoredArchive
    from cgo_prebuilt.storage.link_mode import Method
    from cgo_prebuilt.storage.store import Store
    from cgo_prebuilt.storage.stored_library import StoredLibrary
    from cgo_prebuilt.this_machine import Machine


_REPORT = (
    *("status", "platform", "version", "output", "files"),
    *("requests", "bytes_downloaded", "bytes_resumed", "reason"),
)


def add_fetching(verbs: Verbs) -> None:
    """Add `fetch`, `urls` and `env`."""
    verb = add_verb(
        verbs,
        "fetch",
        _fetch,
        "copy a library's verified files into a folder",
        "fetch --lock vecsearch.lock.json --output third_party/vecsearch",
    )
    _add_lock_options(verb)
    verb.add_argument(
        "--output", required=True, type=path_argument, metavar="DIR", help="the folder to write to"
    )
    verb.add_argument(
        "--link-mode",
        choices=LINK_MODES,
        help="how files get there from the store: by the best safe method (auto, the default), "
        "or by a given one that falls back to copy",
    )
    # Settings of MODULE.bazel and of the Bazel rules, only for the rules.
    verb.add_argument("--default-link-mode", choices=LINK_MODES, help=argparse.SUPPRESS)
    verb.add_argument("--auto-hard-links", choices=("yes", "no"), help=argparse.SUPPRESS)
    add_json(verb, "print a report as JSON", dict.fromkeys(_REPORT, ()))

    verb = add_verb(
        verbs,
        "urls",
        _urls,
        "print the URLs that a fetch would download from; download nothing",
        "urls --lock vecsearch.lock.json --platform linux_amd64",
    )
    add_selection(verb)
    add_mirror_option(verb)
    verb.add_argument(
        "--source", action="store_true", help="print the URLs of the source, not of the prebuilt"
    )
    verb.add_argument(
        "--crates",
        type=path_argument,
        metavar="DIR",
        help="print the URLs of the crates in the Cargo.lock of the source in this folder",
    )
    add_json(
        verb,
        "print hashes and sizes, too; a size that the lock lacks is null",
        {"cached": (), "archives": ("file", "sha256", "size", "urls")},
    )
    verb.set_defaults(origin=None)

    verb = add_verb(
        verbs,
        "env",
        _env,
        "print the environment for a plain `go build`",
        "env --lock vecsearch.lock.json",
    )
    _add_lock_options(verb, platform="instead of that of GOOS and GOARCH, else the host's")
    verb.add_argument(
        "--shell",
        choices=("sh", "fish", "powershell", "json"),
        default="sh",
        help='the shell to print it for; in sh: eval "$(cgo-prebuilt env --lock L)" && go build',
    )
    verb.add_argument(
        "--rpath",
        metavar="DIR",
        default="",
        help="where programs find the shared libraries at run time, instead of in the store; "
        "'$ORIGIN' is the program's folder",
    )


def add_selection(verb: argparse.ArgumentParser, platform: str = "instead of the host's") -> None:
    """Add the options that select a library of a lock."""
    add_lock_option(verb)
    verb.add_argument("--platform", metavar="PLATFORM", help=platform)
    verb.add_argument("--version", metavar="VERSION", help="instead of the lock's default")
    verb.add_argument("--flavor", metavar="FLAVOR", help="instead of the default flavor")
    verb.add_argument("--offline", action="store_true", help="download nothing")
    add_trust_options(verb)
    add_network_options(verb)
    # Only for the rules: the mirror in MODULE.bazel. The variables take precedence over it.
    verb.add_argument("--default-mirror", type=place_argument, help=argparse.SUPPRESS)


def _add_lock_options(
    verb: argparse.ArgumentParser, platform: str = "instead of the host's"
) -> None:
    add_selection(verb, platform)
    add_mirror_option(verb)
    add_renamed(verb, "--fallback", "--origin")
    verb.add_argument(
        "--origin",
        type=_origin_argument,
        choices=ORIGINS,
        help="auto: the prebuilt, or the source if there is none; or only one of them",
    )


def _origin_argument(text: str) -> str:
    if text in NEW_ORIGINS:
        raise argparse.ArgumentTypeError(f"{text} is called {NEW_ORIGINS[text]} now")
    return text


def add_mirror_option(verb: argparse.ArgumentParser) -> None:
    """Add the option that names a mirror."""
    add_renamed(verb, "--from", "--mirror")
    verb.add_argument(
        "--mirror",
        type=place_argument,
        metavar="DIR_OR_URL",
        help="fetch archives only from this folder or server, by file name",
    )


def _fetch(options: argparse.Namespace) -> int:
    from cgo_prebuilt.files.output_folder import check_output
    from cgo_prebuilt.storage.materialize import materialize

    check_output(options.output)
    lock, platform = lock_and_platform(options)
    store = open_store(verified_at_use=options.auto_hard_links is not None)
    methods = _methods(options)
    is_there = False
    while not is_there:
        library = provide(options, lock, platform, store)
        with store.shared(library.tree.key):
            # The tree is now locked against `cache prune`; it may have been removed before.
            is_there = library.tree.folder.is_dir()
            if is_there:
                tree, files = library.tree, library.files
                store.record_links(tree, materialize(tree, files, options.output, methods).relinked)
    if options.json:
        print_json(options, library.report(options.output))
    else:
        print(options.output)
        print_message(f"{lock.name} {library.version} for {platform}: {library.status}")
        _print_system(lock.name, library.interface)
    return 0


def _methods(options: argparse.Namespace) -> tuple[Method, ...]:
    from cgo_prebuilt.files.own_files import this_user
    from cgo_prebuilt.storage.link_mode import may_share, methods_of

    mode = link_mode_of(os.environ, options.link_mode, options.default_link_mode)
    rules = None if options.auto_hard_links is None else options.auto_hard_links == "yes"
    is_root = sys.platform != "win32" and this_user() == 0
    return methods_of(mode, hard_links=may_share(is_root=is_root, rules=rules))


def _env(options: argparse.Namespace) -> int:
    from cgo_prebuilt.commands.go_mod_notes import warn_of_missing_source_file
    from cgo_prebuilt.linking.cgo_environment import (
        FetchedLibrary,
        cgo_environment,
        format_environment,
    )
    from cgo_prebuilt.linking.pkg_config import write_pkg_config

    lock, platform = lock_and_platform(options, as_go=True)
    store = open_store()
    store.refuse_to_lend()
    library = provide(options, lock, platform, store)
    tree, interface = library.tree, library.interface
    folder = None
    try:
        folder = write_pkg_config(tree, lock.name, library.version, interface, platform.os)
    except UsageError as error:
        if tree.is_own:
            raise
        print_prefixed(f"{error.what} ({error.where}): this is for CGO_CFLAGS and CGO_LDFLAGS only")
    fetched = FetchedLibrary(lock.name, interface, platform.os, tree.files, options.rpath)
    variables = cgo_environment(fetched, folder, os.environ)
    paths = fetched.run_paths()
    if paths and platform.os != "windows":
        print_message(f"programs will look for {lock.name} in {', '.join(paths)} when they run")
        if not options.rpath:
            print_message(
                "  that folder exists on this machine only, and only until `cache prune`. To deploy them:"
                " env --rpath '$ORIGIN', and `fetch --output` into the program's folder"
            )
    if not options.platform and platform != this_host().platform:
        print_message(f"{lock.name} {library.version} for {platform}, as GOOS and GOARCH say")
    _print_system(lock.name, interface)
    warn_of_missing_source_file(options.lock, lock, library)
    print(format_environment(variables, options.shell), end="")
    return 0


def _print_system(library: str, interface: Interface) -> None:
    """Print the system software that the library needs; a failing link names only a missing symbol."""
    if system := interface.requires.system:
        print_message(f"{library} needs this installed on the system: {', '.join(system)}")


def provide(
    options: argparse.Namespace, lock: Lock, platform: Platform, store: Store
) -> StoredLibrary:
    """Provide the library's files, by the origin in the options or the environment."""
    from cgo_prebuilt.commands.build_progress import BuildProgress
    from cgo_prebuilt.fetching.provider import Provider

    progress = BuildProgress()
    provider = Provider(
        store=store,
        open_transport=lambda: open_transport(store.partials),
        detect_host=lambda: this_host().platform,
        environ=os.environ,
        say=print_message,
        on_line=progress.line,
        on_wait=print_waiting,
        machine=_machine_for(options, platform),
        note=(lambda _: None) if getattr(options, "json", False) else print_prefixed,
        names_source=not context.is_in_bazel,  # the rules do: this lock is an excerpt without it
    )
    try:
        return provider.provide(lock, options.lock.parent, platform, settings_of(options, lock))
    finally:
        progress.end()


def _machine_for(options: argparse.Namespace, platform: Platform) -> Machine | None:
    """Return this machine if the library is for it.

    A command line that names a platform, as Bazel's spokes do, may fetch for any machine.
    """
    if options.platform or platform != this_host().platform:
        return None
    from cgo_prebuilt.this_machine import detect_machine

    return detect_machine(this_host())


def _urls(options: argparse.Namespace) -> int:
    from cgo_prebuilt.fetching.fetch import stored
    from cgo_prebuilt.fetching.plan import plan_fetch
    from cgo_prebuilt.source.source_tree import source_of

    lock, platform = lock_and_platform(options)
    store, settings = open_store(), settings_of(options, lock)
    named: Sequence[Download]
    if options.source or options.crates is not None:
        wanted = source_of(lock, options.lock.parent, platform, settings)
        named = sources = _source_archives(options, wanted, settings, store)
        cached = all(archive.find() is not None for archive in sources)
    else:
        plan = plan_fetch(lock, platform, settings)
        cached = stored(plan, store) is not None
        named = plan.archives
    archives = [
        {
            "file": archive.file,
            "sha256": archive.sha256,
            "size": archive.size,
            "urls": [_public(url) for url in archive.urls],
        }
        for archive in named
    ]
    if options.json:
        print_json(options, {"cached": cached, "archives": archives})
        return 0
    for archive in named:
        for url in archive.urls:
            print(_public(url))
    return 0


def _source_archives(
    options: argparse.Namespace, wanted: LibrarySource, settings: Settings, store: Store
) -> list[StoredArchive]:
    from cgo_prebuilt.source.crates import Crates
    from cgo_prebuilt.source.source_tree import SourceArchive, open_source

    downloads = downloads_for(settings, store)
    if options.crates is not None:
        return Crates(wanted, downloads).archives(options.crates)
    source = open_source(wanted, downloads)
    return [source.archive] if isinstance(source, SourceArchive) else []


def _public(url: Url) -> str:
    """Return a URL; refuse one with secrets, since the output may end up in a log."""
    credential = url.credential()
    if credential is not None:
        raise UsageError(
            f"a URL has {credential}, which would be printed",
            where=url,
            remedy="put the user and the password into netrc (NETRC); a signed URL works with"
            ' `fetch`, and with `transport = "python"`',
        )
    return url.raw


def lock_and_platform(options: argparse.Namespace, *, as_go: bool = False) -> tuple[Lock, Platform]:
    """Read the lock that the options name, and return it with the platform.

    Args:
        options: May name a platform.
        as_go: By default, use the platform that the go command builds for, not the host's.
    """
    from cgo_prebuilt.locks.lock_file import read_lock

    lock = read_lock(options.lock)
    if options.platform:
        return lock, lock.known_platform(options.platform)
    host = this_host().platform
    if not as_go:
        return lock, host
    from cgo_prebuilt.linking.go_target import go_defaults, go_target

    return lock, go_target(os.environ, go_defaults(os.environ, sys.platform), host)


def settings_of(options: argparse.Namespace, lock: Lock) -> Settings:
    """Return the settings of the environment, overridden by the options."""
    asked = CommandLineSettings(
        offline=options.offline,
        origin=options.origin,
        version=options.version,
        flavor=options.flavor,
        mirror=options.mirror,
        default_mirror=options.default_mirror,
        trust=trust_of(options.trust, options.public_key, options.identity),
    )
    return read_settings(os.environ, lock.name, asked, lock.versions)


def downloads_for(settings: Settings, store: Store) -> Downloads:
    """Return the `Downloads` for archives of sources and crates."""
    from cgo_prebuilt.source.stored_archive import Downloads

    return Downloads(
        settings, store, lambda: open_transport(store.partials), os.environ, print_waiting
    )


def print_waiting() -> None:
    """Print that another process is fetching the same files."""
    print_prefixed("another process is fetching the same; waiting for it")
