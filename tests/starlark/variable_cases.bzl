"""The variables of a library: cases that Bazel's rules and the command must answer alike.

`python_test.bzl` asks `rules/private/library_variables.bzl`, `tests/unit/test_settings.py` asks `settings.py`. Literals only.
"""

NAMES = {
    "7zip": ["CGO_PREBUILT_7ZIP_VERSION", "7ZIP_VERSION"],
    "a.b+c": ["CGO_PREBUILT_A_B_C_VERSION", "A_B_C_VERSION"],
    "lancedb-go.2": ["CGO_PREBUILT_LANCEDB_GO_2_VERSION", "LANCEDB_GO_2_VERSION"],
    "vec": ["CGO_PREBUILT_VEC_VERSION", "VEC_VERSION"],
}

# What `version` in MODULE.bazel or on the command line says, the two variables of `vec`, and the version that is taken.
ASKED = [
    ["", "", "", ""],
    ["", "", "v2", "v2"],
    ["", "v3", "", "v3"],
    ["", "v3", "v2", "v3"],
]

# What to do where the variable asks for a version that is not in a lock with v1 and v2.
REMEDIES = {
    "CGO_PREBUILT_VEC_VERSION": "unset CGO_PREBUILT_VEC_VERSION, or set it to one of v1, v2",
    "VEC_VERSION": "unset VEC_VERSION if it is another program's, or set CGO_PREBUILT_VEC_VERSION, which takes precedence, to one of v1, v2",
}
