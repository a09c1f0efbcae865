"""The module extension that gives cgo targets their native libraries.

    prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
    prebuilt.library(name = "lancedb", lock = "//third_party:lancedb.lock.json")
    use_repo(prebuilt, "lancedb")

For each library it declares a hub, `@lancedb`, and a spoke for each platform, such as `@lancedb__linux_amd64`. A library with
flavors has a spoke for each of them, such as `@lancedb__linux_amd64__cuda`. If the lock has a source, there is also
`@lancedb__source`. The hub depends on the spokes, through a select(), and on the source. A spoke depends on the source only if
its prebuilt is unavailable. No spoke and no source depends on the hub, and nothing here depends on the host.
"""

load("//rules/private:archive_repository.bzl", "archive_repository")
load("//rules/private:hub.bzl", "hub", "spoke_name")
load("//rules/private:libraries.bzl", "choice_of", "module_words", "resolve_libraries")
load("//rules/private:library_variables.bzl", "asked_version", "library_variables")
load("//rules/private:link_mode.bzl", "link_mode_error")
load("//rules/private:lock.bzl", "choose", "excerpt", "parse_lock", "ranges_name", "source_excerpt")
load("//rules/private:origin.bzl", "origin_error", "renamed_error")
load("//rules/private:python.bzl", "PACKAGES")
load("//rules/private:python_packages.bzl", "python_packages")
load("//rules/private:source_repository.bzl", "source_repository", "source_repository_name")
load("//rules/private:transport.bzl", "transport_error")
load("//rules/private:trust.bzl", "extras_for", "trust_of", "trust_options", "vouchers_in")

# The attributes that identify a library. Modules may differ in the others; then the first module's value is used.
_IDENTITY = ["deps", "flavor", "identity", "lock", "public_key", "source", "trust", "version"]

_TRUST = """\
The minimum level of trust in the release, `none` by default. `signed`: an SSH key signed it, or a workflow attested it.
`attested`: a workflow attested it. A `public_key` or an `identity` implies a level, and names the signer. The fetcher verifies
the signatures and attestations in the lock before it downloads anything, without a network. Below the level, nothing is fetched
or built, whatever the origin is."""

# How a library is fetched: attributes of prebuilt.library and, for all libraries, of prebuilt.defaults, with default values.
_FETCHING = {"mirror": "", "origin": "auto", "transport": "python"}

_ORIGIN = """\
Where the library comes from, `auto` by default. `prebuilt`: the prebuilt, or the build fails. `source`: a build from source;
no prebuilt is downloaded. `auto`: the prebuilt, and a build from source if the platform has none or, with a warning, if no mirror has
the right bytes.
CGO_PREBUILT_ORIGIN takes precedence over it, and the build flag `--@<name>//:origin` over both."""

_MIRROR = """\
A base URL, a template with `{file}`, or a folder's absolute path. It replaces every URL of the lock; no archive is fetched from
elsewhere. A template may have `{name}`, `{version}`, `{platform}`, `{os}` and `{arch}`, too. The variables CGO_PREBUILT_MIRROR and
`CGO_PREBUILT_<NAME>_RELEASE_URL` take precedence over it."""

_TRANSPORT = """\
Who downloads, `python` by default. `python`: the fetcher, which resumes, uses several connections and reads parts of a zip.
`bazel`: Bazel's downloader, with its repository cache, `--distdir`, `--downloader_config`, remote downloader and
credential helpers. The fetcher verifies and extracts either way."""

_defaults = tag_class(
    doc = """\
Defaults for all libraries. Only the root module may set them. The attributes of a prebuilt.library in the root module take
precedence over them; those in other modules do not.""",
    attrs = {
        "allow_linkopts": attr.string_list(
            doc = """\
Words of link options that locks may have, besides those known to be harmless, such as `-Wl,--dynamic-list=x`. A link option
can load a plugin or run a program, so the root module must allow each one.""",
        ),
        "link_mode": attr.string(
            doc = """\
How files leave the store, `auto` by default. `reflink` and `hardlink` fall back to `copy`.
CGO_PREBUILT_LINK_MODE takes precedence over it.""",
        ),
        "mirror": attr.string(doc = _MIRROR),
        "origin": attr.string(doc = _ORIGIN),
        "metadata_rule": attr.label(
            doc = """\
`@package_metadata//rules:package_metadata.bzl`, for bills of materials: each prebuilt then has a package URL, like repositories
of rules_python and gazelle. The root module must depend on the module package_metadata.""",
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
Libraries that this one needs, linked after it: other prebuilts, or any target with CcInfo that is visible to every repository.
A target in `source` has its own dependencies.""",
        ),
        "fallback": attr.string(doc = "Renamed: `origin`."),
        "flavor": attr.string(
            doc = """\
The flavor to use instead of the lock's default, unless the build flag `--@<name>//:flavor=F` selects another one. The flag's
values are the lock's flavors; `@<name>//:flavor_is_F` is a config_setting for your own select().""",
        ),
        "identity": attr.string(
            doc = """\
The GitHub repository, `OWNER/NAME`, or its workflow, `OWNER/NAME/.github/workflows/FILE.yml`, that must have attested the
release. `cgo-prebuilt lock --verify-attestation` adds the attestation to the lock.""",
        ),
        "lock": attr.label(
            doc = "The library's lock, which `cgo-prebuilt lock` writes.",
            mandatory = True,
        ),
        "mirror": attr.string(doc = _MIRROR),
        "name": attr.string(
            doc = "The name of the library's repository, and of the target in it.",
            mandatory = True,
        ),
        "origin": attr.string(doc = _ORIGIN),
        "public_key": attr.string(
            doc = """\
The SSH key that must have signed the release: the text of its `.pub` file, `ssh-ed25519 AAAA...`. A lock that is signed by
another key, or by none, is refused. So are archives and sources in the lock that the key did not sign.""",
        ),
        "source": attr.label(
            doc = """\
The library built from source: any target with CcInfo that is visible to every repository. By default, a source_library builds
the lock's source. It does not see subfolders with BUILD files; if there are any, write a target and give its label here.""",
        ),
        "transport": attr.string(doc = _TRANSPORT),
        "trust": attr.string(doc = _TRUST),
        "version": attr.string(
            doc = """\
The version to use instead of the lock's default. The variable `CGO_PREBUILT_<NAME>_VERSION`, else `<NAME>_VERSION`, takes
precedence, where NAME is the name in the lock, not `name`: `CGO_PREBUILT_LANCEDB_GO_VERSION` for `lancedb-go`.""",
        ),
    },
)

_python = tag_class(
    doc = "The Python that runs the fetcher. Only the root module may set it.",
    attrs = {
        "interpreter": attr.label(
            doc = "The interpreter, instead of the host's `python3`.",
            mandatory = True,
        ),
    },
)

def _root_tag(mctx, name):
    """Returns the root module's tag of a name; None without one. Fails if it has two, or another module has one."""
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
    """Returns how to fetch a library: a dict of the attributes in `_FETCHING`."""
    attributes = {
        attribute: choice_of(
            getattr(declaration.tag, attribute),
            declaration.is_root,
            getattr(defaults, attribute) if defaults else "",
            otherwise,
        )
        for attribute, otherwise in _FETCHING.items()
    }
    error = origin_error(attributes["origin"], "origin") or transport_error(attributes["transport"])
    error = error or link_mode_error(defaults.link_mode if defaults else "")
    if declaration.tag.fallback:
        error = renamed_error("fallback", "origin", declaration.tag.fallback)
    if error:
        fail("\n\nlibrary {}: {}".format(declaration.name, error))
    return attributes | {
        "allow_linkopts": defaults.allow_linkopts if defaults else [],
        "link_mode": defaults.link_mode if defaults else "",
    }

def _comparable(value):
    """Returns a tag's value in a form that can be compared between modules."""
    return [str(item) for item in value] if type(value) == "list" else str(value or "")

def _declare_source(declaration, lock, chosen, deps, interpreter, fetching, trust):
    """Declares the source build of a library; returns its label, or an empty string without a source."""
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
    """Declares a library's repositories; returns the extras that the fetcher needs to verify its signers."""
    tag = declaration.tag
    fetching = _fetching_of(declaration, defaults)
    trust = trust_of(tag, declaration.is_root, defaults.trust if defaults else "")
    if trust.error:
        fail("\n\nlibrary {}: {}".format(tag.name, trust.error))
    path = mctx.path(tag.lock)

    # For a lock that does not exist yet: a file that is read is watched anyway.
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

    # A user's target can select by flavor; the lock's source replaces the default flavor only.
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
                ranges = tag.lock.same_package_label(ranges_name(tag.lock.name)) if part.has_ranges else None,
                shared = part.shared,
                source = source if flavor in source_flavors else "",
                transport = fetching["transport"],
                trust = trust_options(trust),
            )
    return extras_for(trust, chosen.content)

def _is_same(mctx, attribute, first, other):
    """Returns whether two modules mean the same lock, of which each may ship a copy."""
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
            attributes = {attribute: _comparable(getattr(tag, attribute)) for attribute in _IDENTITY},
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

    # The repositories that `bazel mod tidy` writes into the root module's use_repo.
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
