"""The module extension that gives cgo targets their native libraries.

    prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
    prebuilt.library(name = "lancedb", lock = "//third_party:lancedb.lock.json")
    use_repo(prebuilt, "lancedb")

For each library it declares a hub, `@lancedb`, a spoke for each platform, `@lancedb__linux_amd64` and so on (of a library with
flavors, one for each flavor, `@lancedb__linux_amd64__cuda`), and, where the lock has a source, `@lancedb__source`. The hub
depends on the spokes, through a select(), and on the source; a spoke whose prebuilt is unavailable depends on the source;
never the other way. Nothing here depends on the host.
"""

load("//rules/private:archive_repository.bzl", "archive_repository")
load("//rules/private:hub.bzl", "hub", "spoke_name")
load("//rules/private:libraries.bzl", "choice_of", "module_words", "resolve_libraries")
load("//rules/private:library_variables.bzl", "asked_version", "library_variables")
load("//rules/private:link_mode.bzl", "link_mode_error")
load("//rules/private:lock.bzl", "choose", "excerpt", "parse_lock", "ranges_beside", "source_excerpt")
load("//rules/private:origin.bzl", "origin_error", "renamed_error")
load("//rules/private:python.bzl", "PACKAGES")
load("//rules/private:python_packages.bzl", "python_packages")
load("//rules/private:source_repository.bzl", "source_repository", "source_repository_name")
load("//rules/private:transport.bzl", "transport_error")
load("//rules/private:trust.bzl", "extras_for", "trust_of", "trust_options", "vouchers_in")

# What a library is. Modules may differ in its other attributes; the first module's value is used.
_IDENTITY = ["deps", "flavor", "identity", "lock", "public_key", "source", "trust", "version"]

_TRUST = """\
The least that must vouch for the release, `none` by default. `signed`: an SSH key signed it, or a workflow attested it.
`attested`: a workflow attested it. A `public_key` or an `identity` implies it, and says whose. The fetcher verifies what the lock
holds, before it downloads anything and without a network; below that nothing is fetched or built, whatever the origin is."""

# How a library is fetched, for one in prebuilt.library and for all in prebuilt.defaults; and what holds otherwise.
_FETCHING = {"mirror": "", "origin": "auto", "transport": "python"}

_ORIGIN = """\
Where the library comes from, `auto` by default. `prebuilt`: the prebuilt, or the build fails. `source`: a build from source;
no prebuilt is downloaded. `auto`: the prebuilt, and a build from source if the platform has none or, with a warning, if no mirror has
the right bytes.
CGO_PREBUILT_ORIGIN takes precedence over it, and the build flag `--@<name>//:origin` over both."""

_MIRROR = """\
A base URL, a template with `{file}`, or a folder's absolute path, instead of every URL of the lock; no archive is taken from
elsewhere. `{name}`, `{version}`, `{platform}`, `{os}` and `{arch}` may be in a template. The variables CGO_PREBUILT_MIRROR and
`CGO_PREBUILT_<NAME>_RELEASE_URL` take precedence over it."""

_TRANSPORT = """\
Who downloads, `python` by default. `python`: the fetcher, which resumes, uses several connections and reads parts of a zip.
`bazel`: Bazel's own downloader, for its repository cache, `--distdir`, `--downloader_config`, remote downloader and
credential helpers. The fetcher verifies and extracts either way."""

_defaults = tag_class(
    doc = """\
What holds for all libraries at once. Only the root module can say it. An attribute of a prebuilt.library takes precedence if
that is in the root module, too; what other modules say of their libraries does not.""",
    attrs = {
        "allow_linkopts": attr.string_list(
            doc = """\
Words of link options that a lock may have besides those known to be harmless, such as `-Wl,--dynamic-list=x`. A link
option can load a plugin or run a program, so each one is the root module's decision.""",
        ),
        "link_mode": attr.string(
            doc = """\
How files leave the store, `auto` by default: `reflink`, `hardlink` or `copy`, to which the first two fall back.
CGO_PREBUILT_LINK_MODE takes precedence over it.""",
        ),
        "mirror": attr.string(doc = _MIRROR),
        "origin": attr.string(doc = _ORIGIN),
        "metadata_rule": attr.label(
            doc = """\
`@package_metadata//rules:package_metadata.bzl`, for bills of materials: each prebuilt then has a package URL, as the repositories of
rules_python and gazelle have. The root module depends on the module package_metadata for it.""",
        ),
        "transport": attr.string(doc = _TRANSPORT),
        "trust": attr.string(
            doc = "The minimum for each release, as in the tag `library`. Other modules' libraries may require more, not less.",
        ),
    },
)

_library = tag_class(
    doc = "A prebuilt native library.",
    attrs = {
        "deps": attr.label_list(
            doc = """\
Libraries that this one needs, linked after it: other prebuilts, or any target with CcInfo that every repository may see.
A target that is given as `source` has dependencies of its own.""",
        ),
        "fallback": attr.string(doc = "Renamed: `origin`."),
        "flavor": attr.string(
            doc = """\
The flavor to take where the build flag `--@<name>//:flavor=F` says no other, instead of the lock's default. Its values are the
lock's flavors; `@<name>//:flavor_is_F` is a config_setting for a select() of your own.""",
        ),
        "identity": attr.string(
            doc = """\
The GitHub repository, `OWNER/NAME`, or a workflow of it, `OWNER/NAME/.github/workflows/FILE.yml`, that must have attested how it
built the release. `cgo-prebuilt lock --verify-attestation` puts the attestation into the lock.""",
        ),
        "lock": attr.label(
            doc = "Its lock, which `cgo-prebuilt lock` writes.",
            mandatory = True,
        ),
        "mirror": attr.string(doc = _MIRROR),
        "name": attr.string(
            doc = "The name of its repository and of the target in it.",
            mandatory = True,
        ),
        "origin": attr.string(doc = _ORIGIN),
        "public_key": attr.string(
            doc = """\
The SSH key that must have signed the release: the text of its `.pub` file, `ssh-ed25519 AAAA...`. A lock that is signed by another
key, or by none, is refused; so are an archive and a source of the lock that the key did not sign.""",
        ),
        "source": attr.label(
            doc = """\
The library from source: any target with CcInfo that every repository may see. The lock's own source by default, which is
built by a source_library. Where its subfolders have BUILD files of their own, those folders are hidden from that: write a
target, and give its label here.""",
        ),
        "transport": attr.string(doc = _TRANSPORT),
        "trust": attr.string(doc = _TRUST),
        "version": attr.string(
            doc = """\
A version of the lock, instead of the lock's default. The variable `CGO_PREBUILT_<NAME>_VERSION`, else `<NAME>_VERSION`, takes
precedence, where NAME is the lock's own name: `CGO_PREBUILT_LANCEDB_GO_VERSION` for `lancedb-go`, whatever the name here is.""",
        ),
    },
)

_python = tag_class(
    doc = "The Python that fetches. Only the root module can say which.",
    attrs = {
        "interpreter": attr.label(
            doc = "The interpreter, instead of the host's `python3`.",
            mandatory = True,
        ),
    },
)

def _root_tag(mctx, name):
    """The tag of a name that only the root module may have, and only once; None where it has none."""
    found = None
    for module in mctx.modules:
        for tag in getattr(module.tags, name):
            if not module.is_root:
                fail(("\n\n{}: prebuilt.{}\n  next: only the root module may use it; remove it here, or get it from a" +
                      " use_extension with dev_dependency = True").format(module_words(module.name, module.version, False), name))
            if found:
                fail("\n\nthe root module has two prebuilt.{} tags\n  next: remove one; it holds for all libraries".format(name))
            found = tag
    return found

def _fetching_of(declaration, defaults):
    """How a library is fetched: a dict of the attributes in `_FETCHING`."""
    said = {
        attribute: choice_of(
            getattr(declaration.tag, attribute),
            declaration.is_root,
            getattr(defaults, attribute) if defaults else "",
            otherwise,
        )
        for attribute, otherwise in _FETCHING.items()
    }
    error = origin_error(said["origin"], "origin") or transport_error(said["transport"])
    error = error or link_mode_error(defaults.link_mode if defaults else "")
    if declaration.tag.fallback:
        error = renamed_error("fallback", "origin", declaration.tag.fallback)
    if error:
        fail("\n\nlibrary {}: {}".format(declaration.name, error))
    return said | {
        "allow_linkopts": defaults.allow_linkopts if defaults else [],
        "link_mode": defaults.link_mode if defaults else "",
    }

def _said(value):
    """A tag's value such that the same means the same in every module."""
    return [str(item) for item in value] if type(value) == "list" else str(value or "")

def _declare_source(declaration, lock, chosen, deps, interpreter, fetching, trust):
    """Declares what is to be built where no prebuilt is used; returns its label, or an empty string."""
    tag = declaration.tag
    if tag.source:
        return str(tag.source)
    if not chosen.content.get("source"):
        return ""
    name = source_repository_name(tag.name)
    source_repository(
        name = name,
        allow_linkopts = fetching["allow_linkopts"],
        deps = deps,
        interpreter = interpreter,
        library = tag.name,
        lock = source_excerpt(lock, chosen, vouchers_in(trust, chosen.content)),
        lock_file = tag.lock,
        mirror = fetching["mirror"],
        transport = fetching["transport"],
        trust = trust_options(trust),
    )
    return "@{}//:{}".format(name, tag.name)

def _declare(mctx, declaration, interpreter, defaults):
    """Declares a library's repositories; returns what the fetcher needs to verify who vouches for it."""
    tag = declaration.tag
    fetching = _fetching_of(declaration, defaults)
    trust = trust_of(tag, declaration.is_root, defaults.trust if defaults else "")
    if trust.error:
        fail("\n\nlibrary {}: {}".format(tag.name, trust.error))
    path = mctx.path(tag.lock)

    # Whether it is there: what is read is watched anyway.
    mctx.watch(path)
    if not path.exists:
        fail("\n\nlibrary {} has no lock\n  at: {}\n  next: make it with `cgo-prebuilt lock MANIFEST --output {}`".format(
            tag.name,
            tag.lock,
            path.basename,
        ))
    lock = parse_lock(mctx.read(path), where = str(tag.lock))
    if lock.error:
        fail("\n\nlibrary {}: {}".format(tag.name, lock.error))
    variables = {name: mctx.getenv(name) for name in library_variables(lock.name, "VERSION")}
    asked = asked_version(variables, tag.version)
    chosen = choose(lock, asked.version, tag.flavor, str(tag.lock), asked.variable)
    if chosen.error:
        fail("\n\nlibrary {}: {}".format(tag.name, chosen.error))
    deps = [str(dep) for dep in tag.deps]
    source = _declare_source(declaration, lock, chosen, deps, interpreter, fetching, trust)

    # A target of the user's can look at the flavor; the lock's own source is one thing, and stands for the default one.
    source_flavors = chosen.flavors.keys() if tag.source else [chosen.default_flavor]
    hub(
        name = tag.name,
        flavor = chosen.flavor,
        flavors = {flavor: platforms.keys() for flavor, platforms in chosen.flavors.items()},
        library = tag.name,
        origin = fetching["origin"],
        source = source,
        source_flavors = source_flavors,
    )
    for flavor, platforms in chosen.flavors.items():
        for platform in platforms:
            part = excerpt(lock, chosen, flavor, platform, vouchers_in(trust, chosen.content))
            archive_repository(
                name = spoke_name(tag.name, platform, flavor),
                allow_linkopts = fetching["allow_linkopts"],
                deps = deps,
                interpreter = interpreter,
                library = tag.name,
                link_mode = fetching["link_mode"],
                lock = part.lock,
                mirror = fetching["mirror"],
                origin = fetching["origin"],
                metadata_rule = defaults and defaults.metadata_rule,
                platform = platform,
                ranges = tag.lock.same_package_label(ranges_beside(tag.lock.name)) if part.has_ranges else None,
                shared = part.shared,
                source = source if flavor in source_flavors else "",
                transport = fetching["transport"],
                trust = trust_options(trust),
            )
    return extras_for(trust, chosen.content)

def _is_same(mctx, attribute, first, other):
    """Whether two modules mean the same lock: each may ship a copy of one."""
    if attribute != "lock":
        return False
    paths = [mctx.path(declaration.tag.lock) for declaration in (first, other)]
    for path in paths:
        mctx.watch(path)
    return all([path.exists for path in paths]) and mctx.read(paths[0]) == mctx.read(paths[1])

def _prebuilt_impl(mctx):
    resolved = resolve_libraries([
        struct(
            module = module_words(module.name, module.version, module.is_root),
            is_root = module.is_root,
            name = tag.name,
            said = {attribute: _said(getattr(tag, attribute)) for attribute in _IDENTITY},
            tag = tag,
        )
        for module in mctx.modules
        for tag in module.tags.library
    ], is_same = lambda attribute, first, other: _is_same(mctx, attribute, first, other))
    if resolved.error:
        fail("\n\n" + resolved.error)
    defaults = _root_tag(mctx, "defaults")
    python = _root_tag(mctx, "python")
    interpreter = python and python.interpreter
    extras = {
        extra: None
        for declaration in resolved.libraries.values()
        for extra in _declare(mctx, declaration, interpreter, defaults)
    }
    python_packages(name = PACKAGES, extras = sorted(extras), interpreter = interpreter)

    # What `bazel mod tidy` writes into the root module's use_repo.
    root = {
        tag.name: mctx.is_dev_dependency(tag)
        for module in mctx.modules
        if module.is_root
        for tag in module.tags.library
    }
    return mctx.extension_metadata(
        reproducible = True,
        root_module_direct_deps = [name for name, dev in root.items() if not dev],
        root_module_direct_dev_deps = [name for name, dev in root.items() if dev],
    )

prebuilt = module_extension(
    implementation = _prebuilt_impl,
    doc = "Declares prebuilt native libraries.",
    tag_classes = {
        "defaults": _defaults,
        "library": _library,
        "python": _python,
    },
)
