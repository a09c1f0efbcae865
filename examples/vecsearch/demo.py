"""A prebuilt library from source to program, on this machine: build, pack, serve, lock, link.

Run it with `make demo` in the repository's root. It works in a temporary folder, and removes it.
Besides Python it needs cargo and go; its Bazel is `$BAZEL`, or what `tests.bazel.provision` finds.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

EXAMPLE = Path(__file__).resolve().parent
REPOSITORY = EXAMPLE.parent.parent

CROSS_PLATFORM = "linux_arm64"
CROSS_TARGET = "aarch64-unknown-linux-gnu"  # Rust's name for it
CROSS_ZIG_TARGET = "aarch64-linux-gnu.2.17"  # zig's: with the glibc that the manifest requires

# Where the part of MODULE.bazel begins that only the Go targets need.
GO_SECTION = "\n# Go. "


class DemoError(Exception):
    """A step failed; the message says which command."""


class Demo:
    """The demo's steps; each is numbered and explained, and shows the commands that it runs.

    Attributes:
        folder: The temporary folder that everything is made in.
        bazel: The Bazel to use.
        environment: The environment of every command.
    """

    def __init__(self, folder: Path, bazel: str) -> None:
        self.folder = folder
        self.bazel = bazel
        self.workspace = folder / "workspace"
        self.dist = folder / "dist"
        self.steps = 0
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "tools"),
            # A separate store, so that the library is downloaded and not found in the user's store.
            "CGO_PREBUILT_CACHE": str(folder / "store"),
            "CARGO_TARGET_DIR": str(folder / "target"),
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
        }
        self.platform = self.answer(self.cgo_prebuilt("platform"), REPOSITORY).strip()

    def step(self, title: str, explanation: str) -> None:
        self.steps += 1
        print(f"\n{self.steps}. {title}")
        self.note(explanation)

    def note(self, text: str) -> None:
        print(textwrap.fill(text, 100, initial_indent="   ", subsequent_indent="   "), flush=True)

    def run(self, command: Sequence[str], folder: Path, **variables: str) -> None:
        """Shows a command and runs it."""
        self._show(command, variables)
        self._run(command, folder, variables, capture=False)

    def result(self, command: Sequence[str], folder: Path, **variables: str) -> str:
        """Shows a command, runs it, shows what it printed on stdout, and returns that."""
        self._show(command, variables)
        output = self._run(command, folder, variables, capture=True)
        print(textwrap.indent(output, "   > "), end="", flush=True)
        return output

    def answer(self, command: Sequence[str], folder: Path) -> str:
        """Runs a command without showing it, and returns what it printed on stdout."""
        return self._run(command, folder, {}, capture=True, quiet=True)

    def _show(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        words = [*(f"{name}={shlex.quote(value)}" for name, value in variables.items())]
        words += map(shlex.quote, command)
        line = " ".join(words).replace(str(self.folder), "$DEMO")
        line = line.replace(shlex.join(self.cgo_prebuilt()), "cgo-prebuilt")
        line = line.replace(self.bazel, "bazel")
        print(f"   $ {line}", flush=True)

    def _run(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        *,
        capture: bool,
        quiet: bool = False,
    ) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"exit code {done.returncode} from {shlex.join(command)}\n{done.stderr or ''}"
            raise DemoError(message.strip())
        return done.stdout or ""

    def cgo_prebuilt(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cgo_prebuilt", *arguments]

    # The steps.

    def build(self) -> dict[str, Path]:
        """Builds the static archive for this machine and, where it can, for linux_arm64."""
        self.step(
            "Build the native library",
            "vecsearch is written in Rust, so cargo builds it: a static archive for each platform. "
            f"This machine is {self.platform}. In a real project the maintainer's CI does this.",
        )
        native = self.workspace / "native"
        cargo = ["cargo", "build", "--release", "--locked", "--quiet"]
        self.run(cargo, native)
        target = self.folder / "target"
        archives = {self.platform: target / "release" / "libvecsearch.a"}
        if self.platform == CROSS_PLATFORM or not self._have_cross_target():
            return archives
        self.note(
            f"And {CROSS_PLATFORM}: a static archive is not linked, so no cross linker is needed."
        )
        self.run([*cargo, "--target", CROSS_TARGET], native)
        archives[CROSS_PLATFORM] = target / CROSS_TARGET / "release" / "libvecsearch.a"
        return archives

    def _have_cross_target(self) -> bool:
        libraries = self.answer(
            ["rustc", "--print", "target-libdir", "--target", CROSS_TARGET], REPOSITORY
        )
        if any(Path(libraries.strip()).glob("libstd-*.rlib")):
            return True
        if shutil.which("rustup"):
            self.note(
                f"{CROSS_PLATFORM} needs Rust's standard library for it, which rustup installs."
            )
            try:
                self.run(["rustup", "--quiet", "target", "add", CROSS_TARGET], REPOSITORY)
            except DemoError as error:
                self.note(str(error))
            else:
                return True
        self.note(f"{CROSS_PLATFORM} is left out: Rust's standard library for it is not installed.")
        return False

    def pack(self, archives: Mapping[str, Path]) -> None:
        self.step(
            "Pack a release",
            "The archive and its header go into one file for each platform, as prebuilt.yaml says. "
            "Its bytes depend on nothing but its contents: anybody can check it by packing again.",
        )
        for platform, archive in archives.items():
            stage = self.folder / "stage" / platform
            (stage / "lib").mkdir(parents=True)
            shutil.copy(archive, stage / "lib")
            shutil.copytree(self.workspace / "native" / "include", stage / "include")
            options = ("--platform", platform, "--from", str(stage), "--output", str(self.dist))
            self.run(self.cgo_prebuilt("pack", "prebuilt.yaml", *options), self.workspace)
        for file in sorted(self.dist.iterdir()):
            print(f"   {file.stat().st_size:>9,} bytes  {file.name}")

    def lock(self, server: str, platforms: Sequence[str]) -> None:
        self.step(
            "Lock it",
            f"The release is served at {server}, in place of a GitHub release: prebuilt.yaml in "
            "this copy names that address. The lock holds the SHA-256 of every archive and of each "
            "file in it. A project commits it; from then on nothing else can reach a build.",
        )
        path = self.workspace / "prebuilt.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest["urls"] = [f"{server}/{{file}}"]
        manifest["platforms"] = {name: manifest["platforms"][name] for name in platforms}
        path.write_text(yaml.safe_dump(manifest, sort_keys=False))
        self.run(self.cgo_prebuilt("lock", "prebuilt.yaml"), self.workspace)

    def cpp(self) -> str:
        self.step(
            "Let Bazel link it into the C++ program",
            'cpp/BUILD.bazel says deps = ["@vecsearch"]. Bazel fetches the one archive of this '
            "platform, checks it against the lock, unpacks it, links it, and runs the program. "
            "The server's lines show that nothing else was asked for.",
        )
        return self.result([self.bazel, "run", "--noshow_progress", "//cpp:search"], self.workspace)

    def go(self, have_rules_go: bool) -> str:
        if have_rules_go:
            self.step(
                "Let Bazel link it into the Go program",
                'vecsearch/BUILD.bazel says cgo = True, cdeps = ["@vecsearch"]. rules_go compiles '
                "the program; the library is there already, so the server is not asked again.",
            )
            command = [self.bazel, "run", "--noshow_progress", "//cmd/search"]
            return self.result(command, self.workspace)
        self.step(
            "Link it into the Go program",
            "rules_go cannot be resolved here (see above), so plain `go run` builds the program, "
            "in the environment that @vecsearch//:cgo_env prints: where Bazel has put the header "
            "and the archive. IDEs and gopls use it too. The server is not asked again.",
        )
        script = (
            'variables=$("$BAZEL" run --noshow_progress @vecsearch//:cgo_env) && '
            'eval "$variables" && go run ./cmd/search'
        )
        return self.result(["sh", "-c", script], self.workspace, BAZEL=self.bazel)

    def fetch(self) -> None:
        self.step(
            "Fetch it without Bazel",
            "The same command that Bazel ran, at a prompt. Bazel has put the library into the store "
            "of this user, so it is there already: nothing is downloaded a second time.",
        )
        output = self.workspace / "third_party" / "vecsearch"
        lock = ("--lock", "prebuilt.lock.json", "--output", str(output))
        self.run(self.cgo_prebuilt("fetch", *lock), self.workspace)
        for file in sorted(path for path in output.rglob("*") if path.is_file()):
            print(f"   {file.stat().st_size:>9,} bytes  {file.relative_to(output)}")

    def cross(self) -> None:
        self.step(
            f"Cross-compile the Go program for {CROSS_PLATFORM}",
            "This takes the other archive of the release, and no Bazel: `cgo-prebuilt env` fetches "
            "it and says where it is; zig is the C compiler and the linker.",
        )
        if importlib.util.find_spec("ziglang") is None:
            self.note("This is left out: zig is missing (`pip install ziglang` installs it).")
            return
        environment = shlex.join(
            self.cgo_prebuilt("env", "--lock", "prebuilt.lock.json", "--platform", CROSS_PLATFORM)
        )
        program = self.folder / f"search-{CROSS_PLATFORM}"
        self.run(
            ["sh", "-c", f'eval "$({environment})" && go build -o {program} ./cmd/search'],
            self.workspace,
            GOOS="linux",
            GOARCH="arm64",
            CGO_ENABLED="1",
            CC=f"{sys.executable} -m ziglang cc -target {CROSS_ZIG_TARGET}",
        )
        print(f"   {program.stat().st_size:>9,} bytes  {program.name}, a program for that platform")

    # What the steps need.

    def prepare(self) -> None:
        """Copies the example, since a lock and the server's address are written into it."""
        shutil.copytree(
            EXAMPLE,
            self.workspace,
            ignore=shutil.ignore_patterns("target", "bazel-*", "prebuilt.lock.json", "__pycache__"),
        )
        module = self.workspace / "MODULE.bazel"
        module.write_text(module.read_text().replace('"../.."', f'"{REPOSITORY.as_posix()}"'))
        if REPOSITORY.is_relative_to("/tmp"):
            # Bazel's sandbox hides /tmp, and with it this checkout.
            mount = f"build --sandbox_add_mount_pair={REPOSITORY}\n"
            (self.workspace / ".bazelrc").write_text(mount)

    def forget_bazel(self) -> None:
        """Stops Bazel's server and removes what it built, which is outside the folder."""
        command = [self.bazel, "clean", "--expunge"]
        subprocess.run(command, cwd=self.workspace, capture_output=True, check=False)

    def resolve_rules_go(self) -> bool:
        """Return whether Bazel can resolve rules_go; remove it from MODULE.bazel if not."""
        try:
            self.answer([self.bazel, "mod", "graph"], self.workspace)
        except DemoError as error:
            reason = next((line for line in str(error).splitlines() if "ERROR" in line), str(error))
        else:
            return True
        self.note(f"Bazel cannot resolve the modules that MODULE.bazel names: {reason}")
        self.note("So the section about Go is left out of it here. A C++ program does not need it.")
        module = self.workspace / "MODULE.bazel"
        text, found, _ = module.read_text().partition(GO_SECTION)
        if not found:
            raise DemoError(f"{module} has no section that begins with {GO_SECTION.strip()!r}")
        module.write_text(text)
        return False


class Handler(SimpleHTTPRequestHandler):
    """Serves files, and prints a line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # One write, since the requests of parallel downloads are answered at the same time.
        sys.stdout.write(f"   [server] {self.command} {self.path}: {int(code)}\n")
        sys.stdout.flush()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback while the block runs; yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def find_bazel() -> str:
    """Returns `$BAZEL`, or else what the tests use, which is created if missing."""
    if named := os.environ.get("BAZEL"):
        return named
    command = [sys.executable, "-m", "tests.bazel.provision"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise DemoError("no Bazel is available (the reason is above)")
    return done.stdout.strip()


def demonstrate(demo: Demo) -> None:
    """Runs every step, and checks that both programs give the same answer."""
    demo.prepare()
    archives = demo.build()
    demo.pack(archives)
    with served(demo.dist) as server:
        demo.lock(server, list(archives))
        try:
            have_rules_go = demo.resolve_rules_go()
            answers = {demo.cpp(), demo.go(have_rules_go)}
        finally:
            demo.forget_bazel()
        demo.fetch()
        if CROSS_PLATFORM in archives and demo.platform != CROSS_PLATFORM:
            demo.cross()
    if len(answers) != 1:
        raise DemoError("the C++ and the Go program give different answers")
    print("\nDone: both programs linked the same prebuilt library and gave the same answer.")


def main() -> int:
    print("A prebuilt native library, from its source to two programs that link it.")
    for tool in ("cargo", "go"):
        if shutil.which(tool) is None:
            print(f"demo: {tool} is not on the PATH; install it and try again", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory(prefix="vecsearch-demo-") as folder:
        print(f"Everything is made in {folder} ($DEMO below), which is removed at the end.")
        try:
            # Resolved, since macOS's temporary folder is behind a symbolic link.
            demonstrate(Demo(Path(folder).resolve(), find_bazel()))
        except DemoError as error:
            print(f"\ndemo: failed: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ndemo: interrupted", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
