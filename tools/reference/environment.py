"""The environment variables of the command and the repository rules, with their meanings."""

from __future__ import annotations

VARIABLES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("CGO_PREBUILT_CACHE",),
        "the store's folder, an absolute path; by default `cgo-prebuilt` in the system's cache folder",
    ),
    (
        ("CGO_PREBUILT_SYSTEM_CACHE",),
        "read-only stores that are searched first, such as one in a container's image: absolute "
        "paths, separated as in `PATH`. They must belong to root or this user; their files are "
        "hashed each time",
    ),
    (
        ("CGO_PREBUILT_OFFLINE",),
        "`1`: download no library and no source; only the store and a `file://` mirror are used. The"
        " cargo, go and rustup of a source build download nothing, either; in Bazel, pip gets no index"
        " unless `PIP_INDEX_URL` names one",
    ),
    (
        ("CGO_PREBUILT_ORIGIN",),
        "`auto`, `prebuilt` or `source`, for every library; takes precedence over `origin` in MODULE.bazel",
    ),
    (
        ("CGO_PREBUILT_ALLOW_LINKOPTS",),
        "words of link options that locks may have, besides those known to be harmless, "
        "separated by white space; in Bazel, `prebuilt.defaults(allow_linkopts = ...)`",
    ),
    (
        ("CGO_PREBUILT_LINK_MODE",),
        "how files leave the store: `auto` (reflinks; else hard links, if no write through one "
        "goes unnoticed; else copies), `reflink`, `hardlink` or `copy`. If the chosen method "
        "does not work, files are copied",
    ),
    (
        ("CGO_PREBUILT_WAIT_SECONDS",),
        "seconds, 60 by default, that a command waits for another one that is doing the same and "
        "shows no sign of life",
    ),
    (
        ("CGO_PREBUILT_MIRROR",),
        "a base URL, a folder's absolute path, or a template of one with `{file}`. It replaces "
        "every URL of every lock; no archive is fetched from elsewhere. A template may have "
        "`{name}`, `{version}`, `{platform}`, `{os}` and `{arch}`, too. It does not affect pip, "
        "nor the downloads of a source build",
    ),
    (
        ("CGO_PREBUILT_<NAME>_RELEASE_URL", "<NAME>_RELEASE_URL"),
        "the same for one library, by its lock's `name`: `CGO_PREBUILT_LANCEDB_GO_RELEASE_URL` "
        "for `lancedb-go`. The first one that is set is used. `CGO_PREBUILT_MIRROR` takes "
        "precedence",
    ),
    (
        ("CGO_PREBUILT_<NAME>_VERSION", "<NAME>_VERSION"),
        "the version of one library to use instead of its lock's default. The first one that is "
        "set is used. It takes precedence over `version` in MODULE.bazel. Other programs may use "
        "the short form, too: if its version is not in the lock, the error names the variable",
    ),
    (
        ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
        "proxies, also in lower case; `http://USER:PASSWORD@HOST:PORT`",
    ),
    (
        ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"),
        "a file of the certificate authorities to trust instead of the usual ones; the first one set is used",
    ),
    (
        ("PIP_INDEX_URL",),
        "in Bazel, the package index from which pip installs packages that the fetcher lacks; see"
        " [which Python fetches](../consume.md#which-python-fetches)",
    ),
    (
        ("CGO_PREBUILT_CREDENTIAL_HELPER",),
        "credential helpers by the protocol of Bazel's `--credential_helper`: "
        "`[PATTERN=]PROGRAM`, separated by commas (empty entries are ignored). PATTERN is a host "
        "or `*.DOMAIN`; the most specific one is used. PROGRAM is an absolute path, "
        "`%workspace%/PATH`, or on the `PATH`. `--credential-helper` adds one",
    ),
    (
        ("CGO_PREBUILT_METHOD",),
        "set by the command for credential helpers: the request's method, for signatures",
    ),
    (
        ("BUILD_WORKSPACE_DIRECTORY",),
        "the value of `%workspace%`; set by `bazel run` and the rules",
    ),
    (
        ("NETRC",),
        "the file with logins by host, instead of `~/.netrc`; a password without a login is a bearer token",
    ),
    (
        ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"),
        "the places where `docker login` and `podman login` store logins: a file, a folder with "
        "`config.json`, and one with `containers/auth.json`",
    ),
    (
        ("GITHUB_TOKEN", "GH_TOKEN"),
        "sent over https to github.com only, or to the GitHub that the next two name; `publish` needs one."
        " Release files of a private repository are fetched through the API",
    ),
    (
        ("GITHUB_API_URL", "GITHUB_SERVER_URL"),
        "another GitHub server than github.com; if one is unset, it is derived from the other",
    ),
    (
        (
            "CC",
            "CXX",
            "AR",
            "CFLAGS",
            "CXXFLAGS",
            "CPPFLAGS",
            "LDFLAGS",
            "RUSTC",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
        ),
        "the tools of a source build outside Bazel, and their options. It sees these, others like them"
        " (`CARGO_*`, `CMAKE_*`, `CC_<target>`), and what the source's `env` names; a changed value"
        " causes a new build",
    ),
    (
        ("CGO_CFLAGS", "CGO_LDFLAGS", "PKG_CONFIG_PATH"),
        "`env` extends their values; a source build gets the last one",
    ),
    (
        ("GOMODCACHE", "GOPATH"),
        "the places where `env` looks for Go modules that expect the library beside their own files",
    ),
    (
        ("GOOS", "GOARCH", "GOENV"),
        "the platform of `env`, as of `go build`: the variables, else the settings of `go env "
        "-w`, else the host's",
    ),
    (
        ("CGO_PREBUILT_ENV",),
        "set by `env`: its values for each library, so that evaluating it again replaces them",
    ),
    (
        ("STRIP", "LD", "OBJCOPY"),
        "the programs of `pack --strip` and, with `AR`, of `pack --localize`",
    ),
    (("SOURCE_DATE_EPOCH",), "the time of a version in `goproxy build`; 1980-01-01 without it"),
    (
        ("CARGO_HOME",),
        "cargo's folder, whose path a source build keeps out of its outputs",
    ),
    (
        ("GIT_SSH_COMMAND", "GIT_SSH"),
        "how git calls ssh. If neither these nor `core.sshCommand` is set, `ssh` gives up on a"
        " silent server",
    ),
    (
        ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA"),
        "the system's folders for caches and, for Go's settings, for configuration",
    ),
    (
        ("CGO_PREBUILT_DEBUG",),
        "`1`: show the traceback of a bug. It may hold secrets that messages leave out, such as "
        "a URL's password",
    ),
    (("BAZEL",), "the Bazel that `doctor` checks, instead of the one on the PATH"),
    (
        ("PATH",),
        "the folders in which the tools of source builds, `ssh-keygen` and `python3` are found",
    ),
)
"""Each row's names, and their meaning; for `<NAME>` see `settings.library_variables`."""
