"""The verbs `platform` and `doctor` of the command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.commands.context import open_store, this_host
from cgo_prebuilt.commands.fetch_cli import settings_of
from cgo_prebuilt.commands.verbs import (
    LOCK,
    add_json,
    add_network_options,
    add_verb,
    path_argument,
    print_json,
    print_message,
)
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError

if TYPE_CHECKING:
    from cgo_prebuilt.commands.verbs import Verbs
    from cgo_prebuilt.locks.lock import LockedArchive


def add_machine(verbs: Verbs) -> None:
    """Add `platform` and `doctor`."""
    verb = add_verb(verbs, "platform", _platform, "print the host platform", "platform --json")
    add_json(
        verb,
        "print the evidence for it, too",
        dict.fromkeys(("platform", "glibc", "libstdcxx", "cpu", "reason"), ()),
    )

    verb = add_verb(
        verbs,
        "doctor",
        _doctor,
        "check this machine, and print what to do about each problem",
        "doctor --lock vecsearch.lock.json",
    )
    verb.add_argument(
        "--lock",
        type=path_argument,
        metavar="LOCK",
        help=f"also try this lock's URLs; {LOCK} if there is one",
    )
    add_network_options(verb)
    add_json(
        verb, "print the findings as JSON", {"findings": ("name", "status", "finding", "next")}
    )
    verb.set_defaults(
        platform=None,
        version=None,
        flavor=None,
        origin=None,
        offline=False,
        mirror=None,
        default_mirror=None,
    )
    verb.set_defaults(trust=None, public_key=None, identity=None)  # it fetches nothing


def _platform(options: argparse.Namespace) -> int:
    from cgo_prebuilt.this_machine import detect_machine

    host = this_host()
    if options.json:
        machine = detect_machine(host)
        answer = {
            "platform": str(host.platform),
            "glibc": host.glibc,
            "libstdcxx": machine.libstdcxx,
            "cpu": machine.cpu_level(),
            "reason": host.reason,
        }
        print_json(options, answer)
    else:
        print(host.platform)
        print_message(f"decided by {host.reason}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from cgo_prebuilt.commands.doctor import exit_code, run_checks
    from cgo_prebuilt.commands.doctor_probe import probe_machine
    from cgo_prebuilt.fetching.plan import plan_fetch
    from cgo_prebuilt.locks.lock_file import read_lock
    from cgo_prebuilt.network.mirror import faulty_settings
    from cgo_prebuilt.network.reach import status_of

    if options.lock is None and LOCK.is_file():
        options.lock = LOCK
    lock = None if options.lock is None else read_lock(options.lock)
    refusals = faulty_settings(os.environ)
    sources: tuple[LockedArchive, ...] = ()
    system: tuple[str, ...] = ()
    try:
        if lock is not None:
            plan = plan_fetch(lock, this_host().platform, settings_of(options, lock))
            sources = plan.archives
            system = plan.interface.requires.system
    except CgoPrebuiltError as error:
        refusals.append(error)
    store: Path | UsageError
    try:
        store = open_store().root
    except UsageError as error:
        store = error
    machine = probe_machine(os.environ, store, Path.cwd())
    known = {refusal.what: refusal for refusal in refusals}
    if isinstance(machine.host, UsageError):
        known.pop(machine.host.what, None)  # a separate check reports it
    checks = run_checks(machine, sources, status_of, list(known.values()), system)
    if options.json:
        findings = [
            {"name": c.name, "status": c.status.value, "finding": c.finding, "next": c.remedy}
            for c in checks
        ]
        print_json(options, {"findings": findings})
    else:
        print("\n".join(check.line() for check in checks))
    return exit_code(checks)
