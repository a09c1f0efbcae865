"""The newest modules of a registry, for tests that use them instead of the oldest supported ones.

`CGO_PREBUILT_TEST_REGISTRY` names the registry, by URL: the Central Registry's, or a `file://` one.
"""

from __future__ import annotations

import functools
import json
import re
import urllib.request

MODULES = (
    "bazel_features",
    "bazel_skylib",
    "gazelle",
    "platforms",
    "rules_cc",
    "rules_go",
    "rules_python",
    "rules_shell",
)
"""The modules to update to their newest versions."""

# Without rules_go and gazelle, whose dependencies only some workspaces need.
_ALWAYS = tuple(name for name in MODULES if name not in ("gazelle", "rules_go"))

_DEPENDENCY = r'(bazel_dep\(\s*name = "({})",\s*version = ")[^"]+(")'


def newest_version(metadata: str) -> str:
    """The newest release of a module that is not withdrawn.

    Args:
        metadata: The registry's `metadata.json`, whose versions are in order.
    """
    document = json.loads(metadata)
    yanked = document.get("yanked_versions", {})
    known = [version for version in document["versions"] if version not in yanked]
    return str(([version for version in known if "-" not in version] or known)[-1])


@functools.cache
def newest_of(registry: str) -> dict[str, str]:
    """Asks a registry for the newest version of each of `MODULES`."""
    versions = {}
    for name in MODULES:
        url = f"{registry.rstrip('/')}/modules/{name}/metadata.json"
        with urllib.request.urlopen(url, timeout=30) as answer:
            versions[name] = newest_version(answer.read().decode())
    return versions


def with_newest(module: str, versions: dict[str, str]) -> str:
    """Require the newest modules in a MODULE.bazel.

    Args:
        module: The file's text.
        versions: The newest version of each module.

    Returns:
        The text with those versions, and with a dependency on what all builds may come to load.
    """
    pattern = _DEPENDENCY.format("|".join(versions))
    text = re.sub(pattern, lambda match: match[1] + versions[match[2]] + match[3], module)
    absent = [name for name in _ALWAYS if name in versions and f'name = "{name}"' not in module]
    return text + "".join(
        f'bazel_dep(name = "{name}", version = "{versions[name]}")\n' for name in absent
    )
