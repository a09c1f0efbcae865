"""Building a library from its source with this machine's tools; the outcome is kept in the store."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import BuildError
from cgo_prebuilt.locks.lock import Interface, LockedFile
from cgo_prebuilt.patterns import matches
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.settings import command_named
from cgo_prebuilt.source.build_plan import FLAGS, BuildPlan, plan_build
from cgo_prebuilt.source.command_lines import TABLES
from cgo_prebuilt.source.source_tree import SourceArchive, SourceFolder, SourceOf
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.store import Store, Tree, tree_key

_LINES_SHOWN = 40
_VERSION_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Built:
    """A library that was built from source.

    Attributes:
        tree: Its files, in the store.
        files: The same, sorted by path.
        interface: How they are compiled and linked.
        is_new: Whether it was built now, or was in the store.
    """

    tree: Tree
    files: tuple[LockedFile, ...]
    interface: Interface
    is_new: bool


def build(
    wanted: SourceOf,
    origin: SourceFolder | SourceArchive,
    *,
    host: Platform,
    store: Store,
    environ: Mapping[str, str],
    offline: bool = False,
    on_start: Callable[[str], None] = lambda _: None,
    on_wait: Callable[[], None] | None = None,
) -> Built:
    """Builds a library, or finds in the store that it was built of the same by the same.

    Args:
        wanted: What to build.
        origin: Its source.
        host: What this machine is.
        store: Where the outcome goes.
        environ: The caller's environment, which the tools get.
        offline: Whether nothing may be downloaded.
        on_start: Called with the command line before the build runs.
        on_wait: Called once where another process is building the same.

    Raises:
        BuildError: A tool is missing, the build failed, or yields another thing than it promised.
        UnavailableError: The source cannot be had.
        IntegrityError: The source is not what the lock names.
    """
    with tempfile.TemporaryDirectory(prefix="cgo-prebuilt-build-") as temporary:
        # Resolved, since compilers write down where they really are.
        folder = Path(temporary).resolve() / "source"
        plan = plan_build(
            wanted.source,
            name=wanted.name,
            version=wanted.version,
            platform=wanted.platform,
            host=host,
            environ=environ,
            folder=folder,
            jobs=os.cpu_count() or 1,
            offline=offline,
        )
        versions = _versions(plan, wanted, environ)
        key = _key(wanted, origin.digest(), versions, environ)
        results = Results(store.results)
        with store.exclusive(key, on_wait=on_wait):
            files = results.get(key)
            tree = store.find(tree_key(files), files) if files else None
            is_new = tree is None or files is None
            if tree is None or files is None:
                folder.mkdir()
                names = origin.copy(folder)
                on_start(shlex.join(plan.commands[-1]))
                _run(plan, wanted, folder, environ)
                headers = _headers(plan, wanted, folder, names)
                with store.staging(key) as staging:
                    files = _install(plan, wanted, headers, folder, staging)
                    label = f"{wanted.name} {wanted.version} {wanted.platform} from source"
                    tree = store.publish(staging, tree_key(files), files, label)
                results.put(key, files)
    libraries = set(plan.interface.libraries())
    headers = tuple(file.path for file in files if file.path not in libraries)
    return Built(tree, files, replace(plan.interface, headers=headers), is_new)


def _key(
    wanted: SourceOf, digest: str, versions: Mapping[str, str], environ: Mapping[str, str]
) -> str:
    """All that the outcome depends on, as far as it can be known."""
    source = wanted.source
    inputs = {
        "build": asdict(source.build),
        "flags": {name: environ[name] for name in FLAGS if environ.get(name)},
        "outputs": [asdict(source.outputs), source.installed],
        "platform": str(wanted.platform),
        "source": digest,
        "tools": dict(versions),
    }
    return result_key("source build", inputs)


def _versions(plan: BuildPlan, wanted: SourceOf, environ: Mapping[str, str]) -> dict[str, str]:
    """What the tools say of their versions.

    Raises:
        BuildError: A tool that the build needs is not there.
    """
    versions = {}
    for tool in plan.tools:
        program = shutil.which(tool, path=environ.get("PATH"))
        if program is None:
            raise BuildError(
                f"{wanted.name} {wanted.version} builds with {wanted.source.build.tool},"
                f" and there is no {tool} here",
                remedy=TABLES["INSTALL"][tool],
            )
        versions[tool] = _answer([program, "-vV" if tool == "rustc" else "--version"], environ)
    for variable, usual in (("CC", "cc"), ("CXX", "c++")):
        command = command_named(environ, variable) or [usual]
        versions[variable] = _answer([*command, "--version"], environ)
    return versions


def _answer(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a C compiler that nothing may need
    return done.stdout


def _run(plan: BuildPlan, wanted: SourceOf, folder: Path, environ: Mapping[str, str]) -> None:
    environment = {**environ, **plan.environment}
    for name, text in plan.programs.items():
        (folder.parent / name).write_text(text)
        (folder.parent / name).chmod(0o755)
    for command in plan.commands:
        program = shutil.which(command[0], path=environ.get("PATH")) or command[0]
        try:
            done = subprocess.run(
                [program, *command[1:]],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise BuildError(
                f"the build of {wanted.name} {wanted.version} from source cannot run"
                f" {command[0]}: {error.strerror}",
                where=shlex.join(command),
                remedy="install it, or correct 'build' under 'source' in the manifest",
            ) from None
        if done.returncode:
            lines = done.stdout.strip().splitlines()[-_LINES_SHOWN:]
            raise BuildError(
                "\n".join(
                    (
                        f"the build of {wanted.name} {wanted.version} from source failed"
                        f" (exit code {done.returncode}); the end of its output:",
                        *(f"  {line}" for line in lines),
                    )
                ),
                where=shlex.join(command),
                remedy="see the messages above; the tools are this machine's own",
            )


def _headers(
    plan: BuildPlan, wanted: SourceOf, folder: Path, names: Iterable[str]
) -> tuple[str, ...]:
    """The headers among the sources, and those that the build wrote under their own names."""
    patterns = plan.interface.headers
    found = {name for name in names if matches(name, patterns)}
    for pattern in patterns:
        if (folder / pattern).is_file():
            found.add(pattern)
        elif not any(matches(name, [pattern]) for name in found):
            raise _lacks(wanted, pattern, folder)
    return tuple(sorted(found))


def _install(
    plan: BuildPlan, wanted: SourceOf, headers: Iterable[str], folder: Path, staging: Path
) -> tuple[LockedFile, ...]:
    """Copies what was built to where a prebuilt has it."""
    files = []
    for built, place in (*plan.outputs, *((header, header) for header in headers)):
        if not (folder / built).is_file():
            raise _lacks(wanted, built, folder)
        target = staging / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / built, target)
        files.append(LockedFile(place, *sha256_of(target)))
    return tuple(sorted(files, key=lambda file: file.path))


def _lacks(wanted: SourceOf, path: str, folder: Path) -> BuildError:
    libraries = sorted(
        file.relative_to(folder).as_posix()
        for suffix in ("a", "lib", "so", "dylib", "dll")
        for file in folder.rglob(f"*.{suffix}")
    )
    return BuildError(
        f"the build of {wanted.name} {wanted.version} from source wrote no {path}",
        remedy="correct the path under 'source' in the manifest; the libraries that it wrote:"
        f" {', '.join(libraries) or 'none'}",
    )
