"""The hub of a library: the repository that users name. It downloads nothing and does not depend on the host."""

load(":generated_file.bzl", "write_filled")
load(":hub_targets.bzl", "of_flavor")
load(":origin.bzl", "OLD_VARIABLE", "VARIABLE", "origin_of", "source_hint")
load(":platforms.bzl", "setting_of")
load(":repository_metadata.bzl", "repository_metadata")

def spoke_name(library, platform, flavor):
    """The name of the repository that holds a library's files for one platform.

    Args:
        library: the library's name.
        platform: the platform.
        flavor: the flavor; empty for a library without flavors.
    """
    return "__".join([library, platform] + ([flavor] if flavor else []))

def platform_branches(library, flavor, platforms, others, target, unsupported, otherwise):
    """The branches of a hub's select() on the platform. Pure.

    Args:
        library: the library's name.
        flavor: the flavor; empty for a library without flavors.
        platforms: the platforms that have a prebuilt of the flavor.
        others: the platforms with a prebuilt of any flavor.
        target: the name of the target in each of the flavor's spokes.
        unsupported: the label for platforms with prebuilts of other flavors only.
        otherwise: the label for all other platforms.

    Returns:
        A dict from a condition's label to a target's label, both as strings.
    """
    branches = {
        str(setting_of(platform)): "@{}//:{}".format(spoke_name(library, platform, flavor), target)
        for platform in sorted(platforms)
    } | {
        str(setting_of(platform)): unsupported
        for platform in sorted(others)
        if platform not in platforms
    }
    branches["//conditions:default"] = otherwise
    return branches

def flavor_branches(library, flavors, target, otherwise):
    """The target of each flavor of a library on each platform. Pure.

    Args:
        library: the library's name.
        flavors: a dict from a flavor's name to its platforms.
        target: the name of the target in a spoke.
        otherwise: a dict from a flavor's name to the label for platforms without any flavor.

    Returns:
        A dict from a flavor's name to the branches of a select() on the platform.
    """
    all_platforms = {platform: None for platforms in flavors.values() for platform in platforms}
    return {
        flavor: platform_branches(
            library,
            flavor,
            platforms,
            all_platforms,
            target,
            of_flavor(":unsupported_platform", flavor),
            otherwise[flavor],
        )
        for flavor, platforms in flavors.items()
    }

_SANITIZERS = ["asan", "msan", "tsan"]

def sanitizer_branches(flavors, source):
    """The replacements for a library in builds with a sanitizer. Pure.

    Args:
        flavors: the names of its flavors.
        source: whether there is a source.

    Returns:
        A dict, the branches of a select(): the flavor with the sanitizer's name, else the source, else the usual target.
    """
    branches = {
        str(Label("//rules/features:" + sanitizer)): ":by_platform_of_" + sanitizer if sanitizer in flavors else ":from_source"
        for sanitizer in _SANITIZERS
        if sanitizer in flavors or source
    }
    return branches | {"//conditions:default": ":by_platform"}

def _hub_impl(rctx):
    library = rctx.attr.library
    source = rctx.attr.source
    flavors = rctx.attr.flavors
    chosen = origin_of(rctx.getenv(VARIABLE), rctx.getenv(OLD_VARIABLE), rctx.attr.origin)
    if chosen.error:
        fail("\n\n" + chosen.error)
    unsupported = {flavor: of_flavor(":unsupported_platform", flavor) for flavor in flavors}
    built = {
        flavor: ":from_source"
        for flavor in rctx.attr.source_flavors
        if source
    }
    by_platform = flavor_branches(library, flavors, library, unsupported | built)
    prebuilt = flavor_branches(library, flavors, "prebuilt_or_failure", unsupported)
    licenses = flavor_branches(library, flavors, "licenses", unsupported | {flavor: ":no_licenses" for flavor in built})
    write_filled(
        rctx,
        "BUILD.bazel",
        rctx.attr._template,
        {
            "{by_platform}": _literal(by_platform),
            "{flavor}": json.encode(rctx.attr.flavor),
            "{flavors}": _literal({flavor: sorted(platforms) for flavor, platforms in flavors.items()}),
            "{hint}": json.encode(source_hint(library, source)),
            "{library}": library,
            "{licenses}": _literal(licenses),
            "{origin}": chosen.origin,
            "{prebuilt}": _literal(prebuilt),
            "{sanitized}": _literal(sanitizer_branches(flavors, source)),
            "{source}": json.encode(source or ":no_source"),
        },
    )
    return repository_metadata(rctx, reproducible = True)

def _literal(value):
    """A value as Starlark, indented as an argument of a target."""
    return json.encode_indent(value, prefix = "    ", indent = "    ")

hub = repository_rule(
    implementation = _hub_impl,
    doc = "Declares `@<library>`, which selects the spoke for the target platform, or the source build.",
    attrs = {
        "flavor": attr.string(
            doc = "The flavor to use, unless the build flag selects another one; empty for a library without flavors.",
        ),
        "flavors": attr.string_list_dict(
            doc = "The platforms with prebuilts, by flavor; a library without flavors has one with an empty name.",
            mandatory = True,
        ),
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        "origin": attr.string(
            default = "auto",
            doc = "The default of the build flag, unless CGO_PREBUILT_ORIGIN overrides it.",
        ),
        "source": attr.string(
            doc = "The canonical label of the library from source; empty without one.",
        ),
        "source_flavors": attr.string_list(
            doc = "The flavors that the source can replace.",
        ),
        "_template": attr.label(default = "//rules/private/templates:hub.BUILD.bazel.template"),
    },
)
