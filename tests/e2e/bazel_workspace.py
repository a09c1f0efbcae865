"""Bazel workspaces that a test makes, and the real Bazel that runs in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bazel.newest import newest_of, with_newest
from tests.bazel.provision import Bazel

REPOSITORY = Path(__file__).resolve().parents[2]

NEWER_RC = REPOSITORY / "tests" / "bazel" / "newer.bazelrc"
"""The file with the config `newer`: what newer Bazels do by default."""

REGISTRY = os.environ.get("CGO_PREBUILT_TEST_REGISTRY", "")
"""The registry whose newest modules the workspaces use; if empty, they use the provisioned ones."""

_MODULE = f"""\
module(name = "test_workspace")

bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "1.1.0")
bazel_dep(name = "rules_cc", version = "0.2.17")
bazel_dep(name = "rules_cgo_prebuilt")
bazel_dep(name = "cgo_rule")

local_path_override(module_name = "rules_cgo_prebuilt", path = "{REPOSITORY}")
local_path_override(module_name = "cgo_rule", path = "{REPOSITORY}/tests/e2e/cgo_rule")

"""

# The caller's variables that would affect the fetcher, Bazel or Go in a test.
_STEERING = ("BAZEL", "CGO_", "GH_TOKEN", "GITHUB_TOKEN", "GOFLAGS", "NETRC", "PYTHON")


def inherited_environment() -> dict[str, str]:
    """Return the caller's environment, without variables that affect the fetcher, Bazel or Go."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    def checked(self) -> Result:
        """Return the result; if the command failed, fail the test with its output."""
        assert self.code == 0, f"exit code {self.code}\n{self.stdout}\n{self.stderr}"
        return self


@dataclass(frozen=True)
class Tools:
    """What all workspaces of a test run share.

    Attributes:
        bazel: The Bazel to run.
        folder: A temporary folder for output bases; its path is short, since Bazel's own are long.
        go_cache: The GOCACHE of `cgo_binary`, kept from one test run to the next.
        startup: More options that come before Bazel's command.
    """

    bazel: Bazel
    folder: Path
    go_cache: Path
    startup: tuple[str, ...] = ()

    def startup_options(self) -> list[str]:
        """Options that come before Bazel's command."""
        return [
            str(self.bazel.executable),
            "--nohome_rc",
            f"--output_user_root={self.folder}/out",
            "--max_idle_secs=60",
            # A server's start and first build take most of its time, so a quick start matters most.
            "--host_jvm_args=-XX:TieredStopAtLevel=1",
            "--host_jvm_args=-XX:+UseSerialGC",
            # The first server archives its loaded classes at its end; the others start from them.
            "--host_jvm_args=-XX:+AutoCreateSharedArchive",
            f"--host_jvm_args=-XX:SharedArchiveFile={self.go_cache.parent}/{Path(self.bazel.executable).name}-{self.bazel.version}.jsa",
            *self.startup,
        ]

    def is_seven(self) -> bool:
        """Return whether this is Bazel 7, which has to be asked for the behavior of newer ones."""
        return self.bazel.version.startswith("7.")

    def bazelrc(self, *, newer: bool = False) -> str:
        """The text of a workspace's .bazelrc.

        Args:
            newer: Whether Bazel does what newer ones do by default.
        """
        is_temporary = REPOSITORY.is_relative_to("/tmp")
        return (
            "common --color=no --curses=no --noshow_progress\n"
            f"common --repository_cache={self.folder}/repositories\n"
            + (f"common --registry={REGISTRY}\n" if REGISTRY else "")
            + "build --verbose_failures\n"
            # For cgo_binary: the caller's go, and a build cache that outlives the action.
            "build --action_env=PATH\n"
            f"build --action_env=GOCACHE={self.go_cache}\n"
            f"build --sandbox_writable_path={self.go_cache}\n"
            # Sandboxes hide /tmp, and so a checkout there, by which workspaces override a module.
            + (f"build --sandbox_add_mount_pair={REPOSITORY}\n" if is_temporary else "")
            + (f"import {NEWER_RC}\ncommon --config=newer\n" if newer and self.is_seven() else "")
        )


@dataclass(frozen=True)
class Workspace:
    """A workspace on disk.

    Attributes:
        path: Its folder.
        tools: The tools to run in it.
        environment: The variables of every command, which override the caller's.
    """

    path: Path
    tools: Tools
    environment: Mapping[str, str]

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Writes files, by their path in the workspace; their folders are made."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def bazel(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Runs Bazel here.

        Args:
            arguments: The command and its arguments.
            env: More environment variables.

        Returns:
            What it printed. A failure does not raise: see `Result.checked`.
        """
        return self._run([*self.tools.startup_options(), *arguments], env)

    def in_root(self, *command: str, env: Mapping[str, str] | None = None) -> Result:
        """Runs any command here, on the system that Bazel's actions run on."""
        enter = self.tools.bazel.in_root
        return self._run([enter, *command] if enter else list(command), env)

    def start_shutdown(self) -> subprocess.Popen[bytes]:
        """Tell the server to end; this takes seconds, so do not wait for it."""
        return subprocess.Popen(
            [*self.tools.startup_options(), "shutdown"],
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, command: list[str], env: Mapping[str, str] | None) -> Result:
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**inherited_environment(), **self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)


def make_workspace(
    path: Path,
    tools: Tools,
    files: Mapping[str, str | bytes],
    module: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    newer: bool = False,
) -> Workspace:
    """Makes a workspace that depends on this checkout's module.

    Args:
        path: Its folder, which is made.
        tools: What runs in it.
        files: Its files, by path.
        module: More lines for its MODULE.bazel.
        environment: More variables for every command that runs in it.
        newer: Whether Bazel behaves as newer ones do by default.

    Returns:
        The workspace.
    """
    workspace = Workspace(path, tools, environment or {})
    text = _MODULE + module
    if REGISTRY:
        text = with_newest(text, newest_of(REGISTRY))
    workspace.write({"MODULE.bazel": text, ".bazelrc": tools.bazelrc(newer=newer), **files})
    return workspace


def empty_folder(folder: Path) -> None:
    """Removes what is in a folder, but not the folder: a Bazel server ends when its workspace is gone."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
