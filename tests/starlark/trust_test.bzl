"""Tests of who must vouch for a library, as MODULE.bazel says."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:trust.bzl", "extras_for", "trust_of", "trust_options", "vouchers_in")

_SIGNED = {"signature": {"sums": "s"}}
_ATTESTED = {"verified": {"attestations": []}}

def _said(trust = "", public_key = "", identity = ""):
    return struct(trust = trust, public_key = public_key, identity = identity)

def _level_test_impl(ctx):
    env = unittest.begin(ctx)
    for said, is_root, least, level in [
        (_said(), True, "", "none"),
        (_said(), False, "signed", "signed"),
        (_said("attested"), False, "signed", "attested"),
        (_said("none"), False, "signed", "signed"),
        (_said("none"), True, "signed", "none"),
        (_said("none", public_key = "k"), True, "", "signed"),
        (_said(public_key = "k", identity = "i"), True, "", "attested"),
        (_said(identity = "i"), True, "none", "attested"),
    ]:
        asserts.equals(env, level, trust_of(said, is_root, least).level)
    for said, least in [(_said("some"), ""), (_said(), "some")]:
        error = trust_of(said, True, least).error
        asserts.equals(env, "trust is \"some\"\n  next: set it to one of none, signed, attested", error)
    return unittest.end(env)

level_test = unittest.make(_level_test_impl)

def _fetcher_test_impl(ctx):
    env = unittest.begin(ctx)
    nobody = trust_of(_said(), True, "")
    both = trust_of(_said(public_key = "ssh-ed25519 AAAA", identity = "acme/vec"), True, "")
    asserts.equals(env, [], trust_options(nobody))
    asserts.equals(
        env,
        ["--trust=attested", "--public-key=ssh-ed25519 AAAA", "--identity=acme/vec"],
        trust_options(both),
    )
    asserts.equals(env, {}, vouchers_in(nobody, _SIGNED | _ATTESTED))
    asserts.equals(env, _SIGNED | _ATTESTED, vouchers_in(both, {"platforms": {}} | _SIGNED | _ATTESTED))
    return unittest.end(env)

fetcher_test = unittest.make(_fetcher_test_impl)

def _extras_test_impl(ctx):
    env = unittest.begin(ctx)
    for said, content, extras in [
        (_said(), _SIGNED | _ATTESTED, []),
        (_said("signed"), _SIGNED | _ATTESTED, ["signatures"]),
        (_said("signed"), _ATTESTED, ["attestations"]),
        (_said("attested"), _SIGNED | _ATTESTED, ["attestations"]),
        (_said("attested", public_key = "k"), _SIGNED | _ATTESTED, ["signatures", "attestations"]),
        (_said(public_key = "k"), _ATTESTED, []),
        (_said(identity = "i"), _SIGNED, []),
    ]:
        asserts.equals(env, extras, extras_for(trust_of(said, True, ""), content))
    return unittest.end(env)

extras_test = unittest.make(_extras_test_impl)

def trust_test_suite(name):
    unittest.suite(name, extras_test, fetcher_test, level_test)
