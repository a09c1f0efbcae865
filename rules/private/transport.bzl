"""Who downloads: the fetcher itself, or Bazel for it. Either way the fetcher verifies and extracts."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "get_auth")
load(":link_options.bzl", "ALLOW_LINKOPTS")
load(":python.bzl", "run_fetcher")

_TRANSPORTS = ["python", "bazel"]

def transport_error(transport):
    """Returns the error for an invalid transport, text of two lines, or None. Pure.

    Args:
        transport: the value of the attribute.
    """
    if transport in _TRANSPORTS:
        return None
    return "transport is {}\n  next: set it to one of {}".format(repr(transport), ", ".join(_TRANSPORTS))

# The attributes of every repository rule that runs the fetcher for a library.
FETCHING_ATTRIBUTES = {
    "allow_linkopts": attr.string_list(
        doc = "Words of link options that the root module allows even if they can run a program.",
    ),
    "deps": attr.string_list(
        doc = "The canonical labels of the libraries on which this one depends.",
    ),
    "interpreter": attr.label(
        doc = "The Python that runs the fetcher; the host's `python3` by default.",
    ),
    "library": attr.string(
        doc = "The name of the library's target.",
        mandatory = True,
    ),
    "mirror": attr.string(
        doc = "The mirror in MODULE.bazel, which the environment may override; empty for the lock's URLs.",
    ),
    "trust": attr.string_list(
        doc = "The fetcher's options about who must vouch for the library, from `trust_options`.",
    ),
    "transport": attr.string(
        default = "python",
        doc = "Who downloads.",
        values = _TRANSPORTS,
    ),
}

# The folder in the repository for archives that Bazel downloads.
_FOLDER = ".cgo-prebuilt-archives"

def printable_url(url):
    """A URL for messages: without user, password, and query. Pure.

    The fetcher's `urls` refuses URLs with a password or a known signature; but other queries must not be logged, either.

    Args:
        url: a well-formed URL.

    Returns:
        The URL with `***` in place of each.
    """
    place, query, _ = url.partition("?")
    scheme, separator, rest = place.partition("://")
    authority, slash, path = rest.partition("/")
    _, login, host = authority.rpartition("@")
    return scheme + separator + ("***@" if login else "") + host + slash + path + ("?***" if query else "")

def not_downloaded(archives):
    """The failure if Bazel could not download archives. Pure.

    Args:
        archives: the missing archives, as described by the fetcher's `urls`.

    Returns:
        A failure, like the fetcher's own.
    """
    urls = [printable_url(url) for archive in archives for url in archive["urls"]]
    return struct(
        kind = "unavailable",
        error = "Bazel could not download " + ", ".join([archive["file"] for archive in archives]),
        where = "\n      ".join(urls),
        next = "see Bazel's warnings above, a wrong checksum is one; without a download, put it into the repository cache or a --distdir" if urls else "there is no URL to try (offline, or a crate from Git), and it is neither in the repository cache nor in a --distdir: fetch it once with a network, or from a mirror",
    )

def failed_download(failure, archives):
    """The failure of a fetch for which Bazel downloads. Pure.

    Args:
        failure: the fetcher's failure, from `read_answer`.
        archives: a list of structs: `missing`, a bool, and `wanted`, as the fetcher's `urls` describes it.

    Returns:
        A struct like `failure`. If an archive is missing, it says so; if bytes are wrong, it adds their URLs to the fetcher's
        failure.
    """
    missing = [archive.wanted for archive in archives if archive.missing]
    if missing and failure.kind == "unavailable":
        return not_downloaded(missing)
    origins = [
        "\n  Bazel downloaded it from: " + printable_url(url)
        for archive in archives
        if not archive.missing
        for url in archive.wanted["urls"]
    ]
    return struct(
        kind = failure.kind,
        error = failure.error,
        where = failure.where,
        next = (failure.next or "") + "".join(origins),
    )

def _start(rctx, archive, sha256):
    return rctx.download(
        # Empty if offline: Bazel then looks only into its repository cache and its --distdir.
        url = archive["urls"],
        output = _path(archive),
        sha256 = sha256,
        allow_fail = True,
        auth = get_auth(rctx, archive["urls"]),
        block = False,
    )

def _path(archive):
    return _FOLDER + "/" + archive["file"]

def _download(rctx, archives):
    """Makes Bazel download archives in parallel; those that fail are missing afterwards."""
    for pending in [_start(rctx, archive, archive["sha256"]) for archive in archives]:
        pending.wait()

    # Bazel removes wrong bytes without reporting them here. So download once more without a hash: the fetcher compares it
    # anyway, and can report wrong bytes. (Bazel refuses plain http URLs without a hash.)
    again = [archive for archive in archives if archive["urls"] and not rctx.path(_path(archive)).exists]
    for pending in [_start(rctx, archive, "") for archive in again]:
        pending.wait()
    return [
        struct(missing = not rctx.path(_path(archive)).exists, wanted = archive)
        for archive in archives
    ]

def run_with_transport(rctx, interpreter, verb, which, how, what, asking = [], size = 0):
    """Runs `cgo-prebuilt fetch`, `source` or `crates`, with either transport.

    Args:
        rctx: a repository's context; its rule has `FETCHING_ATTRIBUTES`.
        interpreter: from `find_interpreter`.
        verb: the verb.
        which: the arguments that select the library.
        how: the verb's other arguments.
        what: a description of the fetch, for progress messages.
        asking: the options of `urls` that correspond to this verb.
        size: the size of the download in bytes; 0 if unknown.

    Returns:
        The value of `read_answer`.
    """
    environment = {ALLOW_LINKOPTS: " ".join(rctx.attr.allow_linkopts)}
    which = which + rctx.attr.trust
    if rctx.attr.mirror:
        which = which + ["--default-mirror=" + rctx.attr.mirror]
    command = [verb, "--json"] + which + how
    if rctx.attr.transport == "python":
        return run_fetcher(rctx, interpreter, command, environment, what, size)
    asked = run_fetcher(rctx, interpreter, ["urls", "--json"] + asking + which, environment, what)
    if asked.failure:
        return asked
    archives = [] if asked.answer["cached"] else _download(rctx, asked.answer["archives"])
    result = run_fetcher(rctx, interpreter, command + ["--mirror=" + _FOLDER], environment, what)
    rctx.delete(_FOLDER)
    if result.failure:
        return struct(answer = None, failure = failed_download(result.failure, archives))
    return result
