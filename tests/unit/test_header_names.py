"""Names that headers declare, by their words alone."""

from __future__ import annotations

from time import process_time

from cgo_prebuilt.publishing.header_names import HeaderNames

PASTED = """\
#define VEC_DECL(x, width) int vec_##x##width(void)
VEC_DECL(push, 32);
"""


def test_a_name_is_a_word_of_the_headers() -> None:
    names = HeaderNames("int vec_answer(void); int vec_ push;")
    assert names.has("vec_answer")
    assert not names.has("vec_push")
    assert not names.has("")


def test_a_name_that_a_macro_pastes_is_one() -> None:
    names = HeaderNames(PASTED)
    assert names.has("vec_push32")
    assert names.has("VEC_DECL")
    assert not names.has("vec_push64")
    assert not names.has("vec_pushed32")
    assert not names.has("")


def test_long_names_are_looked_up_fast() -> None:
    names = HeaderNames(PASTED)
    start = process_time()
    for number in range(20_000):
        names.has(f"_ZN4core3fmt9Formatter12pad_integral17h{number:016x}E" * 3)
    assert process_time() - start < 2
