"""Read a lock, by the rules of `docs/decisions/lock-evolution.md`. Pure functions: text in, structs out.

The fetcher reads the lock, too, before it downloads anything, and checks all values. Both refuse the same keys: tests give the
locks in `tests/locks` to both.
"""

load("//tools/cgo_prebuilt:locks/lock_keys.bzl", "CPU_ARCHITECTURES", "INTERFACES", "INTERFACE_LISTS", "OBJECTS", "REQUIRED", "REVISION", "SCHEMA", "WORDS")
load(":fetchable_url.bzl", "is_fetchable")
load(":interface_problem.bzl", "interface_problem")
load(":library_variables.bzl", "wrong_version_remedy")
load(":platforms.bzl", "PLATFORMS")

_REMEDY = "make it with `cgo-prebuilt lock MANIFEST`, or restore it from version control"
_UPDATE = "update rules_cgo_prebuilt and cgo-prebuilt to a version that reads revision {} of a lock"
_NO_SUCH_KEY = "rules_cgo_prebuilt reads revision {} of a lock here, which knows no such key: correct 'must_understand'; {}"
_TEXT = ("string", "a text")
_PLAIN = {"count": ("int", "a whole number"), "flag": ("bool", "true or false")} | {value_kind: _TEXT for value_kind in ["lines", "text", "url"] + list(WORDS)}
_INTERFACE = {key: "[text]" for key in INTERFACE_LISTS}
_KEYS = OBJECTS | {kind: OBJECTS[kind] | _INTERFACE for kind in INTERFACES}
_NESTED = {kind: {key: value_kind for key, value_kind in keys.items() if value_kind not in _PLAIN} for kind, keys in _KEYS.items()}
_KNOWN = {key: None for keys in _KEYS.values() for key in keys}
_PLATFORMS = {platform: None for platform in PLATFORMS}

# ASCII's control characters, and Unicode's line separators: as characters, and as UTF-8 bytes, each of which Bazel reads as
# one character.
_CONTROL = [json.decode('"\\u00{}"'.format(code)) for code in [
    first + second
    for first in "01".elems()
    for second in "0123456789abcdef".elems()
] + ["7f"]] + [json.decode('"{}"'.format(escape)) for escape in [
    "\\u2028",
    "\\u2029",
    "\\u00c2\\u0085",
    "\\u00e2\\u0080\\u00a8",
    "\\u00e2\\u0080\\u00a9",
]]

# Without any of these in the document, no text has a control character. They are rare, and checking each text is slow.
_SUSPICIOUS = [character for character in _CONTROL if character != "\n"] + ["\\" + character for character in "bfnrtu".elems()]

# The URL is not shown: it may hold a password.
_NO_URL = struct(
    what = "this is not a URL that can be fetched",
    remedy = "write https://HOST/PATH, http://HOST/PATH or file:///PATH; a port is a number",
)

# Starlark has no `while`; a lock has fewer values than this.
_ENOUGH = 100000000

def parse_lock(text, where):
    """Reads a lock.

    Args:
        text: the lock file's JSON.
        where: its name in errors.

    Returns:
        A struct of `name`, `default_version`, `versions` (the dicts in the JSON), `shared` (JSON texts of lists of files, by
        name) and `header` (the top-level keys that an excerpt repeats), or of `error`, a string.
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
    revision = document.get("revision", 1)
    if type(revision) != "int" or revision < 1:
        return _error("'revision' must be a whole number from 1, found {}".format(repr(revision)), where)
    must = document.get("must_understand", [])
    strange = [key for key in must if type(key) == "string" and key not in _KNOWN] if type(must) == "list" else []
    if strange:
        return _error(
            "the lock must be read by a program that knows {}".format(", ".join(strange)),
            where,
            _UPDATE.format(revision) if revision > REVISION else _NO_SUCH_KEY.format(revision, _REMEDY),
        )
    is_suspicious = any([character in text for character in _SUSPICIOUS])
    problem = _problem_of(document, where, revision > REVISION, is_suspicious)
    if problem:
        return problem
    versions = document["versions"]
    shared = document.get("shared", {})
    if document["default_version"] not in versions:
        return _error("'default_version' is {}, which is not in 'versions'".format(repr(document["default_version"])), where)
    for version, content in versions.items():
        what = _problem_of_version(content, shared)
        if what:
            return _error(what, "{}: versions.{}".format(where, version))
    return struct(
        error = None,
        name = document["name"],
        default_version = document["default_version"],
        header = {key: document[key] for key in ["schema", "revision", "must_understand", "name"] if key in document},
        shared = {name: json.encode(files) for name, files in shared.items()},
        versions = versions,
    )

def _problem_of(document, where, is_newer, is_suspicious):
    """Returns the error for invalid keys or values in a lock, or None."""
    pending = [("lock", document, where)]
    for _ in range(_ENOUGH):
        if not pending:
            break
        kind, value, place = pending.pop()
        value_kind = kind[1:-1]
        if kind[0] == "[":
            if type(value) != "list":
                return _error("expected a list", place)
            for index, item in enumerate(value):
                if value_kind in _NESTED and _NESTED[value_kind]:
                    pending.append((value_kind, item, "{}[{}]".format(place, index)))
                    continue
                problem = _problem_of_object(value_kind, item, is_newer, is_suspicious)
                if problem:
                    return _error(problem.what, "{}[{}]".format(place, index), problem.remedy)
        elif kind[0] == "{":
            if type(value) != "dict":
                return _error("expected a mapping", place)
            for name in value:
                problem = _problem_of_text("a name", name) if is_suspicious else None
                if problem:
                    return _error(problem.what, place, problem.remedy)
            pending.extend([
                (value_kind, item, "{}.{}".format(place, name))
                for name, item in value.items()
                if value_kind not in ("platform", "source_platform") or name in _PLATFORMS
            ])
        else:
            problem = _problem_of_object(kind, value, is_newer, is_suspicious)
            if problem:
                return _error(problem.what, place, problem.remedy)
            dot = ": " if kind == "lock" else "."
            pending.extend([(value_kind, value[key], place + dot + key) for key, value_kind in _NESTED.get(kind, {}).items() if key in value])
    return None

def _problem_of_object(kind, value, is_newer, is_suspicious):
    """Returns the problem of an object's keys and plain values: a struct of `what` and `remedy`, or None."""
    if kind in ("lines", "text", "url"):
        if type(value) != "string":
            return struct(what = "expected a text", remedy = _REMEDY)
        if kind == "url" and not is_fetchable(value):
            return _NO_URL
        return _problem_of_text("a text", value) if is_suspicious and kind != "lines" else None
    if type(value) != "dict":
        return struct(what = "expected a mapping", remedy = _REMEDY)
    keys = _KEYS[kind]
    for key in REQUIRED.get(kind, []):
        if key not in value:
            return struct(what = "'{}' is missing".format(key), remedy = _REMEDY)
    for key, item in value.items():
        value_kind = keys.get(key)
        if value_kind == None and not is_newer:
            return struct(what = "unknown key '{}'".format(key), remedy = "known keys here: " + ", ".join(sorted(keys)))
        if value_kind in _PLAIN and type(item) != _PLAIN[value_kind][0]:
            return struct(what = "'{}' must be {}".format(key, _PLAIN[value_kind][1]), remedy = _REMEDY)
        if value_kind in WORDS and item not in WORDS[value_kind] and not is_newer:
            return struct(what = "'{}' is {}".format(key, repr(item)), remedy = "it can be one of " + ", ".join(WORDS[value_kind]))
        if value_kind == "url" and not is_fetchable(item):
            return _NO_URL
        problem = _problem_of_text("'{}'".format(key), item) if is_suspicious and value_kind in ("text", "url") else None
        if problem:
            return problem
    return None

def _problem_of_text(what, text):
    """Returns the problem of a text for use in commands, scripts and BUILD files, as `_problem_of_object` does."""
    found = [character for character in _CONTROL if character in text]
    if not found:
        return None
    return struct(what = "{} has a control character: {}".format(what, json.encode(text)), remedy = "remove it from the text")

def _problem_of_version(content, shared):
    """Returns the problem of a version's flavors, or of the lists that they share: a text, or None."""
    has_flavors = "flavors" in content
    default = content.get("default_flavor")
    if ("platforms" in content) == has_flavors or (default != None) != has_flavors:
        return "a version has either 'platforms', or 'flavors' and 'default_flavor'"
    if has_flavors and default not in content["flavors"]:
        return "the default flavor {} is not in 'flavors'".format(repr(default))
    source = content.get("source", {})
    for described in [source] + source.get("platforms", {}).values():
        problem = interface_problem(described)
        if problem:
            return problem
    for platforms in _flavors_of(content).values():
        for platform, prebuilt in platforms.items():
            problem = interface_problem(prebuilt) or _problem_of_cpu(platform.split("_")[1], prebuilt)
            if problem:
                return problem
            for name in _shared_names(prebuilt):
                if name not in shared:
                    return "{} is not in the lock's 'shared'".format(repr(name))
    return None

def _problem_of_cpu(arch, prebuilt):
    """Returns why a processor level is invalid for a platform: a text, or None."""
    cpu = prebuilt.get("requires", {}).get("cpu", "")
    for start, own in CPU_ARCHITECTURES.items():
        if cpu in WORDS["cpu"] and cpu.startswith(start) and own != arch:
            return "'cpu' is {}, which is not a processor level of {}".format(repr(cpu), arch)
    return None

def _flavors_of(content):
    """The prebuilts of a version that are for known platforms, by flavor and platform."""
    return {
        flavor: {platform: prebuilt for platform, prebuilt in platforms.items() if platform in _PLATFORMS}
        for flavor, platforms in content.get("flavors", {"": content.get("platforms")}).items()
    }

def _shared_names(prebuilt):
    """The names of the lists that a prebuilt shares with others."""
    lists = [prebuilt.get("shared_headers", [])] + [archive.get("shared_files", []) for archive in prebuilt["archives"]]
    return sorted({name: None for names in lists for name in names})

def choose(lock, version, flavor, where, variable = ""):
    """Chooses one flavor of one version of a lock.

    Args:
        lock: from `parse_lock`.
        version: a version; empty for the default.
        flavor: a flavor; empty for the default.
        where: the lock's name in errors.
        variable: the variable that selects the version; empty without one.

    Returns:
        A struct of `version`, `flavor`, `default_flavor`, `flavors` (a dict from each flavor's name to a dict of platforms; a
        library without flavors has one, whose name is empty) and `content` (the version's dict), or of `error`.
    """
    version = version or lock.default_version
    if version not in lock.versions:
        if variable:
            return _error(
                "version {} is not in the lock {}, and a variable asks for it".format(version, where),
                "{}={}".format(variable, version),
                wrong_version_remedy(lock.name, variable, lock.versions),
            )
        return _error(
            "version {} is not in the lock".format(version),
            where,
            "choose one of {}, or add it with `cgo-prebuilt lock MANIFEST --version {}`".format(", ".join(lock.versions), version),
        )
    content = lock.versions[version]
    default = content.get("default_flavor", "")
    flavors = _flavors_of(content)
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
        flavors = flavors,
        content = content,
    )

def excerpt(lock, chosen, flavor, platform, vouchers = {}):
    """Returns a lock with one platform of one flavor of one version: all that a spoke depends on.

    Args:
        lock: from `parse_lock`.
        chosen: from `choose`.
        flavor: a flavor of the version; empty without flavors.
        platform: a platform of the flavor.
        vouchers: from `vouchers_in`.

    Returns:
        A struct of `lock`, JSON text without flavors; `shared`, a dict from the names of its shared lists to JSON texts, which
        are separate since they are equal for all spokes; and `has_ranges`, whether the file beside the lock says how to read
        parts of its archives.
    """
    prebuilt = chosen.flavors[flavor][platform]
    kept = {key: chosen.content[key] for key in ["withdrawn"] if key in chosen.content}
    return struct(
        lock = _lock_of(lock, chosen, {"platforms": {platform: prebuilt}} | kept | vouchers),
        shared = {name: lock.shared[name] for name in _shared_names(prebuilt)},
        has_ranges = any(["ranges" in archive for archive in prebuilt["archives"]]),
    )

def ranges_name(name):
    """The name of the ranges file beside a lock, as `ranges_path` of locks/lock_file.py names it. Pure.

    Args:
        name: the lock's name.
    """
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.removesuffix(".json") or file) + ".ranges"

def read_excerpt(text, shared):
    """Puts a lock together again that `excerpt` took apart.

    Args:
        text: its JSON text.
        shared: its shared lists.

    Returns:
        A struct of `name`, `version`, `withdrawn` (why nobody should use the version; else empty), `prebuilt` (the lock's value
        for the platform, with the shared lists filled in) and `text`, the lock as JSON.
    """
    lock = json.decode(text)
    version = lock["default_version"]
    content = lock["versions"][version]
    (prebuilt,) = content["platforms"].values()
    lists = {name: json.decode(files) for name, files in shared.items()}
    whole = prebuilt | {
        "archives": [
            archive | {"files": archive["files"] + _joined(lists, archive.get("shared_files", []))}
            for archive in prebuilt["archives"]
        ],
        "headers": prebuilt.get("headers", []) + [
            file["path"]
            for file in _joined(lists, prebuilt.get("shared_headers", []))
        ],
    }
    return struct(
        name = lock["name"],
        prebuilt = whole,
        text = json.encode_indent(lock | {"shared": lists}) if lists else text,
        version = version,
        withdrawn = content.get("withdrawn", ""),
    )

def _joined(lists, names):
    return [file for name in names for file in lists[name]]

def source_excerpt(lock, chosen, vouchers = {}):
    """Returns a lock with the source of one version: all that the source's repository depends on.

    Args:
        lock: from `parse_lock`.
        chosen: from `choose`, for a version with a source.
        vouchers: from `vouchers_in`.

    Returns:
        JSON text.
    """
    return _lock_of(lock, chosen, {"platforms": {}, "source": chosen.content["source"]} | vouchers)

def _lock_of(lock, chosen, content):
    return json.encode_indent(lock.header | {
        "default_version": chosen.version,
        "versions": {chosen.version: content},
    })

def _error(what, where, remedy = _REMEDY):
    return struct(error = "{}\n  at: {}\n  next: {}".format(what, where, remedy))
