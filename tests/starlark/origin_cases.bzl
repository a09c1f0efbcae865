"""What a failed fetch leads to: cases that Bazel's rules and the command must answer alike.

`source_test.bzl` asks `rules/private/origin.bzl`, `tests/unit/test_origin.py` asks `fetching/provider.py`. Literals only.
"""

ORIGINS = ["auto", "prebuilt", "source"]

# By the failure's kind, then by origin and whether there is a source. With the origin `source` nothing is fetched.
AFTER_FAILED_FETCH = {
    "": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "bug": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "build": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "integrity": {"auto": ["hint", "build"], "prebuilt": ["hint", "hint"]},
    "interrupted": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "lock": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "trust": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    "unavailable": {"auto": ["hint", "build"], "prebuilt": ["hint", "hint"]},
    "usage": {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
}
