"""The environment variables of the command and the repository rules, with their meanings."""

from __future__ import annotations

VARIABLES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("CGO_PREBUILT_CACHE",),
        "the store's folder, an absolute path; else `cgo-prebuilt` in the system's folder for caches",
    ),
    (
        ("CGO_PREBUILT_SYSTEM_CACHE",),
        "stores that are searched before that one and only read, such as one in a container's image:"
        " absolute paths, separated as in `PATH`. They belong to root or this user; their files are hashed"
        " each time",
    ),
    (
        ("CGO_PREBUILT_OFFLINE",),
        "`1`: request no library and no source; what is in the store or at a `file://` mirror is used. cargo"
        " gets `--offline`; in Bazel, pip gets no index unless `PIP_INDEX_URL` names one",
    ),
    (
        ("CGO_PREBUILT_ORIGIN",),
        "`auto`, `prebuilt` or `source`, for every library; takes precedence over `origin` in MODULE.bazel",
    ),
    (
        ("CGO_PREBUILT_ALLOW_LINKOPTS",),
        "words of link options that a lock may have beside those that are known to be harmless, with white"
        " space between them; in Bazel, `prebuilt.defaults(allow_linkopts = ...)`",
    ),
    (
        ("CGO_PREBUILT_LINK_MODE",),
        "how files leave the store: `auto` (reflinks; hard links where nobody can write through one"
        " unnoticed; copies), `reflink`, `hardlink` or `copy`. Where the one that is asked for does not"
        " work, files are copied",
    ),
    (
        ("CGO_PREBUILT_WAIT_SECONDS",),
        "seconds, 60 by default, after which a command does not wait any longer for another one that is at"
        " the same and shows no sign of life",
    ),
    (
        ("CGO_PREBUILT_MIRROR",),
        "a base URL or a folder's absolute path, or a template of one with `{file}`, instead of every URL"
        " of every lock; no archive is taken from elsewhere. `{name}`, `{version}`, `{platform}`, `{os}` and"
        " `{arch}` may be in a template. It does not cover pip, nor what a source build downloads",
    ),
    (
        ("CGO_PREBUILT_<NAME>_RELEASE_URL", "<NAME>_RELEASE_URL"),
        "the same for one library, by its lock's `name`: `CGO_PREBUILT_LANCEDB_GO_RELEASE_URL` for"
        " `lancedb-go`; the first that is set. `CGO_PREBUILT_MIRROR` takes precedence",
    ),
    (
        ("CGO_PREBUILT_<NAME>_VERSION", "<NAME>_VERSION"),
        "a version of one library's lock, instead of its default; the first that is set. It takes"
        " precedence over `version` in MODULE.bazel. Other programs may use the short form: the error"
        " for a version that is not in the lock says which variable named it",
    ),
    (
        ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
        "proxies, also in lower case; `http://USER:PASSWORD@HOST:PORT`",
    ),
    (
        ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"),
        "a file of the certificate authorities to trust, instead of the usual ones; the first that is set",
    ),
    (
        ("PIP_INDEX_URL",),
        "in Bazel, the package index that pip installs what the fetcher lacks from; see"
        " [which Python fetches](../consume.md#which-python-fetches)",
    ),
    (
        ("CGO_PREBUILT_CREDENTIAL_HELPER",),
        "programs that know credentials, `[PATTERN=]PROGRAM` with commas in between (empty entries are"
        " ignored), asked by the protocol"
        " of Bazel's `--credential_helper`. PATTERN is a host or `*.DOMAIN`; the most specific one counts."
        " PROGRAM is an absolute path, `%workspace%/PATH`, or on the `PATH`. `--credential-helper` adds one",
    ),
    (
        ("CGO_PREBUILT_METHOD",),
        "set for a credential helper: the request's method, for helpers that sign it",
    ),
    (
        ("BUILD_WORKSPACE_DIRECTORY",),
        "what `%workspace%` stands for; set by `bazel run` and the rules",
    ),
    (
        ("NETRC",),
        "the file of logins by host, instead of `~/.netrc`; a password without a login is a bearer token",
    ),
    (
        ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"),
        "where `docker login` and `podman login` store logins: a file, a folder with `config.json`, and one"
        " with `containers/auth.json`",
    ),
    (
        ("GITHUB_TOKEN", "GH_TOKEN"),
        "sent over https to github.com only, or to the GitHub that the next two name; `publish` needs one."
        " Release files of a private repository are taken by the API",
    ),
    (
        ("GITHUB_API_URL", "GITHUB_SERVER_URL"),
        "a GitHub that is not github.com; where one is missing, it is on the same GitHub",
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
        "`env` adds to their values; a source build gets the last",
    ),
    (
        ("GOMODCACHE", "GOPATH"),
        "where `env` looks for Go modules that want the library beside their own files",
    ),
    (
        ("GOOS", "GOARCH", "GOENV"),
        "the platform of `env`, as of `go build`: the variables, else what `go env -w` has written, else the"
        " host's",
    ),
    (
        ("CGO_PREBUILT_ENV",),
        "written by `env`: what it set for each library, so that evaluating it again replaces that",
    ),
    (
        ("STRIP", "LD", "OBJCOPY"),
        "the programs of `pack --strip` and, with `AR`, of `pack --localize`",
    ),
    (("SOURCE_DATE_EPOCH",), "the time of a version in `goproxy build`; 1980-01-01 without it"),
    (
        ("CARGO_HOME",),
        "cargo's folder, whose name a source build keeps out of what it yields",
    ),
    (
        ("GIT_SSH_COMMAND", "GIT_SSH"),
        "how git calls ssh; where neither they nor `core.sshCommand` say, `ssh` ends if its server is silent",
    ),
    (
        ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA"),
        "where the system's folders for caches and, for Go's, for settings are",
    ),
    (
        ("CGO_PREBUILT_DEBUG",),
        "`1`: show the traceback of a failure that is a bug; it may hold what a message leaves out, such as a"
        " URL's password",
    ),
    (("BAZEL",), "the Bazel that `doctor` looks at, instead of the one on the PATH"),
    (("PATH",), "where the tools of source builds, `ssh-keygen` and `python3` are looked for"),
)
"""Each row's names, and their meaning; for `<NAME>` see `settings.library_variables`."""
