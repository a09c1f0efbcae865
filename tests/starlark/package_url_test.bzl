"""Tests of what a bill of materials calls a library."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:package_url.bzl", "metadata_of", "package_url")

def _archive(*urls):
    return {"sha256": "0" * 64, "urls": urls}

def _package_url_test_impl(ctx):
    env = unittest.begin(ctx)
    checksum = "checksum=sha256:" + "0" * 64
    for url, expected in {
        "ftp://example.com/vec.zip": "pkg:generic/vec@v1.0%2B2?" + checksum + "&download_url=ftp:%2F%2Fexample.com%2Fvec.zip",
        "https://example.com/vec.zip?sig=secret": "pkg:generic/vec@v1.0%2B2?" + checksum,
        "https://github.com/Acme/Vec/releases/download/v1+2/vec.zip": "pkg:github/acme/vec@v1%2B2",
        "https://user:secret@example.com/vec.zip": "pkg:generic/vec@v1.0%2B2?" + checksum,
    }.items():
        asserts.equals(env, expected, package_url("vec", "v1.0+2", [_archive(url)]))
    asserts.equals(env, "pkg:generic/vec@1?" + checksum, package_url("vec", "1", [_archive()]))
    return unittest.end(env)

def _metadata_test_impl(ctx):
    env = unittest.begin(ctx)
    nothing = metadata_of(None, "pkg:generic/vec@1")
    asserts.equals(env, ["", "", ""], [nothing.loads, nothing.target, nothing.repo])
    there = metadata_of(Label("//rules:metadata.bzl"), "pkg:generic/vec@1")
    asserts.true(env, there.loads.endswith("//rules:metadata.bzl\", \"package_metadata\")"))
    asserts.true(env, "purl = \"pkg:generic/vec@1\"" in there.target)
    asserts.equals(env, "repo(default_package_metadata = [\"//:package_metadata\"])\n", there.repo)
    return unittest.end(env)

_metadata_test = unittest.make(_metadata_test_impl)
_package_url_test = unittest.make(_package_url_test_impl)

def package_url_test_suite(name):
    unittest.suite(name, _package_url_test, _metadata_test)
