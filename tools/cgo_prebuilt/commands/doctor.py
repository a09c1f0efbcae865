"""Check a machine, and suggest a remedy for each problem.

Every check is a function of the facts from `doctor_probe`; this module does not look at the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from cgo_prebuilt.archives.decode import needs_zstd
from cgo_prebuilt.commands.doctor_probe import CERTIFICATE_VARIABLES, DoctorFacts
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError
from cgo_prebuilt.locks.lock import LockedArchive
from cgo_prebuilt.storage.link_mode import Method
from cgo_prebuilt.url import Url

UNFIT = 6
"""The exit code if a problem prevents fetches."""

_OLDEST_PYTHON = (3, 10)
_ZSTD_IN_PYTHON = (3, 14)
_OLDEST_REQUESTS = (2, 31)
_OLDEST_BAZEL = (7, 4)
_LITTLE_SPACE = 1 << 30
_FAST = "pip install 'cgo-prebuilt[fast]'"

# Locks there may work between processes of one machine only, or not at all.
_NETWORK_FILE_SYSTEMS = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "fuse.sshfs",
    "afs",
    "ceph",
    "lustre",
    "glusterfs",
)


class Status(Enum):
    """The severity of a finding; only `FAIL` prevents a fetch."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: The subject of the check.
        status: The severity.
        finding: The result, on one line.
        remedy: What to do about it; empty without a problem.
    """

    name: str
    status: Status
    finding: str
    remedy: str = ""

    def line(self) -> str:
        """Return the finding for a person; a second line says what to do."""
        line = f"{self.status.value:<4}  {self.name}: {self.finding}"
        return f"{line}\n      next: {self.remedy}" if self.remedy else line


SendHead = Callable[[Url], int]
"""Requests a URL and returns the HTTP status, as `reach.status_of` does."""


def run_checks(
    machine: DoctorFacts,
    sources: Sequence[LockedArchive],
    head: SendHead,
    refusals: Sequence[CgoPrebuiltError] = (),
    system: Sequence[str] = (),
) -> list[Check]:
    """Run every check.

    Args:
        machine: From `doctor_probe.probe_machine`.
        sources: The archives that a fetch of the lock would download; none without a lock.
        head: Requests a URL.
        refusals: Errors with which a fetch of this lock, with these settings, would fail before its first
            request.
        system: The system software that the lock's library needs, for people.

    Returns:
        The checks, in reading order.
    """
    wants_zstd = any(needs_zstd(source.format) for source in sources)
    return [
        check_python(machine),
        check_platform(machine),
        check_requests(machine),
        check_gzip(machine),
        check_zstd(machine, wanted=wants_zstd),
        check_proxy(machine),
        check_certificates(machine),
        *check_settings(machine, refusals),
        *(check_url(source, url, head) for source in sources for url in source.urls),
        check_store(machine),
        check_sharing(machine),
        *check_tools(machine),
        *check_system(system),
    ]


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0, or `UNFIT` if a check failed."""
    return UNFIT if any(check.status is Status.FAIL for check in checks) else 0


def check_python(machine: DoctorFacts) -> Check:
    """Check that the interpreter is new enough."""
    finding = f"{'.'.join(map(str, machine.python))} ({machine.executable})"
    if machine.python[:2] < _OLDEST_PYTHON:
        return Check("python", Status.FAIL, finding, "use Python 3.10 or newer")
    return Check("python", Status.OK, finding)


def check_platform(machine: DoctorFacts) -> Check:
    """Check that the host is a supported platform."""
    host = machine.host
    if isinstance(host, UsageError):
        return Check("platform", Status.FAIL, host.what, host.remedy)
    glibc = f", glibc {host.glibc}" if host.glibc else ""
    return Check("platform", Status.OK, f"{host.platform}{glibc} ({host.reason})")


def check_requests(machine: DoctorFacts) -> Check:
    """Check that the HTTP client is installed in a supported version."""
    version = machine.packages["requests"]
    if version is None:
        return Check("requests", Status.FAIL, "not installed", "pip install requests")
    if _numbers(version) < _OLDEST_REQUESTS:
        return Check("requests", Status.WARN, version, "pip install --upgrade requests")
    return Check("requests", Status.OK, version)


def check_gzip(machine: DoctorFacts) -> Check:
    """Check that a fast decoder of tar.gz is installed."""
    version = machine.packages["isal"]
    if version is None:
        finding = "the standard library's, about a third as fast as isal"
        return Check("gzip decoder", Status.WARN, finding, _FAST)
    return Check("gzip decoder", Status.OK, f"isal {version}")


def check_zstd(machine: DoctorFacts, *, wanted: bool) -> Check:
    """Check that zstd can be decoded; other formats work without."""
    version = machine.packages["backports.zstd"]
    if machine.python[:2] >= _ZSTD_IN_PYTHON:
        return Check("zstd decoder", Status.OK, "the standard library's")
    if version is not None:
        return Check("zstd decoder", Status.OK, f"backports.zstd {version}")
    if machine.has_libzstd:
        return Check("zstd decoder", Status.OK, "the system's libzstd")
    status = Status.FAIL if wanted else Status.WARN
    finding = "none, so .zst, .tar.zst, .conda and many .deb files cannot be read"
    return Check("zstd decoder", status, finding, _FAST)


def check_proxy(machine: DoctorFacts) -> Check:
    """Check that the proxy variables can be parsed; hide a password in them."""
    said = []
    for name in ("https_proxy", "http_proxy", "all_proxy"):
        value = machine.environ.get(name) or machine.environ.get(name.upper())
        if not value:
            continue
        url = Url(value if "://" in value else f"http://{value}")
        if not url.host:
            remedy = f"set {name.upper()} to http://HOST:PORT; percent-encode a password in it"
            return Check("proxy", Status.FAIL, f"{name.upper()} is malformed: {url}", remedy)
        said.append(f"{name.upper()} {url}")
    direct = machine.environ.get("no_proxy") or machine.environ.get("NO_PROXY")
    if said and direct:
        said.append(f"not for {direct}")
    return Check("proxy", Status.OK, ", ".join(said) or "none")


def check_certificates(machine: DoctorFacts) -> Check:
    """Check that the certificates that the environment names exist."""
    named = {n: machine.environ[n] for n in CERTIFICATE_VARIABLES if machine.environ.get(n)}
    for name, path in named.items():
        if path in machine.missing_files:
            remedy = f"unset {name}, or let it name a file of PEM certificates"
            return Check(
                "certificates", Status.FAIL, f"{name} names {path}, which does not exist", remedy
            )
    shown = ", ".join(f"{name} {path}" for name, path in named.items())
    return Check("certificates", Status.OK, shown or "the default certificate authorities")


def check_settings(machine: DoctorFacts, refusals: Sequence[CgoPrebuiltError]) -> list[Check]:
    """Check that the settings are valid and a fetch of the lock can begin."""
    if not refusals:
        named = sorted(name for name in machine.environ if name.startswith("CGO_PREBUILT_"))
        return [Check("settings", Status.OK, ", ".join(named) or "the usual ones")]
    return [
        Check("settings", Status.FAIL, f"{refusal.what} ({refusal.where})", refusal.remedy)
        for refusal in refusals
    ]


def check_url(source: LockedArchive, url: Url, head: SendHead) -> Check:
    """Check that an archive is available; a failure is less severe if it has another URL."""
    name = f"url {source.file}"
    bad = Status.FAIL if len(source.urls) == 1 else Status.WARN
    try:
        status = head(url)
    except CgoPrebuiltError as error:
        reason = error.what if error.where == str(url) else f"{error.what} {error.where}"
        finding = " ".join(f"{url}: {reason}".split())
        return Check(name, bad, finding, error.remedy)
    is_file = url.scheme == "file"
    finding = f"{url}: HTTP {status}"
    if is_file:
        finding = f"{url} is {'there' if status == 200 else 'not there'}"
    if 200 <= status < 300:
        return Check(name, Status.OK, finding)
    if status in (401, 403, 407):
        remedy = (
            "set GITHUB_TOKEN, name a credential helper (CGO_PREBUILT_CREDENTIAL_HELPER), or add the"
            " host to the file that NETRC names"
        )
        return Check(name, bad, finding, remedy)
    if is_file:
        remedy = (
            "fill the mirror with `cgo-prebuilt mirror --lock LOCK --to DIR`, or correct its path"
        )
        return Check(name, bad, finding, remedy)
    if status in (404, 410):
        return Check(name, bad, finding, "check the version and the URL in the manifest")
    if status in (405, 501):
        return Check(
            name, Status.WARN, finding, "none is needed: the server refuses only HEAD requests"
        )
    return Check(name, bad, finding, "try again later, or add a mirror")


def check_store(machine: DoctorFacts) -> Check:
    """Check that the store is writable, has room and supports file locks."""
    store = machine.store
    if isinstance(store, UsageError):
        return Check("store", Status.FAIL, f"{store.what} ({store.where})", store.remedy)
    finding = str(store.root)
    elsewhere = "set CGO_PREBUILT_CACHE to a folder"
    if store.file_system is not None:
        finding += f" on {store.file_system}"
    if store.refusal is not None:
        remedy = f"{elsewhere} that you can write"
        return Check("store", Status.FAIL, f"{finding} cannot be written: {store.refusal}", remedy)
    if store.free is not None:
        finding += f", {store.free / 1e9:.1f} GB free"
        if store.free < _LITTLE_SPACE:
            remedy = (
                f"run `cgo-prebuilt cache prune --older-than 30d`, or {elsewhere} on another disk"
            )
            return Check("store", Status.WARN, finding, remedy)
    if (store.file_system or "").startswith(_NETWORK_FILE_SYSTEMS):
        finding += "; file locks may not work on a network file system, so work may be done twice"
        return Check("store", Status.WARN, finding, f"{elsewhere} on a local disk")
    return Check("store", Status.OK, finding)


def check_sharing(machine: DoctorFacts) -> Check:
    """Check that files can get from the store into the workspace without a copy."""
    methods = None if isinstance(machine.store, UsageError) else machine.store.methods
    where = f"from the store to {machine.workspace}"
    if methods is None:
        remedy = "run `cgo-prebuilt doctor` in a folder that you can write to"
        return Check("sharing", Status.WARN, f"cannot be tried {where}", remedy)
    for method, name in ((Method.REFLINK, "reflinks"), (Method.HARDLINK, "hard links")):
        if method in methods:
            return Check("sharing", Status.OK, f"{name} {where}")
    remedy = "set CGO_PREBUILT_CACHE to a folder on the file system of your workspaces"
    return Check("sharing", Status.WARN, f"only copies {where}", remedy)


def check_tools(machine: DoctorFacts) -> list[Check]:
    """Check for the compilers and build tools that a library may need."""
    wanted_for = {
        "go": "to link libraries into Go programs",
        "cargo": "to build Rust libraries from source",
        "cc": "for cgo, and to build libraries from source",
        "bazel": "to use libraries in a Bazel workspace",
    }
    checks = []
    for name, purpose in wanted_for.items():
        tool = machine.tools[name]
        if tool is None:
            remedy = f"install it {purpose}, or do without"
            checks.append(Check(name, Status.WARN, "not found", remedy))
            continue
        finding = f"{tool.version or 'it does not tell its version'} ({tool.path})"
        version = _numbers(tool.version)
        if name == "bazel" and version and version < _OLDEST_BAZEL:
            checks.append(Check(name, Status.WARN, finding, "use Bazel 7.4 or newer"))
        else:
            checks.append(Check(name, Status.OK, finding))
    return checks


def check_system(system: Sequence[str]) -> list[Check]:
    """List the system libraries that a library links; their presence cannot be checked."""
    if not system:
        return []
    return [
        Check(
            "system",
            Status.OK,
            f"the library links with {', '.join(system)}; install what is missing",
        )
    ]


def _numbers(text: str) -> tuple[int, ...]:
    """Parse the first version in a text: `bazel 7.4.0` is (7, 4, 0)."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else ()
