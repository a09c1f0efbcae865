"""Tests of reading a lock."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:lock.bzl", "excerpt", "flavor_of", "parse_lock", "prebuilts_of", "source_excerpt", "version_of")

_LOCK = {
    "schema": 1,
    "name": "answer",
    "default_version": "v2",
    "versions": {
        "v1": {"platforms": {}},
        "v2": {"platforms": {"linux_amd64": {"archives": []}, "linux_arm64": {"archives": []}}},
    },
}

def _parse_test_impl(ctx):
    env = unittest.begin(ctx)
    lock = parse_lock(json.encode(_LOCK), "L")
    asserts.equals(env, None, lock.error)
    asserts.equals(env, "answer", lock.name)
    asserts.equals(env, "v2", version_of(lock, "", "L").version)
    asserts.equals(env, "v1", version_of(lock, "v1", "L").version)
    error = version_of(lock, "v3", "L").error
    asserts.true(env, "version v3 is not in the lock" in error and "choose one of v1, v2" in error)
    return unittest.end(env)

def _version(content):
    return _LOCK | {"versions": {"v2": content}}

def _bad_lock_test_impl(ctx):
    env = unittest.begin(ctx)
    for text, words in {
        "": "not a JSON object",
        "[]": "not a JSON object",
        json.encode(_LOCK | {"default_version": "v3"}): "'default_version' is not one of its 'versions'",
        json.encode(_LOCK | {"name": None}): "the lock's 'name' is not a text",
        json.encode({key: value for key, value in _LOCK.items() if key != "name"}): "the lock's 'name' is not a text",
        json.encode(_LOCK | {"schema": 2}): "schema 2",
        json.encode(_version({"platforms": {"plan9_amd64": {}}})): "does not know the platform plan9_amd64 of version v2",
        json.encode(_version(_FLAVORED | {"flavors": {"cuda": {"plan9_amd64": {}}}})): "does not know the platform plan9_amd64",
        json.encode(_version(_FLAVORED | {"flavors": {"cuda": []}})): "the flavor cuda of version v2 of the lock is not a JSON object",
        json.encode(_LOCK | {"versions": {"v2": {"platforms": {}, "flavors": {}}}}): "needs both 'flavors' and 'default_flavor'",
        json.encode(_LOCK | {"versions": {"v2": {}}}): "version v2 of the lock has no 'platforms'",
    }.items():
        error = parse_lock(text, "some/lock.json").error
        asserts.true(env, words in error, error)
        asserts.true(env, "some/lock.json" in error and "next: " in error)
    return unittest.end(env)

def _excerpt_test_impl(ctx):
    env = unittest.begin(ctx)
    lock = parse_lock(json.encode(_LOCK), "L")
    part = parse_lock(excerpt(lock, "v2", "", "linux_arm64"), "E")
    asserts.equals(env, None, part.error)
    asserts.equals(env, {"v2": {"platforms": {"linux_arm64": {"archives": []}}}}, part.versions)
    return unittest.end(env)

def _signed_excerpt_test_impl(ctx):
    env = unittest.begin(ctx)
    signature = {"public_key": "ssh-ed25519 AAAA", "sums": "...", "signature": "..."}
    versions = {"v2": _LOCK["versions"]["v2"] | {"signature": signature, "source": {"path": "native"}}}
    lock = parse_lock(json.encode(_LOCK | {"versions": versions}), "L")
    part = parse_lock(excerpt(lock, "v2", "", "linux_arm64"), "E")
    asserts.equals(env, signature, part.versions["v2"]["signature"])
    asserts.equals(env, ["platforms", "signature"], sorted(part.versions["v2"]))
    asserts.equals(env, None, parse_lock(source_excerpt(lock, "v2"), "S").versions["v2"].get("signature"))
    return unittest.end(env)

_FLAVORED = {"platforms": {"linux_amd64": 1}, "default_flavor": "standard", "flavors": {"cuda": {"linux_amd64": 2}}}

def _flavor_test_impl(ctx):
    env = unittest.begin(ctx)
    flavored = prebuilts_of(_FLAVORED)
    asserts.equals(env, "standard", flavored.default_flavor)
    asserts.equals(env, {"standard": {"linux_amd64": 1}, "cuda": {"linux_amd64": 2}}, flavored.by_flavor)
    asserts.equals(env, "standard", flavor_of(flavored, "", "L").flavor)
    asserts.equals(env, "cuda", flavor_of(flavored, "cuda", "L").flavor)
    error = flavor_of(flavored, "debug", "L").error
    asserts.true(env, "flavor debug is not in the lock\n  at: L" in error and "choose one of standard, cuda" in error, error)

    plain = prebuilts_of(_LOCK["versions"]["v1"])
    asserts.equals(env, "", flavor_of(plain, "", "L").flavor)
    error = flavor_of(plain, "debug", "L").error
    asserts.true(env, "remove 'flavor', since the lock has none" in error and "`debug: {}` under 'flavors'" in error, error)

    lock = parse_lock(json.encode(_LOCK | {"versions": {"v2": _FLAVORED}}), "L")
    part = parse_lock(excerpt(lock, "v2", "cuda", "linux_amd64"), "E")
    asserts.equals(env, {"v2": {"platforms": {"linux_amd64": 2}}}, part.versions)
    return unittest.end(env)

_parse_test = unittest.make(_parse_test_impl)
_bad_lock_test = unittest.make(_bad_lock_test_impl)
_excerpt_test = unittest.make(_excerpt_test_impl)
_flavor_test = unittest.make(_flavor_test_impl)
_signed_excerpt_test = unittest.make(_signed_excerpt_test_impl)

def lock_test_suite(name):
    unittest.suite(name, _parse_test, _bad_lock_test, _excerpt_test, _flavor_test, _signed_excerpt_test)
