"""The command line: it parses, calls, and prints, and decides nothing else."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt import __version__
from cgo_prebuilt.commands.cache_cli import add_cache
from cgo_prebuilt.commands.gazelle_cli import add_gazelle
from cgo_prebuilt.commands.goproxy_cli import add_goproxy
from cgo_prebuilt.commands.lock_cli import add_lock
from cgo_prebuilt.commands.mirror_cli import add_mirror
from cgo_prebuilt.commands.publish_cli import add_publishing
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError
from cgo_prebuilt.settings import Settings, read_settings

if TYPE_CHECKING:
    from cgo_prebuilt.fetching.fallback import Provided
    from cgo_prebuilt.host import Host
    from cgo_prebuilt.locks.lock import Lock
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.storage.store import Store

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Without the program's name; the process's own where it is None.

    Returns:
        The exit code: 0 done, 1 stale (`lock --check`), 2 bad usage, manifest or lock, 3 unavailable,
        4 integrity, 5 the source build failed, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except CgoPrebuiltError as error:
        _say(f"cgo-prebuilt: error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("cgo-prebuilt: interrupted; run it again to go on from here")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answer has read enough; without this, the flush at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeError) as error:
        _say(f"cgo-prebuilt: error: {_unexpected(error)}")
        return UsageError.exit_code
    return code


def _unexpected(error: OSError | UnicodeError) -> UsageError:
    """A refusal of the system that nobody foresaw, and so knows no better remedy for."""
    if isinstance(error, OSError):
        where = None if error.filename is None else str(error.filename)
        return UsageError(
            f"the system refused: {error.strerror or error}",
            where=where,
            remedy="check that the path is right and may be used, and that there is space left",
        )
    return UsageError(f"a text cannot be written: {error}", remedy="set PYTHONUTF8=1")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cgo-prebuilt",
        description="Fetch, verify, publish and link prebuilt native libraries for cgo.",
        epilog="exit codes: 0 done; 2 bad usage, manifest or lock; 3 unavailable; 4 integrity;"
        " 5 the source build failed; 130 interrupted",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"cgo-prebuilt {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    verb = _verb(verbs, "platform", _platform, "print the host platform", "platform --json")
    verb.add_argument("--json", action="store_true", help="print how it was decided, too")

    verb = _verb(
        verbs,
        "fetch",
        _fetch,
        "put a library's verified files into a folder",
        "fetch --lock vecsearch.lock.json --output third_party/vecsearch",
    )
    _add_lock_options(verb)
    verb.add_argument("--output", required=True, type=Path, metavar="DIR", help="where to")
    verb.add_argument("--json", action="store_true", help="print a report as JSON")

    verb = _verb(
        verbs,
        "source",
        _source,
        "put a library's source into a folder, verified",
        "source --lock vecsearch.lock.json --output vecsearch-source",
    )
    _add_lock_options(verb)
    verb.add_argument("--output", required=True, type=Path, metavar="DIR", help="where to")
    verb.add_argument("--json", action="store_true", help="print what was written as JSON")

    verb = _verb(
        verbs,
        "urls",
        _urls,
        "print where a fetch would download from, and download nothing",
        "urls --lock vecsearch.lock.json --platform linux_amd64",
    )
    _add_which(verb)
    verb.add_argument("--source", action="store_true", help="of the source, not of the prebuilt")
    verb.add_argument("--json", action="store_true", help="print hashes and sizes, too")
    verb.set_defaults(fallback=None, archives=None)

    add_lock(verbs, _verb, lambda: _transport(_store()))

    add_mirror(verbs, _verb)
    add_publishing(verbs, _verb)

    verb = _verb(
        verbs,
        "env",
        _env,
        "print the environment for a plain `go build`",
        'env --lock vecsearch.lock.json (in sh: eval "$(cgo-prebuilt env --lock L)")',
    )
    _add_lock_options(verb)
    verb.add_argument("--shell", choices=("sh", "fish", "powershell", "json"), default="sh")

    add_cache(verbs, _verb, _store)
    add_goproxy(verbs, _verb)
    add_gazelle(verbs, _verb)

    verb = _verb(
        verbs,
        "doctor",
        _doctor,
        "say what is wrong with this machine, and what to do about it",
        "doctor --lock vecsearch.lock.json",
    )
    verb.add_argument("--lock", type=Path, metavar="L", help="also try this lock's URLs")
    verb.add_argument("--json", action="store_true", help="print the findings as JSON")
    verb.set_defaults(platform=None, version=None, fallback=None, offline=False, archives=None)
    return parser


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example: cgo-prebuilt {example}",
        allow_abbrev=False,
    )
    verb.set_defaults(run=run)
    return verb


def _add_which(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--lock", required=True, type=Path, metavar="L", help="the lock file")
    verb.add_argument("--platform", metavar="P", help="instead of the host's")
    verb.add_argument("--version", metavar="V", help="instead of the lock's default")
    verb.add_argument("--offline", action="store_true", help="contact nothing")


def _add_lock_options(verb: argparse.ArgumentParser) -> None:
    _add_which(verb)
    verb.add_argument(
        "--fallback", choices=("auto", "never", "always"), help="when to build from source"
    )
    verb.add_argument(
        "--from",
        type=Path,
        metavar="DIR",
        dest="archives",
        help="take the archives from this folder, by their file names, and contact nothing",
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _platform(options: argparse.Namespace) -> int:
    host = _host()
    if options.json:
        print(
            json.dumps({"platform": str(host.platform), "glibc": host.glibc, "reason": host.reason})
        )
    else:
        print(host.platform)
        _say(f"decided by {host.reason}")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from cgo_prebuilt.fetching.fallback import report
    from cgo_prebuilt.storage.materialize import materialize

    lock, platform = _lock_and_platform(options)
    store = _store()
    provided = _provide(options, lock, platform, store)
    with store.shared(provided.tree.key):  # `cache prune` leaves the tree alone meanwhile
        materialize(provided.tree, provided.files, options.output)
    answer = report(provided, platform, options.output)
    if options.json:
        print(json.dumps(answer.json(), indent=2))
    else:
        print(answer.output)
        _say(f"{lock.name} {answer.version} for {answer.platform}: {answer.status}")
    return 0


def _env(options: argparse.Namespace) -> int:
    from cgo_prebuilt.linking.cgo_environment import cgo_environment, format_environment
    from cgo_prebuilt.linking.pkg_config import write_pkg_config

    lock, platform = _lock_and_platform(options)
    provided = _provide(options, lock, platform, _store())
    tree, interface = provided.tree, provided.interface
    folder = write_pkg_config(tree, lock.name, provided.version, interface, platform.os)
    variables = cgo_environment(interface, platform.os, tree.files, folder, os.environ)
    print(format_environment(variables, options.shell), end="")
    return 0


def _provide(options: argparse.Namespace, lock: Lock, platform: Platform, store: Store) -> Provided:
    from cgo_prebuilt.fetching.fallback import Provider

    provider = Provider(
        store=store,
        open_transport=lambda: _transport(store),
        detect_host=lambda: _host().platform,
        environ=os.environ,
        say=_say,
        on_wait=_say_waiting,
        # Who names a platform fetches for it, wherever that is: Bazel's spokes do.
        glibc=None if options.platform else _host().glibc,
    )
    return provider.provide(lock, options.lock.parent, platform, _settings(options, lock))


def _source(options: argparse.Namespace) -> int:
    from cgo_prebuilt.source.source_tree import source_origin

    lock, platform = _lock_and_platform(options)
    store = _store()
    settings = _settings(options, lock)
    _, origin = source_origin(
        lock,
        options.lock.parent,
        platform,
        settings,
        store,
        lambda: _transport(store),
        _say_waiting,
    )
    files = origin.copy(options.output)
    if options.json:
        print(json.dumps({"output": str(options.output), "files": sorted(files)}, indent=2))
    else:
        print(options.output)
    return 0


def _urls(options: argparse.Namespace) -> int:
    from cgo_prebuilt.fetching.plan import plan_fetch
    from cgo_prebuilt.source.source_tree import SourceArchive, source_origin
    from cgo_prebuilt.storage.store import tree_key

    lock, platform = _lock_and_platform(options)
    store, settings = _store(), _settings(options, lock)
    archives: list[dict[str, object]] = []
    urls: tuple[str, ...] = ()
    if options.source:
        folder = options.lock.parent
        _, origin = source_origin(
            lock, folder, platform, settings, store, lambda: _transport(store), _say_waiting
        )
        cached = True
        if isinstance(origin, SourceArchive):
            cached, urls = origin.is_stored(), origin.urls()
            archives = [{"file": origin.file, "sha256": origin.sha256, "urls": urls}]
    else:
        plan = plan_fetch(lock, platform, settings)
        cached = store.find(tree_key(plan.files), plan.files) is not None
        urls = tuple(url for planned in plan.archives for url in planned.urls)
        archives = [
            {"file": a.file, "sha256": a.sha256, "size": a.size, "urls": planned.urls}
            for planned in plan.archives
            for a in (planned.archive,)
        ]
    if options.json:
        print(json.dumps({"cached": cached, "archives": archives}, indent=2))
        return 0
    for url in urls:
        print(url)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from cgo_prebuilt.commands.doctor import Source, exit_code, run_checks
    from cgo_prebuilt.commands.machine import probe_machine
    from cgo_prebuilt.fetching.plan import plan_fetch
    from cgo_prebuilt.network.reach import status_of

    sources = []
    if options.lock is not None:
        lock, platform = _lock_and_platform(options)
        plan = plan_fetch(lock, platform, _settings(options, lock))
        sources = [Source(p.archive.file, p.archive.format, p.urls) for p in plan.archives]
    checks = run_checks(probe_machine(os.environ, _store().root, Path.cwd()), sources, status_of)
    if options.json:
        findings = [
            {"name": c.name, "status": c.status.value, "finding": c.finding, "remedy": c.remedy}
            for c in checks
        ]
        print(json.dumps(findings, indent=2))
    else:
        print("\n".join(check.line() for check in checks))
    return exit_code(checks)


def _lock_and_platform(options: argparse.Namespace) -> tuple[Lock, Platform]:
    from cgo_prebuilt.locks.lock_file import read_lock
    from cgo_prebuilt.platforms import parse_platform

    lock = read_lock(options.lock)
    if options.platform:
        return lock, parse_platform(options.platform)
    return lock, _host().platform


def _host() -> Host:
    from cgo_prebuilt.host import detect

    return detect()


def _say_waiting() -> None:
    _say("cgo-prebuilt: another process is fetching the same; waiting for it")


def _settings(options: argparse.Namespace, lock: Lock) -> Settings:
    return read_settings(
        os.environ,
        lock.name,
        offline=options.offline,
        fallback=options.fallback,
        version=options.version,
        mirror=None if options.archives is None else options.archives.resolve().as_uri(),
    )


def _store() -> Store:
    from cgo_prebuilt.storage.store import Store, default_root

    return Store(default_root(os.environ, sys.platform))


def _transport(store: Store) -> Transport:
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.network.transport_settings import TransportSettings

    return Transport(store.partials, TransportSettings(), progress_for(sys.stderr))
