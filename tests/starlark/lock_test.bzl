"""Tests of reading a lock."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:fetchable_url.bzl", "is_fetchable")

# buildifier: disable=bzl-visibility
load("//rules/private:lock.bzl", "choose", "excerpt", "parse_lock", "ranges_name", "read_excerpt", "source_excerpt")
load("//tests/locks:samples.bzl", "READ", "REFUSED")
load(":ranges_names.bzl", "RANGES_OF")
load(":url_cases.bzl", "FETCHABLE", "NOT_FETCHABLE")

_ARCHIVE = {"files": [{"path": "lib/liba.a"}]}
_PREBUILT = {"archives": [_ARCHIVE]}
_LOCK = {
    "schema": 1,
    "revision": 1,
    "name": "answer",
    "default_version": "v2",
    "versions": {
        "v1": {"platforms": {}},
        "v2": {"platforms": {"linux_amd64": _PREBUILT, "linux_arm64": _PREBUILT}},
    },
}
_CUDA = _PREBUILT | {"defines": ["CUDA"]}
_FLAVORED = {
    "default_flavor": "standard",
    "flavors": {"cuda": {"linux_amd64": _CUDA}, "standard": {"linux_amd64": _PREBUILT}},
}

def _parsed(versions = {}):
    lock = parse_lock(json.encode(_LOCK | {"versions": _LOCK["versions"] | versions}), "L")
    if lock.error:
        fail(lock.error)
    return lock

def _part(lock, version, flavor, platform):
    """What a spoke reads of a lock."""
    part = excerpt(lock, choose(lock, version, "", "L"), flavor, platform)
    return read_excerpt(part.lock, part.shared)

def _judgement_test_impl(ctx):
    env = unittest.begin(ctx)
    for name, sample in READ.items():
        lock = parse_lock(json.encode(sample["lock"]), "L")
        asserts.equals(env, None, lock.error, name)
        chosen = choose(lock, "", "", "L")
        asserts.equals(
            env,
            sample["has"],
            {flavor: sorted(platforms) for flavor, platforms in chosen.flavors.items()},
            name,
        )
        for flavor, platforms in chosen.flavors.items():
            for platform in platforms:
                part = parse_lock(_part(lock, "", flavor, platform).text, "E")
                asserts.equals(env, None, part.error, name)
    for name, sample in REFUSED.items():
        error = parse_lock(json.encode(sample["lock"]), "L").error
        asserts.true(env, error and sample.get("says", "") in error, "{}: {}".format(name, error))
        asserts.true(env, "\n  at: " + sample["at"] in error, "{}: {}".format(name, error))
        asserts.true(env, "\n  next: " + sample.get("next", "") in error, "{}: {}".format(name, error))
    return unittest.end(env)

def _url_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, FETCHABLE, [url for url in FETCHABLE + NOT_FETCHABLE if is_fetchable(url)])
    return unittest.end(env)

def _text_test_impl(ctx):
    env = unittest.begin(ctx)
    for text in ["", "[]", "{"]:
        error = parse_lock(text, "some/lock.json").error
        asserts.true(env, error.startswith("the lock is not a JSON object\n  at: some/lock.json\n  next: make it"), error)
    for value, words in {'"archives"': "expected a list", '[{"files": 1}]': "expected a list", "[1]": "expected a mapping"}.items():
        text = json.encode(_LOCK).replace(json.encode(_PREBUILT["archives"]), value)
        error = parse_lock(text, "L").error
        asserts.true(env, words in error and "at: L: versions.v2.platforms.linux_amd64.archives" in error or "arm64" in error, error)
    for value in ["1", "null", '["a"]']:
        error = parse_lock(json.encode(_LOCK).replace('"answer"', value), "L").error
        asserts.true(env, "'name' must be a text\n  at: L\n" in error, error)

    # What Unicode ends a line with, escaped and as the bytes that Bazel reads.
    for sign in ["\\u2028", "\\u00e2\\u0080\\u00a8", "\\u007f"]:
        for value in [sign, json.decode('"' + sign + '"')]:
            error = parse_lock(json.encode(_LOCK).replace("lib/liba.a", "lib/" + value), "L").error
            asserts.true(env, error and "has a control character" in error, sign)
    error = parse_lock(json.encode(_LOCK).replace('"path":"lib/liba.a"', '"path":"a","size":"1"'), "L").error
    asserts.true(env, "'size' must be a whole number" in error and ".archives[0].files[0]\n" in error, error)
    return unittest.end(env)

def _choose_test_impl(ctx):
    env = unittest.begin(ctx)
    lock = _parsed({"v3": _FLAVORED})
    asserts.equals(env, "answer", lock.name)
    asserts.equals(env, "v2", choose(lock, "", "", "L").version)
    asserts.equals(env, {"": {}}, choose(lock, "v1", "", "L").flavors)
    error = choose(lock, "v4", "", "L").error
    asserts.true(env, "version v4 is not in the lock" in error and "choose one of v1, v2, v3" in error)

    asserts.equals(env, "", choose(lock, "v2", "", "L").flavor)
    error = choose(lock, "v2", "debug", "L").error
    asserts.true(env, "remove 'flavor', since the lock has none" in error and "`debug: {}` under 'flavors'" in error, error)

    chosen = choose(lock, "v3", "", "L")
    asserts.equals(env, ("standard", "standard"), (chosen.flavor, chosen.default_flavor))
    asserts.equals(env, {"cuda": {"linux_amd64": _CUDA}, "standard": {"linux_amd64": _PREBUILT}}, chosen.flavors)
    asserts.equals(env, "cuda", choose(lock, "v3", "cuda", "L").flavor)
    error = choose(lock, "v3", "debug", "L").error
    asserts.true(env, "flavor debug is not in the lock\n  at: L" in error and "choose one of cuda, standard" in error, error)
    return unittest.end(env)

def _excerpt_test_impl(ctx):
    env = unittest.begin(ctx)
    lock = _parsed({"v3": _FLAVORED})
    part = _part(lock, "", "", "linux_arm64")
    asserts.equals(env, ("answer", "v2"), (part.name, part.version))
    asserts.equals(env, _PREBUILT | {"headers": []}, part.prebuilt)
    asserts.equals(env, {"v2": {"platforms": {"linux_arm64": _PREBUILT}}}, parse_lock(part.text, "E").versions)
    part = _part(lock, "v3", "cuda", "linux_amd64")
    asserts.equals(env, {"v3": {"platforms": {"linux_amd64": _CUDA}}}, parse_lock(part.text, "E").versions)
    return unittest.end(env)

def _shared_test_impl(ctx):
    env = unittest.begin(ctx)
    header, own = {"path": "include/a.h", "size": 7}, {"path": "lib/liba.a"}
    prebuilt = {
        "archives": [{"files": [own], "shared_files": ["v1/1"]}],
        "headers": ["include/b.h"],
        "shared_headers": ["v1/1"],
    }
    document = _LOCK | {
        "shared": {"v1/1": [header], "v1/2": [own]},
        "versions": {"v2": {"platforms": {"linux_amd64": prebuilt, "linux_arm64": prebuilt}}},
    }
    lock = parse_lock(json.encode(document), "L")
    asserts.equals(env, None, lock.error)
    chosen = choose(lock, "", "", "L")
    arm, amd = excerpt(lock, chosen, "", "linux_arm64"), excerpt(lock, chosen, "", "linux_amd64")
    asserts.false(env, "a.h" in arm.lock)
    asserts.equals(env, {"v1/1": json.encode([header])}, arm.shared)
    asserts.equals(env, arm.shared, amd.shared)
    part = read_excerpt(arm.lock, arm.shared)
    asserts.equals(env, [own, header], part.prebuilt["archives"][0]["files"])
    asserts.equals(env, ["include/b.h", "include/a.h"], part.prebuilt["headers"])
    asserts.equals(env, {"v1/1": [header]}, json.decode(part.text)["shared"])
    return unittest.end(env)

def _ranges_test_impl(ctx):
    env = unittest.begin(ctx)
    archive = {"file": "a.tar.gz", "files": [], "format": "tar.gz"}
    lock = _parsed({"v2": {"platforms": {
        "linux_amd64": {"archives": [archive, archive | {"ranges": "0" * 64}]},
        "linux_arm64": {"archives": [archive]},
    }}})
    chosen = choose(lock, "v2", "", "L")
    parts = [excerpt(lock, chosen, "", platform) for platform in ["linux_amd64", "linux_arm64"]]
    asserts.equals(env, [True, False], [part.has_ranges for part in parts])
    asserts.true(env, "0" * 64 in parts[0].lock)
    asserts.equals(env, RANGES_OF, {name: ranges_name(name) for name in RANGES_OF})
    return unittest.end(env)

def _header_test_impl(ctx):
    env = unittest.begin(ctx)
    newer = _LOCK | {"revision": 2, "must_understand": ["revision"], "aliases": {}}
    lock = parse_lock(json.encode(newer), "L")
    part = json.decode(_part(lock, "", "", "linux_arm64").text)
    asserts.equals(env, 2, part["revision"])
    asserts.equals(env, ["revision"], part["must_understand"])
    asserts.equals(env, ["default_version", "must_understand", "name", "revision", "schema", "versions"], sorted(part))
    return unittest.end(env)

def _signed_excerpt_test_impl(ctx):
    env = unittest.begin(ctx)
    signature = {"public_key": "ssh-ed25519 AAAA", "sums": "...", "signature": "..."}
    source = {"build": {"tool": "make"}, "path": "native"}
    lock = _parsed({"v2": _LOCK["versions"]["v2"] | {"signature": signature, "source": source}})
    chosen = choose(lock, "", "", "L")
    for vouchers in [{}, {"signature": signature}]:
        # What nobody asked for is left out: a change of it refetches nothing.
        part = parse_lock(excerpt(lock, chosen, "", "linux_arm64", vouchers).lock, "E")
        asserts.equals(env, {"platforms": {"linux_arm64": _PREBUILT}} | vouchers, part.versions["v2"])
        part = parse_lock(source_excerpt(lock, chosen, vouchers), "S")
        asserts.equals(env, {"platforms": {}, "source": source} | vouchers, part.versions["v2"])
    asserts.equals(env, "", _part(lock, "", "", "linux_arm64").withdrawn)
    lock = _parsed({"v2": _LOCK["versions"]["v2"] | {"withdrawn": "it crashes"}})
    asserts.equals(env, "it crashes", _part(lock, "", "", "linux_arm64").withdrawn)
    return unittest.end(env)

_judgement_test = unittest.make(_judgement_test_impl)
_url_test = unittest.make(_url_test_impl)
_text_test = unittest.make(_text_test_impl)
_choose_test = unittest.make(_choose_test_impl)
_excerpt_test = unittest.make(_excerpt_test_impl)
_header_test = unittest.make(_header_test_impl)
_ranges_test = unittest.make(_ranges_test_impl)
_shared_test = unittest.make(_shared_test_impl)
_signed_excerpt_test = unittest.make(_signed_excerpt_test_impl)

def lock_test_suite(name):
    unittest.suite(
        name,
        _judgement_test,
        _url_test,
        _text_test,
        _choose_test,
        _excerpt_test,
        _header_test,
        _ranges_test,
        _shared_test,
        _signed_excerpt_test,
    )
