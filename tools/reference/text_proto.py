"""Parse protocol buffers in text form, with one field on each line, as Bazel writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_OPENING = re.compile(r"(\w+) \{")
_VALUE = re.compile(r'(\w+): (?:"(.*)"|(\S+))')


@dataclass
class Message:
    """A message: its fields' values in order.

    Attributes:
        texts: The values of scalar fields, as text.
        messages: The values of message fields.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, list[Message]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field's only text; empty if missing."""
        return next(iter(self.texts.get(name, [])), "")

    def is_true(self, name: str) -> bool:
        """Return whether a field is true."""
        return self.text(name) == "true"

    def all(self, name: str) -> list[Message]:
        """Return a field's messages."""
        return self.messages.get(name, [])

    def one(self, name: str) -> Message:
        """Return a field's only message; an empty one if missing."""
        return next(iter(self.all(name)), Message())


def parse(text: str) -> Message:
    """Parse a message.

    Args:
        text: Its lines.

    Raises:
        ValueError: A line has an unknown form.
    """
    open_messages = [Message()]
    for line in text.splitlines():
        stripped = line.strip()
        if opening := _OPENING.fullmatch(stripped):
            inner = Message()
            open_messages[-1].messages.setdefault(opening[1], []).append(inner)
            open_messages.append(inner)
        elif value := _VALUE.fullmatch(stripped):
            content = value[3] if value[2] is None else _unescaped(value[2])
            open_messages[-1].texts.setdefault(value[1], []).append(content)
        elif stripped == "}" and len(open_messages) > 1:
            open_messages.pop()
        elif stripped:
            raise ValueError(f"not a line of a text proto: {line!r}")
    if len(open_messages) > 1:
        raise ValueError("a message is not closed")
    return open_messages[0]


def _unescaped(text: str) -> str:
    # Text that is not ASCII appears unchanged, or as the bytes of its UTF-8 in octal.
    return text.encode().decode("unicode_escape").encode("latin-1").decode()
