"""Platform detection: made-up machines for the decision, and the real one for the probe."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from cgo_prebuilt import host
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.host import HostFacts, Program, decide, read_program
from cgo_prebuilt.platforms import SUPPORTED, parse_platform

GLIBC_AMD64 = "/lib64/ld-linux-x86-64.so.2"
MUSL_AMD64 = "/lib/ld-musl-x86_64.so.1"


def linux(machine: str, *programs: Program, bits: int = 64, glibc: str | None = None) -> HostFacts:
    return HostFacts("linux", machine, bits, programs, glibc=glibc)


def sh(arch: str, loader: str | None) -> Program:
    return Program("/bin/sh", arch, loader)


@pytest.mark.parametrize(
    ("facts", "platform"),
    [
        (linux("x86_64", sh("amd64", GLIBC_AMD64)), "linux_amd64"),
        (linux("aarch64", sh("arm64", "/lib/ld-linux-aarch64.so.1")), "linux_arm64"),
        (linux("ppc64le", sh("ppc64le", "/lib64/ld64.so.2")), "linux_ppc64le"),
        (linux("s390x", sh("s390x", "/lib/ld64.so.1")), "linux_s390x"),
        (linux("riscv64", sh("riscv64", "/lib/ld-linux-riscv64-lp64d.so.1")), "linux_riscv64"),
        (linux("x86_64", sh("amd64", MUSL_AMD64)), "linux_amd64_musl"),
        (linux("aarch64", sh("arm64", "/lib/ld-musl-aarch64.so.1")), "linux_arm64_musl"),
        (linux("armv7l", sh("arm", "/lib/ld-musl-armhf.so.1"), bits=32), "linux_arm_musl"),
        (
            linux("x86_64", sh("amd64", "/nix/store/abc-glibc-2.38/lib/ld-linux-x86-64.so.2")),
            "linux_amd64",
        ),
        (HostFacts("darwin", "arm64", 64), "darwin_arm64"),
        (HostFacts("darwin", "x86_64", 64), "darwin_amd64"),
        (HostFacts("darwin", "x86_64", 64, translated=True), "darwin_arm64"),
        (HostFacts("freebsd14", "amd64", 64), "freebsd_amd64"),
        (HostFacts("freebsd14", "arm64", 64), "freebsd_arm64"),
        (HostFacts("win32", "AMD64", 64), "windows_amd64"),
        (HostFacts("win32", "AMD64", 64, native_machine="AMD64"), "windows_amd64"),
        (HostFacts("win32", "ARM64", 64, native_machine="ARM64"), "windows_arm64"),
        (HostFacts("win32", "x86", 32), "windows_386"),
    ],
)
def test_a_plain_host_is_named_as_go_names_it(facts: HostFacts, platform: str) -> None:
    assert decide(facts).platform == parse_platform(platform)


@pytest.mark.parametrize("kernel", ["aarch64", "armv8l"])
def test_a_32_bit_arm_userland_on_a_64_bit_kernel_is_arm(kernel: str) -> None:
    found = decide(linux(kernel, sh("arm", "/lib/ld-linux-armhf.so.3"), bits=32))
    assert found.platform == parse_platform("linux_arm")
    assert f"the kernel says {kernel}" in found.reason


def test_a_32_bit_x86_userland_on_a_64_bit_kernel_is_386() -> None:
    found = decide(linux("x86_64", sh("386", "/lib/ld-linux.so.2"), bits=32))
    assert found.platform == parse_platform("linux_386")
    assert "the kernel says x86_64" in found.reason


def test_a_32_bit_interpreter_does_not_make_a_64_bit_system_a_32_bit_one() -> None:
    interpreter = Program("/opt/python32/bin/python3", "386", "/lib/ld-linux.so.2")
    found = decide(linux("x86_64", sh("amd64", GLIBC_AMD64), interpreter, bits=32))
    assert found.platform == parse_platform("linux_amd64")


def test_a_glibc_interpreter_does_not_hide_a_musl_system() -> None:
    interpreter = Program("/opt/python/bin/python3", "amd64", GLIBC_AMD64)
    found = decide(linux("x86_64", sh("amd64", MUSL_AMD64), interpreter, glibc="2.36"))
    assert found.platform == parse_platform("linux_amd64_musl")
    assert found.glibc is None


def test_a_statically_linked_shell_is_skipped() -> None:
    programs = (sh("amd64", None), Program("/usr/bin/env", "amd64", MUSL_AMD64))
    found = decide(linux("x86_64", *programs))
    assert found.platform == parse_platform("linux_amd64_musl")
    assert found.reason.startswith("/usr/bin/env is loaded by ")


def test_a_fully_static_system_is_what_its_interpreter_runs_on() -> None:
    found = decide(linux("x86_64", sh("amd64", None), glibc="2.31"))
    assert found.platform == parse_platform("linux_amd64")
    assert "no program is dynamically linked" in found.reason


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "386"), ("aarch64", "arm"), ("i686", "386")]
)
def test_without_a_readable_program_the_pointer_size_corrects_the_kernel(
    machine: str, arch: str
) -> None:
    found = decide(linux(machine, bits=32, glibc="2.31"))
    assert found.platform == parse_platform(f"linux_{arch}")


def test_the_glibc_version_is_told() -> None:
    assert decide(linux("x86_64", sh("amd64", GLIBC_AMD64), glibc="2.36")).glibc == "2.36"


def test_rosetta_is_seen_through_and_said() -> None:
    assert "Rosetta" in decide(HostFacts("darwin", "x86_64", 64, translated=True)).reason


@pytest.mark.parametrize("machine", ["AMD64", "x86"])
def test_windows_on_arm_is_seen_through_and_said(machine: str) -> None:
    found = decide(HostFacts("win32", machine, 64, native_machine="ARM64"))
    assert found.platform == parse_platform("windows_arm64")
    assert found.reason == f"this {machine} process is emulated on ARM64"


@pytest.mark.parametrize(
    "facts",
    [
        HostFacts("sunos5", "i86pc", 64),
        HostFacts("cygwin", "x86_64", 64),
        HostFacts("win32", "IA64", 64),
        HostFacts("freebsd14", "amd64", 32),
        linux("mips64", sh("", "/lib64/ld-linux-mips.so.1")),
    ],
)
def test_an_unsupported_host_is_an_error_that_lists_what_is_supported(facts: HostFacts) -> None:
    with pytest.raises(UsageError, match="this host is not a supported platform") as caught:
        decide(facts)
    assert caught.value.remedy is not None
    assert "--platform" in caught.value.remedy
    assert all(str(platform) in caught.value.remedy for platform in SUPPORTED)


def test_a_third_c_library_is_an_error_and_not_taken_for_glibc() -> None:
    with pytest.raises(UsageError, match="neither glibc nor musl: /bin/sh is loaded by /system/"):
        decide(linux("aarch64", sh("arm64", "/system/bin/linker64")))


def test_a_static_system_without_glibc_is_not_guessed() -> None:
    with pytest.raises(UsageError, match="is unknown whether this Linux has glibc or musl"):
        decide(linux("x86_64", sh("amd64", None)))


def elf(machine: int, *, bits: int, little: bool, loader: str | None) -> bytes:
    """An ELF file of a header, one PT_LOAD, and PT_INTERP if there is a loader."""
    order = "<" if little else ">"
    wide = bits == 64
    header_size, entry_size = (64, 56) if wide else (52, 32)
    name = (loader or "").encode() + b"\0"
    at = header_size + 2 * entry_size
    entries = [(1, 0, 0)] + ([(3, at, len(name))] if loader is not None else [])
    table = b""
    for kind, offset, size in entries:
        if wide:
            table += struct.pack(order + "IIQQQQQQ", kind, 4, offset, 0, 0, size, size, 1)
        else:
            table += struct.pack(order + "IIIIIIII", kind, offset, 0, 0, size, size, 4, 1)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if little else 2, 1]) + bytes(9)
    header = ident + struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        *(2, machine, 1, 0, header_size, 0, 0, header_size, entry_size, len(entries), 0, 0, 0),
    )
    return (header + table).ljust(at, b"\0") + name


@pytest.mark.parametrize(
    ("machine", "bits", "little", "arch"),
    [
        (62, 64, True, "amd64"),
        (183, 64, True, "arm64"),
        (40, 32, True, "arm"),
        (3, 32, True, "386"),
        (22, 64, False, "s390x"),
        (21, 64, True, "ppc64le"),
        (21, 64, False, ""),  # big-endian ppc64
        (62, 32, True, ""),  # x32
        (8, 32, False, ""),  # MIPS
    ],
)
@pytest.mark.parametrize("loader", ["/lib/ld-musl-x.so.1", None])
def test_an_elf_header_tells_the_architecture_and_the_loader(
    tmp_path: Path, machine: int, bits: int, little: bool, arch: str, loader: str | None
) -> None:
    path = tmp_path / "program"
    path.write_bytes(elf(machine, bits=bits, little=little, loader=loader))
    assert read_program(str(path)) == Program(str(path), arch, loader)


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(30)]
)
def test_what_is_not_an_elf_executable_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    assert read_program(str(path)) is None
    assert read_program(str(tmp_path / "missing")) is None


def test_a_program_header_that_points_nowhere_is_nothing(tmp_path: Path) -> None:
    whole = elf(62, bits=64, little=True, loader=GLIBC_AMD64)
    path = tmp_path / "program"
    path.write_bytes(whole[:70])
    assert read_program(str(path)) is None


@pytest.mark.skipif(sys.platform != "linux", reason="go env describes the same machine on Linux")
def test_the_real_host_is_what_go_and_the_system_say() -> None:
    found = host.detect()
    expected = subprocess.run(
        ["go", "env", "GOOS", "GOARCH"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [found.platform.os, found.platform.arch] == expected
    said = subprocess.run(["ldd", "--version"], capture_output=True, text=True, check=False)
    is_musl = "musl" in said.stdout + said.stderr
    assert found.platform.libc == ("musl" if is_musl else "")
    if found.glibc is not None:
        assert said.stdout.splitlines()[0].endswith(found.glibc)


def test_probing_the_real_host_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr("os.fork", refuse)
    monkeypatch.setattr("os.posix_spawn", refuse)
    host.detect()
