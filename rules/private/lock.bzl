"""Reading a lock. Pure functions: text in, structs out.

The fetcher reads the same lock strictly before it downloads anything; here only what the hub needs is
looked at, with errors that say which file to mend.
"""

load(":platforms.bzl", "PLATFORMS")

_SCHEMA = 1

def parse_lock(text, where):
    """Reads a lock.

    Args:
        text: the lock file's JSON.
        where: what to call it in errors.

    Returns:
        A struct of `name`, `default_version` and `versions` (the JSON's own dicts), or of `error`, a string.
    """
    remedy = "\n  next: make it with `cgo-prebuilt lock MANIFEST`, or restore it from version control"
    document = json.decode(text, default = None)
    if type(document) != "dict":
        return _error("the lock is not a JSON object", where, remedy)
    if document.get("schema") != _SCHEMA:
        return _error(
            "the lock has schema {}, this version of rules_cgo_prebuilt reads {}".format(
                repr(document.get("schema")),
                _SCHEMA,
            ),
            where,
            remedy,
        )
    name = document.get("name")
    if type(name) != "string" or not name:
        return _error("the lock's 'name' is not a text", where, remedy)
    versions = document.get("versions")
    if type(versions) != "dict" or document.get("default_version") not in versions:
        return _error("the lock's 'default_version' is not one of its 'versions'", where, remedy)
    for version, content in versions.items():
        if type(content) != "dict" or type(content.get("platforms")) != "dict":
            return _error("version {} of the lock has no 'platforms'".format(version), where, remedy)
        if type(content.get("flavors", {})) != "dict" or ("flavors" in content) != ("default_flavor" in content):
            return _error("version {} of the lock needs both 'flavors' and 'default_flavor'".format(version), where, remedy)
        for flavor, platforms in prebuilts_of(content).by_flavor.items():
            if type(platforms) != "dict":
                return _error("the flavor {} of version {} of the lock is not a JSON object".format(flavor, version), where, remedy)
            for platform in platforms:
                if platform not in PLATFORMS:
                    return _error(
                        "this version of rules_cgo_prebuilt does not know the platform {} of version {}".format(platform, version),
                        where,
                        "\n  next: update rules_cgo_prebuilt to the version of the command that wrote the lock, or newer",
                    )
    return struct(
        error = None,
        name = name,
        default_version = document["default_version"],
        versions = versions,
    )

def version_of(lock, wanted, where):
    """Chooses a version of a lock.

    Args:
        lock: what `parse_lock` returned.
        wanted: a version, or an empty string for the default.
        where: what to call the lock in errors.

    Returns:
        A struct of `version` and `content` (the version's dict), or of `error`.
    """
    version = wanted or lock.default_version
    if version not in lock.versions:
        return _error(
            "version {} is not in the lock".format(version),
            where,
            "\n  next: choose one of {}, or add it with `cgo-prebuilt lock MANIFEST --version {}`".format(
                ", ".join(lock.versions),
                version,
            ),
        )
    return struct(error = None, version = version, content = lock.versions[version])

def prebuilts_of(content):
    """The prebuilts of a version.

    Args:
        content: the version's dict.

    Returns:
        A struct of `default_flavor`, a name, and `by_flavor`, a dict from a flavor's name to what the lock holds for each
        platform. A library without flavors has one, whose name is empty.
    """
    default = content.get("default_flavor", "")
    return struct(
        default_flavor = default,
        by_flavor = {default: content["platforms"]} | content.get("flavors", {}),
    )

def flavor_of(prebuilts, wanted, where):
    """Chooses a flavor of a version.

    Args:
        prebuilts: what `prebuilts_of` returned.
        wanted: a flavor, or an empty string for the default.
        where: what to call the lock in errors.

    Returns:
        A struct of `flavor`, or of `error`.
    """
    flavor = wanted or prebuilts.default_flavor
    if flavor in prebuilts.by_flavor:
        return struct(error = None, flavor = flavor)
    if prebuilts.default_flavor:
        remedy = "choose one of {}, or add".format(", ".join(prebuilts.by_flavor))
    else:
        remedy = "remove 'flavor', since the lock has none; or add"
    return _error(
        "flavor {} is not in the lock".format(flavor),
        where,
        "\n  next: {} `{}: {{}}` under 'flavors' in the manifest, and run `cgo-prebuilt lock MANIFEST`".format(remedy, flavor),
    )

def excerpt(lock, version, flavor, platform):
    """A lock that holds one platform of one flavor of one version: all that a spoke depends on.

    Args:
        lock: what `parse_lock` returned.
        version: a version that it has.
        flavor: a flavor of the version; empty where it has none.
        platform: a platform that the flavor has.

    Returns:
        JSON text. It says nothing of flavors, since it has but one.
    """
    content = lock.versions[version]
    kept = {"platforms": {platform: prebuilts_of(content).by_flavor[flavor][platform]}}
    if "signature" in content:
        # It is of all platforms' sums in one text, so that nothing of it can be left out.
        kept["signature"] = content["signature"]
    return _lock_of(lock, version, kept)

def source_excerpt(lock, version):
    """A lock that holds the source of one version: all that its repository depends on.

    Args:
        lock: what `parse_lock` returned.
        version: a version that has a source.

    Returns:
        JSON text.
    """
    return _lock_of(lock, version, {
        "platforms": {},
        "source": lock.versions[version]["source"],
    })

def _lock_of(lock, version, content):
    return json.encode_indent({
        "schema": _SCHEMA,
        "name": lock.name,
        "default_version": version,
        "versions": {version: content},
    })

def _error(what, where, remedy):
    return struct(error = "{}\n  at: {}{}".format(what, where, remedy))
