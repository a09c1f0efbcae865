"""YAML without duplicate keys, of which PyYAML would take the last."""

from __future__ import annotations

from typing import Any

from cgo_prebuilt.errors import ManifestError


def parse_yaml(text: str, where: str) -> object:
    """Read YAML.

    Args:
        text: The document.
        where: Its file, for errors.

    Raises:
        ManifestError: It is not YAML, or has a key twice.
    """
    import yaml  # not needed to fetch, so not loaded then

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} appears twice", key.start_mark
                        )
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)
    # PyYAML raises the last three for an invalid scalar, such as the date 2024-13-01.
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split()).replace('in "<unicode string>", line', "at line")
        raise ManifestError(
            f"the manifest is not YAML: {reason}",
            where=where,
            remedy="correct it there; a text that looks like something else needs quotes",
        ) from None
