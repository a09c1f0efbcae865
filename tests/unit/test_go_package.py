"""The generated Go files, and the bindings that are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis.strategies import DataObject, data, from_regex

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.go_modules.cgo_directives import (
    _COMPILER,
    _LINKER,
    cflags,
    directive,
    ldflags,
)
from cgo_prebuilt.go_modules.go_build_file import repository_name, target_name
from cgo_prebuilt.go_modules.go_package import (
    Bindings,
    GoLibrary,
    forwarding_files,
    go_mod,
    platform_files,
)
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.platforms import Platform, parse_platform
from tests.unit.go_command import go, is_allowed
from tests.unit.library_case import write_files

LIBRARY = GoLibrary("vec-search", "v0.3.0", "a.dev/vec", "prebuilt.yaml")
AMD64 = Platform("linux", "amd64")
MUSL = Platform("linux", "amd64", "musl")
DARWIN = Platform("darwin", "arm64")
WINDOWS = Platform("windows", "amd64")


def _texts(files: dict[str, bytes]) -> dict[str, str]:
    return {name: content.decode() for name, content in files.items()}


def _chosen(files: dict[str, str], tags: set[str]) -> list[str]:
    """The files whose build constraint holds, as the go command would choose them."""
    chosen = []
    for name, text in files.items():
        if not name.endswith(".go"):
            continue
        match = re.search(r"^//go:build (.*)$", text, re.MULTILINE)
        expression = match[1] if match else "true"
        for sign, word in (("&&", " and "), ("||", " or "), ("!", " not ")):
            expression = expression.replace(sign, word)
        value = re.sub(
            r"\b(?!and\b|or\b|not\b)\w+", lambda tag: str(tag[0] in tags | {"true"}), expression
        )
        if eval(value):
            chosen.append(name)
    return sorted(chosen)


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (["linux", "amd64", "cgo"], "prebuilt_linux_amd64.go"),
        (["linux", "amd64", "cgo", "musl"], "prebuilt_linux_amd64_musl.go"),
        (["darwin", "arm64", "cgo"], "prebuilt_darwin_arm64.go"),
        (["darwin", "arm64", "cgo", "musl"], "prebuilt_darwin_arm64.go"),
        (["linux", "arm64", "cgo"], "unsupported.go"),
        (["linux", "android", "amd64", "cgo"], "unsupported.go"),
        (["darwin", "ios", "arm64", "cgo"], "unsupported.go"),
        (["linux", "amd64", "cgo", "vec_search_source"], "source.go"),
        (["windows", "arm64", "cgo", "vec_search_source"], "source.go"),
    ],
)
def test_one_file_is_chosen_for_a_platform(tags: Sequence[str], chosen: str) -> None:
    files = _texts(forwarding_files(LIBRARY, [AMD64, MUSL, DARWIN], Interface(), None))
    assert _chosen(files, set(tags)) == sorted([chosen, "doc.go"])


@pytest.mark.parametrize(
    ("os", "arch", "chosen"),
    [
        ("linux", "amd64", "prebuilt_linux_amd64.go"),
        ("android", "amd64", "unsupported.go"),
        ("darwin", "arm64", "prebuilt_darwin_arm64.go"),
        ("ios", "arm64", "unsupported.go"),
    ],
)
def test_the_go_command_chooses_no_library_of_another_system(
    tmp_path: Path, os: str, arch: str, chosen: str
) -> None:
    files = forwarding_files(LIBRARY, [AMD64, DARWIN], Interface(), None)
    write_files(tmp_path, {**files, "go.mod": go_mod(LIBRARY.module)})
    asked = go(tmp_path, "list", "-f", '{{join .GoFiles " "}}', GOOS=os, GOARCH=arch)
    assert asked.stdout.split() == sorted(["doc.go", chosen])


def test_a_platforms_file_imports_its_module_and_nothing_else() -> None:
    files = _texts(forwarding_files(LIBRARY, [MUSL], Interface(), None))
    assert files["prebuilt_linux_amd64_musl.go"].endswith(
        'package vec\n\nimport _ "a.dev/vec-linux-amd64-musl"\n'
    )


def test_with_bindings_the_headers_come_along() -> None:
    bindings = Bindings("vs", "1.22", {"vs.go": b"package vs\n"})
    interface = Interface.of(
        {"headers": ("include/vs/a.h",), "include_dirs": ("include",), "defines": ("V=1",)}
    )
    files = _texts(forwarding_files(LIBRARY, [AMD64], interface, bindings))
    assert files["vs.go"] == "package vs\n"
    assert '// #cgo CFLAGS: -I${SRCDIR}/include -DV=1\nimport "C"\n' in files["headers.go"]
    assert '_ "a.dev/vec/include"' in files["folders.go"]
    assert '_ "a.dev/vec/include/vs"' in files["include/doc.go"]
    assert "package files" in files["include/vs/doc.go"]
    assert "doc.go" not in files
    assert _chosen(files, {"linux", "amd64"}).count("nocgo.go") == 1


def test_bindings_with_a_fallback_of_their_own_are_not_refused_without_cgo() -> None:
    files = {"vs.go": b"package vs\n", "pure.go": b"//go:build !cgo\n\npackage vs\n"}
    bindings = Bindings("vs", "1.22", files)
    assert "nocgo.go" not in forwarding_files(LIBRARY, [AMD64], Interface(), bindings)


def test_bazel_compiles_the_bindings_with_the_headers_by_label() -> None:
    bindings = Bindings("vs", "1.22", {"vs.go": b"package vs\n", "README.md": b""})
    interface = Interface.of({"headers": ("include/a.h",), "include_dirs": ("include",)})
    files = forwarding_files(LIBRARY, [AMD64, MUSL], interface, bindings)
    text = files["BUILD.bazel"].decode()
    assert '"vs.go",' in text
    assert "README.md" not in text
    assert "headers.go" not in text
    assert 'cdeps = [":headers"]' in text
    assert 'hdrs = ["include/a.h"]' in text
    assert (
        '"@io_bazel_rules_go//go/platform:linux_amd64":'
        ' ["@dev_a_vec_linux_amd64//:vec-linux-amd64"]'
    ) in text
    assert "musl//" not in text


def test_bazel_embeds_what_the_bindings_embed() -> None:
    files = {"vs.go": b"package vs\n", "vs.txt": b""}
    bindings = Bindings("vs", "1.22", files, embedded=("vs.txt",))
    text = forwarding_files(LIBRARY, [AMD64], Interface(), bindings)["BUILD.bazel"].decode()
    assert '    embedsrcs = ["vs.txt"],\n' in text


def test_names_of_repositories_and_targets_are_those_of_gazelle() -> None:
    assert repository_name("go.Acme.dev/Vec-x.y/v2") == "dev_acme_go_vec_x_y_v2"
    assert target_name("go.acme.dev/vec-x/v2") == "vec-x"
    assert target_name("acme.dev") == "acme.dev"


def test_a_file_of_the_bindings_with_a_generated_name_is_refused() -> None:
    bindings = Bindings("vs", "1.22", {"source.go": b"package vs\n"})
    with pytest.raises(UsageError, match=r"has the name of a generated file, source\.go"):
        forwarding_files(LIBRARY, [AMD64], Interface(), bindings)


def test_a_platforms_module_links_in_order_and_keeps_its_folders() -> None:
    interface = Interface.of(
        {"static_library": ("lib/libb.a", "lib/liba.a"), "linkopts": ("-lm", "-framework Security")}
    )
    paths = ["lib/liba.a", "lib/libb.a", "include/x/internal/y.h"]
    files = _texts(platform_files(LIBRARY, DARWIN, interface, paths))
    assert (
        "// #cgo LDFLAGS: ${SRCDIR}/lib/libb.a ${SRCDIR}/lib/liba.a -lm -framework Security\n"
        'import "C"\n'
    ) in files["cgo.go"]
    assert "//go:build darwin && arm64 && !ios\n" in files["cgo.go"]
    assert '"C"' not in files["doc.go"]
    assert (
        '_ "a.dev/vec-darwin-arm64/include"\n\t_ "a.dev/vec-darwin-arm64/lib"'
        in files["folders.go"]
    )
    # Only a package above `internal` may import what is below it.
    assert '_ "a.dev/vec-darwin-arm64/include/x/internal"' in files["include/x/doc.go"]


def test_bazels_targets_link_in_the_same_order() -> None:
    interface = Interface.of(
        {
            "static_library": ("libb.a", "liba.a"),
            "headers": ("a.h",),
            "include_dirs": (".",),
            "linkopts": ("-lm", "-ldl"),
        }
    )
    text = _texts(platform_files(LIBRARY, AMD64, interface, ["a.h"]))["BUILD.bazel"]
    assert 'importpath = "a.dev/vec-linux-amd64"' in text
    assert 'static_library = "libb.a",\n    deps = [":library_1"]' in text
    assert 'static_library = "liba.a",\n)' in text
    assert 'linkopts = [\n        "-lm",\n        "-ldl",\n    ]' in text


def _build_file(platform: Platform, **lists: tuple[str, ...]) -> str:
    return _texts(platform_files(LIBRARY, platform, Interface.of(lists), []))["BUILD.bazel"]


def test_bazel_is_given_options_and_defines_as_they_are() -> None:
    text = _build_file(
        AMD64,
        linkopts=("-Wl,-rpath,$ORIGIN/../lib", "-framework Security"),
        defines=('NAME="a $b"', "PLAIN=1"),
    )
    assert '"-Wl,-rpath,$$ORIGIN/../lib",\n        "-framework Security",\n' in text
    assert """'NAME=\\"a $$b\\"'",\n        "PLAIN=1",\n""" in text


def test_bazel_is_given_two_forms_of_a_library_as_one() -> None:
    text = _build_file(
        WINDOWS,
        static_library=("liba.a", "libb.a"),
        shared_library=("b.dll", "c.dll"),
        interface_library=("b.lib", "c.lib"),
    )
    assert text.count("cc_import(") == 3
    assert (
        'interface_library = "b.lib",\n    shared_library = "b.dll",\n    static_library = "libb.a"'
        in text
    )
    assert 'interface_library = "c.lib",\n    shared_library = "c.dll",\n)' in text


@pytest.mark.parametrize("name", ["x.c", "x.cc", "x.S", "x.go", "a/x.syso"])
def test_a_file_that_go_would_compile_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="the go command would compile"):
        platform_files(LIBRARY, AMD64, Interface(), [f"include/{name}"])


def test_a_folder_that_is_no_import_path_is_refused() -> None:
    with pytest.raises(UsageError, match="the folder 'a b' cannot be a Go package"):
        platform_files(LIBRARY, AMD64, Interface(), ["include/a b/x.h"])


def test_a_go_mod_lists_what_it_requires() -> None:
    assert go_mod("a.dev/x") == b"module a.dev/x\n\ngo 1.21\n"
    text = go_mod("a.dev/x", "1.22", ["a.dev/y v1.0.0"])
    assert text == b"module a.dev/x\n\ngo 1.22\n\nrequire (\n\ta.dev/y v1.0.0\n)\n"


def test_libraries_whose_names_cgo_does_not_take_are_searched() -> None:
    interface = Interface.of(
        {"static_library": ("lib/y.lib",), "shared_library": ("so/libx.so.1",)}
    )
    assert ldflags(interface, "linux", where="m") == [
        "-L${SRCDIR}/lib",
        "-l:y.lib",
        "-L${SRCDIR}/so",
        "-l:libx.so.1",
        "-Wl,-rpath,${SRCDIR}/so",
    ]


def test_windows_links_the_import_library() -> None:
    interface = Interface.of({"shared_library": ("x.dll",), "interface_library": ("x.dll.a",)})
    assert ldflags(interface, "windows", where="m") == ["${SRCDIR}/x.dll.a"]
    interface = Interface.of({"shared_library": ("x.dll",), "interface_library": ("lib/x.lib",)})
    assert ldflags(interface, "windows", where="m") == ["-L${SRCDIR}/lib", "-lx"]


@pytest.mark.parametrize(
    "option",
    [
        "-Wl,--whole-archive",
        "-Wl,-force_load,x.a",
        "-Wl,-T,script.ld",
        "-T script.ld",
        "-fuse-ld=gold",
        "-Wl,-plugin,x.so",
        "@file",
        "-l -x",
        "-framework",
        "-framework (x)",
        "-Wl,-rpath,-x",
        "-l$(id)",
        "-l{x}*",
        "-lto_library x",
        "-O-x",
        "-g@x",
        "''",
        "-lm\\\n-ldl",
        "lib/x.lib",
        "lib/x.obj",
    ],
)
def test_an_option_that_the_go_command_refuses_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="the go command refuses") as caught:
        ldflags(Interface.of({"linkopts": (option,)}), "linux", where="m: platforms.linux_amd64")
    assert caught.value.where == "m: platforms.linux_amd64"


@pytest.mark.parametrize(
    "option",
    [
        "-lm", "-pthread", "-framework Security", "-Wl,--as-needed", "-Wl,-z,now", "-static-libgcc",
        "-Wl,-framework,Security", "-l stdc++", "-L/usr/lib", "-Wl,--start-group", "-fopenmp",
        "-Wl,-rpath,$ORIGIN/../lib", "-L${SRCDIR}/lib", "-lgröße",
    ],
)  # fmt: skip
def test_an_option_that_the_go_command_takes_is_taken(option: str) -> None:
    assert ldflags(Interface.of({"linkopts": (option,)}), "linux", where="m") == option.split()


@pytest.mark.parametrize(
    "lists",
    [
        {"static_library": ("lib/lib(x).a",)},
        {"shared_library": ("a,b/libx.so",)},
        {"shared_library": ("lib/lib#x.so.1",)},
    ],
)
def test_a_library_whose_name_cgo_does_not_take_is_refused(
    lists: dict[str, tuple[str, ...]],
) -> None:
    with pytest.raises(UsageError, match="the go command refuses") as caught:
        ldflags(Interface.of(lists), "linux", where="m")
    assert "another name in the archive" in str(caught.value.remedy)


@pytest.mark.parametrize(
    "define", ["LEVEL=-1", 'NAME="a"', "NAME='a'", "A=a@b", "1A", "A=a\\b", ""]
)
def test_a_define_that_the_go_command_refuses_is_refused(define: str) -> None:
    with pytest.raises(UsageError, match=r"the go command refuses .-D") as caught:
        cflags(Interface(defines=(define,)), where="m")
    assert caught.value.where == "m"
    assert "#define it in a header" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("allowed", "kind"), [(_LINKER, "Linker"), (_COMPILER, "Compiler")], ids=["linker", "compiler"]
)
@given(data())
@settings(max_examples=200, deadline=None)
def test_what_is_allowed_the_installed_go_command_allows(
    allowed: re.Pattern[str], kind: str, drawn: DataObject
) -> None:
    word = drawn.draw(from_regex(allowed, fullmatch=True))
    assume("\n" not in word)  # no field of a `#cgo` line
    assert is_allowed(kind, word), word


@pytest.mark.parametrize("os", ["linux", "darwin", "windows"])
def test_no_system_lets_go_link_an_archive_as_a_whole(os: str) -> None:
    interface = Interface(static_library=("lib/libx.a",), alwayslink=("lib/libx.a",))
    with pytest.raises(UsageError, match="to link an archive as a whole"):
        ldflags(interface, os, where="m")
    for word in "-Wl,-force_load,/x/libx.a", "-Wl,--whole-archive", "-Wl,-all_load", "-all_load":
        assert not is_allowed("Linker", word)


@pytest.mark.parametrize(
    ("name", "words", "refused"),
    [
        ("LDFLAGS", ["-Wl,-force_load,${SRCDIR}/lib/libx.a"], True),
        ("LDFLAGS", ["-l{x}"], True),
        ("CFLAGS", ["-DLEVEL=-1"], True),
        ("CFLAGS", ["-DPLACE=${SRCDIR}"], True),
        ("CFLAGS", ["-DLEVEL=1 2"], False),
        ("LDFLAGS", ["-Wl,-rpath,$ORIGIN/../lib", "-L${SRCDIR}/lib"], False),
    ],
)
def test_the_go_command_itself_refuses_the_same(
    tmp_path: Path, name: str, words: list[str], refused: bool
) -> None:
    folder = tmp_path / "vec@v1.0.0"
    line = directive(name, words)
    write_files(
        folder,
        {
            "go.mod": b"module example.com/vec\n\ngo 1.21\n",
            "vec.go": f'package vec\n\n{line}import "C"\n'.encode(),
        },
    )
    done = go(folder, "build", "-n", ".", CGO_ENABLED="1")
    assert bool(done.returncode) is refused, done.stderr
    with (
        nullcontext() if not refused else pytest.raises(UsageError, match="the go command refuses")
    ):
        if name == "CFLAGS":
            cflags(Interface(defines=tuple(word[2:] for word in words)), where="m")
        else:
            ldflags(Interface(linkopts=tuple(words)), "linux", where="m")


def test_a_word_with_a_space_is_quoted() -> None:
    assert (
        directive("CFLAGS", cflags(Interface(defines=("A=b c",)), where="m"))
        == '// #cgo CFLAGS: "-DA=b c"\n'
    )


def test_every_platform_has_a_file_name_that_go_does_not_take_for_another_one() -> None:
    files = forwarding_files(LIBRARY, [parse_platform("linux_arm")], Interface(), None)
    assert "prebuilt_linux_arm.go" in files
