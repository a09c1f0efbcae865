"""Reading a lock, by the rule of `docs/decisions/lock-evolution.md`. Pure functions: text in, structs out.

The fetcher reads the same lock, too, before it downloads anything, and checks what each value is. Both refuse the
same keys: a table of locks in `tests/locks` that both read says which.
"""

load("//tools/cgo_prebuilt:locks/lock_keys.bzl", "INTERFACE_LISTS", "OBJECTS", "REQUIRED", "REVISION", "SCHEMA", "WORDS")
load(":platforms.bzl", "PLATFORMS")

_REMEDY = "make it with `cgo-prebuilt lock MANIFEST`, or restore it from version control"
_UPDATE = "update rules_cgo_prebuilt and cgo-prebuilt to a version that reads revision {} of a lock"
_PLAIN = {"count": "int", "format": "string", "text": "string", "tool": "string"}
_KINDS = {"count": "a whole number", "format": "a text", "text": "a text", "tool": "a text"}
_INTERFACE = {key: "[text]" for key in INTERFACE_LISTS}
_KEYS = OBJECTS | {kind: OBJECTS[kind] | _INTERFACE for kind in ["platform", "source"]}
_KNOWN = {key: None for keys in _KEYS.values() for key in keys}
_PLATFORMS = {platform: None for platform in PLATFORMS}

# Starlark has no `while`; a lock has fewer values than this.
_ENOUGH = 100000000

def parse_lock(text, where):
    """Reads a lock.

    Args:
        text: the lock file's JSON.
        where: what to call it in errors.

    Returns:
        A struct of `name`, `default_version`, `versions` (the JSON's own dicts) and `header` (the JSON's keys that a
        part of the lock has, too), or of `error`, a string.
    """
    document = json.decode(text, default = None)
    if type(document) != "dict":
        return _error("the lock is not a JSON object", where)
    schema = document.get("schema")
    if type(schema) != "int" or schema != SCHEMA:
        return _error("the lock has schema {}, this version of rules_cgo_prebuilt reads {}".format(
            repr(schema),
            SCHEMA,
        ), where)
    revision = document.get("revision", REVISION)
    if type(revision) != "int" or revision < 1:
        return _error("'revision' must be a whole number from 1, found {}".format(repr(revision)), where)
    must = document.get("must_understand", [])
    strange = [key for key in must if key not in _KNOWN] if type(must) == "list" else []
    if strange:
        return _error(
            "the lock must be read by a program that knows {}".format(", ".join([str(key) for key in strange])),
            where,
            _UPDATE.format(revision),
        )
    problem = _problem_of(document, where, revision > REVISION)
    if problem:
        return problem
    versions = document["versions"]
    if document["default_version"] not in versions:
        return _error("'default_version' is {}, which is not in 'versions'".format(repr(document["default_version"])), where)
    for version, content in versions.items():
        what = _problem_of_flavors(content)
        if what:
            return _error(what, "{}: versions.{}".format(where, version))
    return struct(
        error = None,
        name = document["name"],
        default_version = document["default_version"],
        header = {key: document[key] for key in ["schema", "revision", "must_understand", "name"] if key in document},
        versions = versions,
    )

def _problem_of(document, where, is_newer):
    """What is wrong with a lock's keys and the types of their values: an error, or None."""
    pending = [("lock", document, where)]
    for _ in range(_ENOUGH):
        if not pending:
            break
        kind, value, place = pending.pop()
        of = kind[1:-1]
        if kind[0] == "[":
            if type(value) != "list":
                return _error("expected a list", place)
            pending.extend([(of, item, "{}[{}]".format(place, index)) for index, item in enumerate(value)])
        elif kind[0] == "{":
            if type(value) != "dict":
                return _error("expected a mapping", place)
            pending.extend([
                (of, item, "{}.{}".format(place, name))
                for name, item in value.items()
                if of != "platform" or name in _PLATFORMS
            ])
        elif kind in _PLAIN:
            if type(value) != _PLAIN[kind]:
                return _error("expected {}".format(_KINDS[kind]), place)
        elif type(value) != "dict":
            return _error("expected a mapping", place)
        else:
            keys = _KEYS[kind]
            for key in REQUIRED.get(kind, []):
                if key not in value:
                    return _error("'{}' is missing".format(key), place)
            for key, item in value.items():
                if key in keys:
                    pending.append((keys[key], item, place + (": " if kind == "lock" else ".") + key))
                if is_newer:
                    continue
                if key not in keys:
                    return _error("unknown key '{}'".format(key), place, "known keys here: " + ", ".join(sorted(keys)))
                words = WORDS.get(keys[key])
                if words and item not in words:
                    return _error("'{}' is {}".format(key, repr(item)), place, "it can be one of " + ", ".join(words))
    return None

def _problem_of_flavors(content):
    """What is wrong with a version's flavors: a text, or None."""
    if ("platforms" in content) == ("flavors" in content):
        return "a version has either 'platforms' or 'flavors'"
    if "platforms" in content and "default_flavor" in content:
        return "'default_flavor' is for a version with 'flavors'"
    if "flavors" in content and "default_flavor" not in content:
        return "'default_flavor' is missing"
    if "flavors" in content and content["default_flavor"] not in content["flavors"]:
        return "'default_flavor' is {}, which is not in 'flavors'".format(repr(content["default_flavor"]))
    return None

def choose(lock, version, flavor, where):
    """Chooses one flavor of one version of a lock.

    Args:
        lock: what `parse_lock` returned.
        version: a version, or an empty string for the default.
        flavor: a flavor, or an empty string for the default.
        where: what to call the lock in errors.

    Returns:
        A struct of `version`, `flavor`, `default_flavor`, `flavors` (a dict from each flavor's name to what the lock holds
        for each platform; a library without flavors has one, whose name is empty) and `content` (the version's dict), or
        of `error`.
    """
    version = version or lock.default_version
    if version not in lock.versions:
        return _error(
            "version {} is not in the lock".format(version),
            where,
            "choose one of {}, or add it with `cgo-prebuilt lock MANIFEST --version {}`".format(", ".join(lock.versions), version),
        )
    content = lock.versions[version]
    default = content.get("default_flavor", "")
    flavors = content.get("flavors", {"": content.get("platforms")})
    flavor = flavor or default
    if flavor not in flavors:
        what = "choose one of {}, or add".format(", ".join(flavors)) if default else "remove 'flavor', since the lock has none; or add"
        return _error(
            "flavor {} is not in the lock".format(flavor),
            where,
            "{} `{}: {{}}` under 'flavors' in the manifest, and run `cgo-prebuilt lock MANIFEST`".format(what, flavor),
        )
    return struct(
        error = None,
        version = version,
        flavor = flavor,
        default_flavor = default,
        flavors = {
            name: {platform: prebuilt for platform, prebuilt in platforms.items() if platform in _PLATFORMS}
            for name, platforms in flavors.items()
        },
        content = content,
    )

def excerpt(lock, chosen, flavor, platform):
    """A lock that holds one platform of one flavor of one version: all that a spoke depends on.

    Args:
        lock: what `parse_lock` returned.
        chosen: what `choose` returned.
        flavor: a flavor of the version; empty where it has none.
        platform: a platform that the flavor has.

    Returns:
        JSON text. It says nothing of flavors, since it has but one.
    """
    kept = {"platforms": {platform: chosen.flavors[flavor][platform]}}
    if "signature" in chosen.content:
        # It is of all platforms' sums in one text, so that nothing of it can be left out.
        kept["signature"] = chosen.content["signature"]
    return _lock_of(lock, chosen, kept)

def source_excerpt(lock, chosen):
    """A lock that holds the source of one version: all that its repository depends on.

    Args:
        lock: what `parse_lock` returned.
        chosen: what `choose` returned for a version that has a source.

    Returns:
        JSON text.
    """
    return _lock_of(lock, chosen, {"platforms": {}, "source": chosen.content["source"]})

def _lock_of(lock, chosen, content):
    return json.encode_indent(lock.header | {
        "default_version": chosen.version,
        "versions": {chosen.version: content},
    })

def _error(what, where, remedy = _REMEDY):
    return struct(error = "{}\n  at: {}\n  next: {}".format(what, where, remedy))
