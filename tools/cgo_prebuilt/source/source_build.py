"""Build a library from source with this machine's tools, and keep the result in the store."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import SCARCE, BuildError
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.patterns import matches
from cgo_prebuilt.printable import quoted
from cgo_prebuilt.settings import command_named
from cgo_prebuilt.soname import read_soname
from cgo_prebuilt.source.build_folder import BuildFolder, build_folder
from cgo_prebuilt.source.build_plan import VENDOR, BuildMachine, BuildPlan, plan_build
from cgo_prebuilt.source.command_lines import TABLES
from cgo_prebuilt.source.crates import Crates
from cgo_prebuilt.source.run_tool import run_tool
from cgo_prebuilt.source.source_tree import LibrarySource, SourceArchive, SourceFolder
from cgo_prebuilt.storage.results import Results, result_key
from cgo_prebuilt.storage.store import Store, tree_key
from cgo_prebuilt.storage.stored_library import BUILT, CACHED, StoredLibrary

_VERSION_SECONDS = 30
_LIBRARIES = ("a", "dll", "dylib", "lib", "so")
_SHOWN = 20
_HEADERS = ("h", "hh", "hpp", "hxx")


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder of sources.

    Attributes:
        machine: The machine that runs the tools.
        store: The store for the results.
        say: Prints a message for a person.
        on_line: Called with each line that the tools print.
        on_wait: Called once if another process is building the same.
    """

    machine: BuildMachine
    store: Store
    say: Callable[[str], None] = lambda _: None
    on_line: Callable[[str], None] = lambda _: None
    on_wait: Callable[[], None] | None = None

    def build(self, source: SourceFolder | SourceArchive, crates: Crates) -> StoredLibrary:
        """Build a library, or reuse the store's result of the same inputs.

        Args:
            source: Its folder or archive.
            crates: Fetches the crates of a source with `vendor`.

        Raises:
            BuildError: A tool is missing, the build failed, or an output is missing or wrong.
            UnavailableError: The source cannot be fetched.
            IntegrityError: The source does not match the lock.
        """
        wanted, store = crates.wanted, self.store
        place = [wanted.name, str(wanted.platform), source.place()]
        with build_folder(
            result_key("build folder", place),
            lambda name: store.exclusive(name, on_wait=self.on_wait),
        ) as folder:
            plan = plan_build(wanted, self.machine, folder.source)
            settings = _settings(plan, wanted, _versions(plan, wanted, source.root))
            digest = source.digest()
            key = result_key("source build", [settings, digest])
            results = Results(store.results)
            with store.exclusive(key, on_wait=self.on_wait):
                result = results.get(key)
                files = result.files if result else ()
                tree = store.find(tree_key(files), files) if result else None
                is_new = result is None or tree is None or not result.is_of(tree)
                if tree is None or is_new:
                    tools = {step.tool for step in wanted.source.steps}
                    names = folder.prepare(tools, settings, digest, source.copy, plan.programs)
                    _check_globs(plan, wanted, names)
                    if wanted.source.vendor:
                        crates.unpack(folder.source, folder.path / VENDOR)
                    self._run(plan, wanted, folder)
                    others = _other_files(plan, wanted, folder.source, names)
                    with store.staging(key) as staging:
                        files = _install(plan, wanted, others, folder.source, names, staging)
                        label = f"{wanted.name} {wanted.version} {wanted.platform} from source"
                        tree = store.publish(staging, tree_key(files), files, label)
                    results.put(key, tree, files)
                    folder.remove()
        libraries = set(plan.interface.libraries())
        rest = [file.path for file in files if file.path not in libraries]
        headers = tuple(path for path in rest if matches(path, plan.interface.headers))
        runtime = tuple(path for path in rest if matches(path, plan.interface.runtime_files))
        shared = tuple(_exposed(tree.files, path) for path in plan.interface.shared_library)
        interface = replace(
            plan.interface, headers=headers, runtime_files=runtime, shared_library=shared
        )
        status = BUILT if is_new else CACHED
        return StoredLibrary(tree, files, interface, wanted.version, wanted.platform, status)

    def _run(self, plan: BuildPlan, wanted: LibrarySource, folder: BuildFolder) -> None:
        folder.log.unlink(missing_ok=True)
        for number, command in enumerate(plan.commands, 1):
            shown = shlex.join(command.words)
            self.say(f"building {wanted.name} {wanted.version} for {wanted.platform}: {shown}")
            step = f" ({number} of {len(plan.commands)})" if len(plan.commands) > 1 else ""
            what = f"the build of {wanted.name} {wanted.version} from source"
            program = shutil.which(command.words[0], path=plan.environment.get("PATH"))
            try:
                code, lines = run_tool(
                    [program or command.words[0], *command.words[1:]],
                    folder=folder.source,
                    environment={**plan.environment, **command.environment},
                    log=folder.log,
                    on_line=self.on_line,
                )
            except OSError as error:
                if error.errno in SCARCE:
                    raise
                raise BuildError(
                    f"{what} cannot run {command.words[0]}: {error.strerror}",
                    where=shown,
                    remedy="install it, or correct 'build' under 'source' in the manifest",
                ) from None
            if code:
                raise BuildError(
                    f"{what} failed{step} (exit code {code}); the end of its output:"
                    + quoted(lines or ["(none)"]),
                    where=shown,
                    remedy=f"see the messages above; all of them are in {folder.log}. What was built is"
                    " kept, and the next run resumes",
                )


def _settings(plan: BuildPlan, wanted: LibrarySource, versions: Mapping[str, str]) -> str:
    """Return all known inputs of the result besides the source.

    The interface is not among them, so a change of `linkopts` causes no build.
    """
    source = wanted.source
    inputs = {
        "environment": dict(plan.environment_inputs),
        "headers": source.outputs.headers,
        "runtime_files": source.outputs.runtime_files,
        "libraries": plan.outputs,
        "platform": str(wanted.platform),
        "steps": [asdict(step) for step in source.steps],
        "tools": dict(versions),
        "vendor": source.vendor,
        "git": [asdict(crates) for crates in source.git],
    }
    return result_key("build settings", inputs)


def _versions(plan: BuildPlan, wanted: LibrarySource, folder: Path | None) -> dict[str, str]:
    """Return the tools' versions, which may depend on the source's folder.

    Raises:
        BuildError: A required tool is missing or has a wrong version.
    """
    environ = dict(plan.environment)
    environ.pop("RUSTC", None)  # a script that is not written yet
    if plan.toolchain:
        environ["RUSTUP_TOOLCHAIN"] = plan.toolchain
    what = f"{wanted.name} {wanted.version}"
    versions = {}
    for tool in plan.tools:
        named = plan.environment_inputs.get("RUSTC", tool) if tool == "rustc" else tool
        program = shutil.which(named, path=environ.get("PATH"))
        if program is None:
            raise BuildError(
                f"{what} builds with {tool}, and there is no {tool} here",
                where="PATH",
                remedy=TABLES["INSTALL"].get(tool, f"install {tool}, or add its folder to PATH"),
            )
        argument = TABLES["VERSION_ARGUMENTS"].get(tool, "--version")
        versions[tool] = _answer([program, argument], environ, folder)
    if plan.toolchain:
        _check_toolchain(plan.toolchain, versions["rustc"], what)
    for variable, usual in (("CC", "cc"), ("CXX", "c++")):
        command = command_named(environ, variable) or [usual]
        versions[variable] = _answer([*command, "--version"], environ, folder)
    return versions


def _check_toolchain(toolchain: str, answer: str, what: str) -> None:
    """Refuse a Rust release other than the required one; only rustup would enforce that itself."""
    found = re.search(r"^release: (\S+)", answer, re.MULTILINE)
    release = found[1] if found else ""
    is_number = toolchain[:1].isdigit()
    if release and not is_number:
        return  # the name of a channel is not a release
    if not f"{release}.".startswith(f"{toolchain}."):
        there = f"is {release}" if release else "does not run"
        raise BuildError(
            f"{what} builds with Rust {toolchain}, and the rustc here {there}",
            where="rustc",
            remedy=f"install it: `rustup toolchain install {toolchain}`",
        )


def _answer(command: list[str], environ: Mapping[str, str], folder: Path | None) -> str:
    try:
        done = run_bounded(command, environ=environ, folder=folder, seconds=_VERSION_SECONDS)
    except OSError:
        return ""  # the build may need no C compiler
    return done.text()


def _check_globs(plan: BuildPlan, wanted: LibrarySource, names: Iterable[str]) -> None:
    """Refuse globs over the source that match nothing, before the build."""
    for key, kind in (("headers", "header"), ("runtime_files", "file")):
        for pattern in getattr(plan.interface, key):
            if "*" in pattern and not any(matches(name, [pattern]) for name in names):
                raise BuildError(
                    f"the source of {wanted.name} {wanted.version} has no {kind} {pattern}",
                    where=pattern,
                    remedy=f"correct '{key}' under 'source' in the manifest; a {kind} that the build"
                    " writes is named without `*`",
                )


def _other_files(
    plan: BuildPlan, wanted: LibrarySource, folder: Path, names: Iterable[str]
) -> tuple[str, ...]:
    """Return the headers and runtime files: globs match sources; single names may be build outputs, too."""
    patterns = plan.interface.headers + plan.interface.runtime_files
    found = {name for name in names if matches(name, patterns)}
    for pattern in patterns:
        if (folder / pattern).is_file():
            found.add(pattern)
        elif not any(matches(name, [pattern]) for name in found):
            is_header = pattern in plan.interface.headers
            suffixes = _HEADERS if is_header else ("*",)
            kind = "headers" if is_header else "files"
            raise _missing_output(wanted, pattern, folder, names, suffixes, kind)
    return tuple(sorted(found))


def _install(
    plan: BuildPlan,
    wanted: LibrarySource,
    others: Iterable[str],
    folder: Path,
    names: Iterable[str],
    staging: Path,
) -> tuple[LockedFile, ...]:
    """Copy the build's outputs to the paths of a prebuilt."""
    files = []
    for built, place in (*plan.outputs, *((other, other) for other in others)):
        if not (folder / built).is_file():
            raise _missing_output(wanted, built, folder, names, _LIBRARIES, "libraries")
        target = staging / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / built, target)
        files.append(LockedFile(place, *sha256_of(target)))
        exposed = _exposed(staging, place) if place in plan.interface.shared_library else place
        if exposed != place:
            # Programs look for the SONAME at run time, and for the other name only when they are linked.
            shutil.copyfile(target, staging / exposed)
            files.append(replace(files[-1], path=exposed))
    unique = {file.path: file for file in files}
    files = list(unique.values())
    return tuple(sorted(files, key=lambda file: file.path))


def _exposed(root: Path, path: str) -> str:
    """Return a shared library's path under its SONAME; its own path without one."""
    with (root / path).open("rb") as file:
        soname = read_soname(file)
    return path[: path.rfind("/") + 1] + (soname or path.rpartition("/")[2])


def _missing_output(
    wanted: LibrarySource,
    path: str,
    folder: Path,
    names: Iterable[str],
    suffixes: Iterable[str],
    kind: str,
) -> BuildError:
    """Return the error for a missing output, with similar files that exist."""
    own = set(names)
    there = sorted(
        file.relative_to(folder).as_posix()
        for suffix in suffixes
        for file in folder.rglob(f"*.{suffix}")
    )
    shown = _first([name for name in there if name not in own]) or "none"
    # A header may be of the source as well.
    given = _first([name for name in there if name in own]) if suffixes == _HEADERS else ""
    if (folder / path).with_suffix(".rlib").is_file():  # cargo's default: a library for Rust alone
        crate_type = "staticlib" if path.endswith(".a") else "cdylib"
        shown += f'. Cargo.toml must have `crate-type = ["{crate_type}"]` below [lib]'
    return BuildError(
        f"the build of {wanted.name} {wanted.version} from source wrote no {path}",
        where=path,
        remedy=f"correct the path under 'source' in the manifest; the {kind} that it wrote:"
        f" {shown}{given and f'; those of the source: {given}'}. What was built is kept, and the next"
        " run resumes",
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
