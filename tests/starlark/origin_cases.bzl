"""What a failed fetch leads to: cases that Bazel's rules and the command must answer alike.

`source_test.bzl` asks `rules/private/origin.bzl`, `tests/unit/test_origin.py` asks `fetching/provider.py`. Literals only.
"""

ORIGINS = ["auto", "prebuilt", "source"]

# By exit code, then by origin and whether there is a source. With the origin `source` nothing is fetched.
AFTER_FAILED_FETCH = {
    2: {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    3: {"auto": ["hint", "build"], "prebuilt": ["hint", "hint"]},
    4: {"auto": ["hint", "build"], "prebuilt": ["hint", "hint"]},
    5: {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    70: {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
    130: {"auto": ["fail", "fail"], "prebuilt": ["fail", "fail"]},
}
