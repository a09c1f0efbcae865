"""A release of a header on this machine: a repository with its lock, which says where the archive is."""

# Every platform that the presubmit runs on.
_PLATFORMS = [
    "darwin_amd64",
    "darwin_arm64",
    "linux_amd64",
    "linux_arm64",
    "windows_amd64",
    "windows_arm64",
]

def _release_impl(rctx):
    archive = rctx.path(rctx.attr.archive)
    url = "file://" + ("" if str(archive).startswith("/") else "/") + str(archive).replace(" ", "%20")
    verified = {"sha256": rctx.attr.sha256, "size": rctx.attr.size}
    prebuilt = {
        "archives": [verified | {
            "file": archive.basename,
            "files": [verified | {"path": archive.basename}],
            "format": "file",
            "urls": [url],
        }],
        "headers": [archive.basename],
        "include_dirs": ["."],
    }
    rctx.file("prebuilt.lock.json", json.encode_indent({
        "schema": 1,
        "name": rctx.attr.library,
        "default_version": rctx.attr.version,
        "versions": {rctx.attr.version: {"platforms": {platform: prebuilt for platform in _PLATFORMS}}},
    }))
    rctx.file("BUILD.bazel", 'exports_files(["prebuilt.lock.json"])\n')

release = repository_rule(
    implementation = _release_impl,
    doc = "Writes the lock of a library that is one header.",
    attrs = {
        "archive": attr.label(
            doc = "The header.",
            mandatory = True,
        ),
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        "sha256": attr.string(
            doc = "The header's.",
            mandatory = True,
        ),
        "size": attr.int(
            doc = "Of the header, in bytes.",
            mandatory = True,
        ),
        "version": attr.string(
            doc = "The library's version.",
            mandatory = True,
        ),
    },
)
