"""What a prebuilt needs, what this machine has, and what is said of the difference."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.host import detect
from cgo_prebuilt.requirements import CPU_LEVELS, Requires, levels_of, unmet
from cgo_prebuilt.starlark_tables import read_tables
from cgo_prebuilt.this_machine import Machine, cpu_flags, detect_machine, libstdcxx_version
from tests.unit.library_case import manifest

V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
NEOVERSE_N1 = """\
processor	: 0
BogoMIPS	: 243.75
Features	: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer	: 0x41
"""


def amd64(flags: str, glibc: str | None = None) -> Machine:
    return Machine("amd64", frozenset(flags.split()), glibc)


def test_the_levels_are_those_of_the_lock() -> None:
    assert read_tables("cgo_prebuilt.locks", "lock_keys.bzl")["WORDS"]["cpu"] == list(CPU_LEVELS)


def test_the_rules_know_whose_levels_they_are() -> None:
    starts = read_tables("cgo_prebuilt.locks", "lock_keys.bzl")["CPU_ARCHITECTURES"]
    by_start = {
        cpu: arch for cpu in CPU_LEVELS for start, arch in starts.items() if cpu.startswith(start)
    }
    assert by_start == {cpu: arch for arch in ("amd64", "arm64") for cpu in levels_of(arch)}


@pytest.mark.parametrize("needed", ["10000000000.1", "2." + "9" * 20, "9" * 5000, "3.0"])
def test_a_version_of_any_number_of_digits_is_compared(needed: str) -> None:
    assert unmet(Requires(glibc=needed), Machine(glibc="2.36")) is not None
    assert unmet(Requires(glibc="0" * 5000 + "2.0"), Machine(glibc="2.36")) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("OpenCL\u202e", "'system' has an unprintable character"),
        ("\u200b", "'system' has an unprintable character"),
        (" ", "'system' has an empty text"),
    ],
)
def test_what_people_read_is_shown_as_it_is(text: str, words: str) -> None:
    assert words in refusal(system=[text]).what


def test_a_processor_of_a_lower_level_is_told_what_it_lacks() -> None:
    assert unmet(Requires(cpu="x86-64-v3"), amd64(V3)) is None
    assert unmet(Requires(cpu="x86-64-v2"), amd64(V3)) is None
    assert unmet(Requires(cpu="x86-64-v3"), amd64(V3.replace("avx2 ", "").replace("fma ", ""))) == (
        "this library needs a processor of the level x86-64-v3, this machine's lacks avx2 fma"
    )
    assert "avx512bw" in str(unmet(Requires(cpu="x86-64-v4"), amd64(V3)))


def test_what_is_not_known_of_a_machine_is_not_compared() -> None:
    needy = Requires("x86-64-v4", "2.99", "3.4.99", ("a GPU",))
    assert unmet(needy, Machine("amd64")) is None
    assert unmet(Requires(cpu="armv9-a"), amd64("")) is None


def test_each_library_is_compared() -> None:
    machine = Machine("amd64", None, "2.36", "3.4.30")
    assert unmet(Requires(glibc="2.36", libstdcxx="3.4.30"), machine) is None
    assert unmet(Requires(glibc="2.37"), machine) == (
        "this library needs glibc 2.37, this machine has 2.36"
    )
    assert unmet(Requires(libstdcxx="3.4.31"), machine) == (
        "this library needs libstdc++ 3.4.31, this machine has 3.4.30"
    )


def test_the_level_of_a_real_arm_processor() -> None:
    flags = cpu_flags(NEOVERSE_N1)
    assert Machine("arm64", flags).cpu_level() == "armv8.2-a"
    assert unmet(Requires(cpu="armv8.3-a"), Machine("arm64", flags)) is not None
    assert Machine("arm64", frozenset()).cpu_level() == ""
    assert Machine("s390x", cpu_flags("vendor_id: IBM/S390\n")).cpu_level() is None


def test_the_version_of_libstdcxx_is_that_of_its_file(tmp_path: Path) -> None:
    assert libstdcxx_version([tmp_path]) is None
    (tmp_path / "libstdc++.so.6.0.33").touch()
    (tmp_path / "libstdc++.so.6").symlink_to("libstdc++.so.6.0.33")
    assert libstdcxx_version([tmp_path / "absent", tmp_path]) == "3.4.33"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked")
def test_this_machine_s_own_loader_knows_the_same_level() -> None:
    host = detect()
    if str(host.platform) != "linux_amd64":
        pytest.skip("the loader of glibc tells the levels of x86-64")
    machine = detect_machine(host)
    assert machine.glibc == host.glibc
    help_text = subprocess.run(
        ["/lib64/ld-linux-x86-64.so.2", "--help"], capture_output=True, text=True, check=False
    ).stdout
    supported = re.findall(r"(x86-64-v\d) \(supported", help_text)
    assert machine.cpu_level() == max(supported, default="")


def test_all_of_it_is_in_words_for_people() -> None:
    assert Requires().words() == ""
    assert Requires("x86-64-v3", "2.28", "3.4.30", ("OpenCL",)).words() == (
        "cpu x86-64-v3, glibc 2.28, libstdc++ 3.4.30, OpenCL"
    )


def refusal(**requires: object) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        manifest(requires=requires)
    return caught.value


def test_a_manifest_requires_what_is_known() -> None:
    error = refusal(cpu="x86-64-v9")
    assert error.what == "'cpu' is 'x86-64-v9'"
    assert error.where == "prebuilt.yaml: requires"
    assert str(error.remedy).startswith("it can be one of x86-64-v2, x86-64-v3")
    error = refusal(glibcxx="3.4.30")
    assert error.what == "unknown key 'glibcxx'"
    assert "did you mean 'glibc'?" in str(error.remedy)
    assert "must be numbers with dots between them" in refusal(libstdcxx="GLIBCXX_3.4.30").what


def test_a_processor_of_another_platform_is_refused() -> None:
    error = refusal(cpu="armv8.2-a")
    assert error.what == "'cpu' is 'armv8.2-a', which is not a processor level of amd64"
    assert error.remedy == "put 'requires' under the platforms that it is for"
    read = manifest(
        requires={"system": "OpenCL"}, platforms={"linux_arm64": {"requires": {"cpu": "armv9-a"}}}
    )
    assert read.platforms[0].interface.requires == Requires("armv9-a")
