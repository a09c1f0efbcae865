"""docs/reference/manifest.md and lock.md, from the JSON schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reference.markdown import banner, link, one_of, page, table

Schema = Mapping[str, Any]

_TYPES = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "`null`",
    "object": "mapping",
    "string": "text",
}


def schema_page(schema: Schema, title: str, source: str, *introduction: str) -> str:
    """Return a format's page.

    Args:
        schema: The JSON schema, whose objects with keys are the root and its definitions.
        title: The page's heading.
        source: The schema's file, for the banner.
        introduction: Blocks to follow the schema's description.
    """
    definitions: Mapping[str, Schema] = schema.get("$defs") or schema["definitions"]
    objects = {name: one for name, one in definitions.items() if "properties" in one}
    forms = {name: one for name, one in definitions.items() if name not in objects}
    return page(
        banner(source),
        f"# Reference: {title}",
        schema["description"],
        *introduction,
        "## At the top",
        _keys(schema, definitions),
        *(
            block
            for name, one in objects.items()
            for block in _object(name, one, schema["properties"], definitions)
        ),
        "## Forms",
        *(block for name, one in forms.items() for block in _form_of(name, one)),
    )


def _object(
    name: str, schema: Schema, top: Schema, definitions: Mapping[str, Schema]
) -> Iterator[str]:
    yield f"## {name}"
    yield schema.get("description", "")
    known = [key for key, value in schema["properties"].items() if top.get(key) == value]
    if known:
        yield f"As at the top: {one_of(known)}."
    own = {key: value for key, value in schema["properties"].items() if key not in known}
    if own:
        yield _keys({**schema, "properties": own}, definitions)
    yield _alternatives(schema)


def _form_of(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}"
    yield schema.get("description", "")
    form = _form(schema)
    yield f"{form[:1].upper()}{form[1:]}."


def _keys(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    def meaning(value: Schema) -> str:
        named = definitions.get(value.get("$ref", "").rpartition("/")[2], {})
        text: str = value.get("description") or named.get("description", "")
        return text

    required = schema.get("required", ())
    return table(
        ("key", "value", "", "what it is"),
        (
            (f"`{key}`", _form(value), "required" if key in required else "", meaning(value))
            for key, value in schema["properties"].items()
        ),
    )


def _alternatives(schema: Schema) -> str:
    """Return an object's alternative keys, in words."""
    sets = [
        " and ".join(f"`{key}`" for key in one["required"])
        for one in schema.get("oneOf", ())
        if "required" in one
    ]
    return f"Either {', or '.join(sets)}." if sets else ""


def _form(schema: Schema) -> str:
    """Return a value's form, in words."""
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f"`{schema['const']}`" if schema["const"] != "" else "empty"
    if "enum" in schema:
        return f"one of {one_of(schema['enum'])}"
    if "anyOf" in schema:
        return " or ".join(_form(one) for one in schema["anyOf"])
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_form_of_type(kind, schema) for kind in kinds)


def _form_of_type(kind: str, schema: Schema) -> str:
    if kind == "array":
        return f"list of {_form(schema['items'])}"
    if kind == "object" and "patternProperties" in schema:
        ((pattern, of),) = schema["patternProperties"].items()
        return f"mapping from {one_of(pattern.strip('^()$').split('|'))} to {_form(of)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        names = schema.get("propertyNames", {})
        of = f" from {_form(names)}" if "$ref" in names else ""
        return f"mapping{of} to {_form(schema['additionalProperties'])}"
    return _TYPES[kind]
