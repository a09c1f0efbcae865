"""What texts of a release say about linking."""

from __future__ import annotations

import pytest

from cgo_prebuilt.drafting.hints import cgo_hints, cmake_hint, pkg_config_hint
from cgo_prebuilt.platforms import parse_platform


@pytest.mark.parametrize(
    ("name", "head", "platforms"),
    [
        ("vec.go", "", "linux_amd64 linux_amd64_musl darwin_arm64 windows_amd64"),
        ("vec_linux.go", "", "linux_amd64 linux_amd64_musl"),
        ("vec_glibc_linux_amd64.go", "// +build !musl\n", "linux_amd64"),
        ("vec_musl.go", "// +build linux\n// +build musl\n", "linux_amd64_musl"),
        ("vec.go", "//go:build darwin && !amd64\n", "darwin_arm64"),
        ("vec.go", "//go:build (linux && !musl) || windows\n", "linux_amd64 windows_amd64"),
        ("vec.go", "//go:build !cgo\n", ""),
        ("vec.go", "//go:build unix && dynamic\n", ""),
        ("vec.go", "// +build linux,!musl windows\n", "linux_amd64 windows_amd64"),
    ],
)
def test_directives_count_for_the_platforms_that_a_file_is_built_for(
    name: str, head: str, platforms: str
) -> None:
    text = f'{head}\npackage vec\n\n// #cgo LDFLAGS: -lvec\nimport "C"\n'
    tried = ("linux_amd64", "linux_amd64_musl", "darwin_arm64", "windows_amd64")
    found = [p for p in tried if cgo_hints({name: text}, parse_platform(p))]
    assert " ".join(found) == platforms


def test_the_directives_of_a_package_are_one_link_line() -> None:
    texts = {
        "m@v1/vec/a.go": "package vec\n/*\n#cgo CFLAGS: -I${SRCDIR}/../include -DVEC -DN=2\n"
        "#cgo !windows LDFLAGS: -L${SRCDIR}/lib -lvec -lm -pthread\n"
        '#cgo windows LDFLAGS: -lvec -lws2_32\n*/\nimport "C"\n',
        "m@v1/vec/b.go": "package vec\n// #cgo darwin LDFLAGS: -framework Security -Wl,-rpath,/x\n"
        '// #cgo LDFLAGS: ${SRCDIR}/lib/libmore.a -lvec\nimport "C"\n',
        "m@v1/other/c.go": "package other\nfunc c() {}\n",
    }
    (hint,) = cgo_hints(texts, parse_platform("darwin_arm64"))
    assert hint.origin == "`#cgo` in a.go, b.go"
    assert hint.libraries == ("m", "m@v1/vec/lib/libmore.a", "vec")
    assert hint.linkopts == ("-lpthread", "-framework Security")
    assert hint.include_dirs == ("m@v1/include",)
    assert hint.defines == ("VEC", "N=2")
    (windows,) = cgo_hints(texts, parse_platform("windows_amd64"))
    assert windows.libraries == ("ws2_32", "m@v1/vec/lib/libmore.a", "vec")


def test_a_pc_file_says_what_only_a_static_link_needs() -> None:
    text = (
        "# a comment\nprefix=/opt/vec\nexec_prefix=${prefix}\nlibdir=${exec_prefix}/lib\n"
        "includedir=${prefix}/include\n\nName: vec\nVersion: 1\nLibs: -L${libdir} -lvec -pthread\n"
        "Libs.private: -lm \\\n  -framework Metal\nCflags: -I${includedir}/vec-1 -DVEC -DF(x)=x -D\n"
    )
    hint = pkg_config_hint("lib/pkgconfig/vec.pc", text)
    assert (hint.origin, hint.libraries, hint.linkopts) == ("vec.pc", ("vec",), ("-lpthread",))
    assert hint.private == ("-lm", "-framework Metal")
    assert hint.include_dirs == ("/include/vec-1",)
    assert hint.defines == ("VEC",)


def test_a_prefix_that_is_the_archive_itself_is_no_word_of_its_own() -> None:
    hint = pkg_config_hint("vec.pc", "Libs: -L${prefix} -lvec -lhwloc\nCflags: -I${prefix}\n")
    assert hint.libraries == ("vec", "hwloc")


def test_targets_of_cmake_say_what_they_link() -> None:
    text = (
        'set_target_properties(vec::vec PROPERTIES\n  INTERFACE_COMPILE_DEFINITIONS "VEC=1;$<X:Y>"\n'
        '  INTERFACE_LINK_LIBRARIES "\\$<LINK_ONLY:Threads::Threads>;m;dl;-framework Metal;vec::base"\n)'
    )
    hint = cmake_hint("lib/cmake/vec/vecTargets.cmake", text)
    assert hint.defines == ("VEC=1",)
    assert hint.private == ("-lpthread", "-lm", "-ldl", "-framework Metal")
