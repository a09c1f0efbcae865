"""Tests of what is said where Bazel downloads."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:answer.bzl", "failure_text")

# buildifier: disable=bzl-visibility
load("//rules/private:link_mode.bzl", "link_mode_error", "link_mode_options")

# buildifier: disable=bzl-visibility
load("//rules/private:transport.bzl", "failed_download", "not_downloaded", "printable_url", "transport_error")

_A = {"file": "a.zip", "urls": ["https://one/a.zip", "https://two/a.zip"]}
_B = {"file": "b.zip", "urls": ["https://one/b.zip"]}

def _failure(kind):
    return struct(kind = kind, error = "said", where = None, next = "do it")

def _transport_test_impl(ctx):
    env = unittest.begin(ctx)
    said = failure_text(not_downloaded([_A, _B]))
    asserts.true(env, said.startswith(
        "Bazel could not download a.zip, b.zip\n  at: https://one/a.zip\n      https://two/a.zip\n      https://one/b.zip\n  next: ",
    ))
    asserts.true(env, "next: there is no URL to try (offline, " in failure_text(not_downloaded([{"file": "a.zip", "urls": []}])))

    one_missing = [struct(missing = True, wanted = _A), struct(missing = False, wanted = _B)]
    asserts.equals(env, not_downloaded([_A]), failed_download(_failure("unavailable"), one_missing))
    wrong = failed_download(_failure("integrity"), one_missing)
    asserts.equals(env, "integrity", wrong.kind, "wrong bytes weigh more than missing ones")
    asserts.equals(env, "said\n  next: do it\n  Bazel downloaded it from: https://one/b.zip", failure_text(wrong))
    asserts.equals(env, _failure("lock"), failed_download(_failure("lock"), []))
    for url, shown in [
        ("https://one:8/a.zip", "https://one:8/a.zip"),
        ("https://me:canary@one/a@b.zip?sig=canary?c", "https://***@one/a@b.zip?***"),
        ("https://one/a.zip?me@canary", "https://one/a.zip?***"),
        ("file:///a@b/c", "file:///a@b/c"),
    ]:
        asserts.equals(env, shown, printable_url(url))
        secret = {"file": "a.zip", "urls": [url]}
        for result in [
            failed_download(_failure("unavailable"), [struct(missing = True, wanted = secret)]),
            failed_download(_failure("integrity"), [struct(missing = False, wanted = secret)]),
        ]:
            asserts.true(env, shown in failure_text(result))
            asserts.false(env, "canary" in failure_text(result))
    for version, shares in [("7.4.0", "yes"), ("9.0.1", "no"), ("9.1.0", "no"), ("9.2.0", "yes"), ("10.0.0", "yes"), ("", "yes")]:
        asserts.equals(env, ["--auto-hard-links=" + shares], link_mode_options("", version))
    asserts.equals(env, ["--auto-hard-links=yes", "--default-link-mode=copy"], link_mode_options("copy", "7.7.1"))
    asserts.equals(env, None, link_mode_error("auto"))
    asserts.equals(env, None, link_mode_error(""))
    asserts.equals(
        env,
        "link_mode is 'symlink'\n  next: use one of auto, reflink, hardlink, copy",
        link_mode_error("symlink"),
    )
    asserts.equals(env, None, transport_error("bazel"))
    asserts.equals(env, "transport is \"curl\"\n  next: set it to one of python, bazel", transport_error("curl"))
    return unittest.end(env)

_transport_test = unittest.make(_transport_test_impl)

def transport_test_suite(name):
    unittest.suite(name, _transport_test)
