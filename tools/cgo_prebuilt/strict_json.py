"""Parse untrusted JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn


def parse_json(
    text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], object] | None = None
) -> Any:
    """Parse JSON (RFC 8259) of any shape; the caller checks the shape.

    Args:
        text: The document.
        pairs: Makes an object from its pairs; None for a plain dict.

    Raises:
        ValueError: It is not JSON in UTF-8, has a number or a lone surrogate that JSON does not
            allow, or is nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
        return document
    except UnicodeEncodeError:
        raise ValueError("it has an unpaired surrogate") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no number {constant}")
