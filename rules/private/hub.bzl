"""The hub of a library: the repository that users name. It downloads nothing and looks at no host."""

load(":fallback.bzl", "VARIABLE", "fallback_policy", "source_hint")
load(":platforms.bzl", "setting_of")
load(":repository_metadata.bzl", "repository_metadata")

def spoke_name(library, platform):
    """The name of the repository that holds a library's files for one platform."""
    return "{}__{}".format(library, platform)

def platform_branches(library, platforms, target, otherwise):
    """The branches of a hub's select() on the platform. Pure.

    Args:
        library: the library's name.
        platforms: the platforms that have a prebuilt.
        target: the name of the target to take in each of their spokes.
        otherwise: the label to take on any other platform.

    Returns:
        A dict from a condition's label to a target's label, both as strings.
    """
    branches = {
        str(setting_of(platform)): "@{}//:{}".format(spoke_name(library, platform), target)
        for platform in sorted(platforms)
    }
    branches["//conditions:default"] = otherwise
    return branches

def by_policy(policy, source):
    """What the origin `auto` stands for. Pure.

    Args:
        policy: one of `POLICIES`.
        source: the label of the library from source; empty where there is none.

    Returns:
        A struct of `always_source`, whether no prebuilt is wanted on any platform, and `otherwise`, the target to take
        on a platform that has none.
    """
    return struct(
        always_source = policy == "always",
        otherwise = ":from_source" if source and policy != "never" else ":unsupported_platform",
    )

def _hub_impl(rctx):
    library = rctx.attr.library
    source = rctx.attr.source
    chosen = fallback_policy(rctx.getenv(VARIABLE), rctx.attr.fallback)
    if chosen.error:
        fail("\n\n" + chosen.error)
    auto = by_policy(chosen.policy, source)
    by_platform = platform_branches(library, rctx.attr.platforms, library, auto.otherwise)
    if auto.always_source:
        by_platform = {"//conditions:default": ":from_source"}
    prebuilt = platform_branches(library, rctx.attr.platforms, "prebuilt_or_failure", ":unsupported_platform")
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        substitutions = {
            "{by_platform}": _dict_of_labels(by_platform),
            "{hint}": json.encode(source_hint(source)),
            "{library}": library,
            "{prebuilt}": _dict_of_labels(prebuilt),
            "{source}": json.encode(source or ":no_source"),
            "{supported}": json.encode(sorted(rctx.attr.platforms)),
        },
        executable = False,
    )
    return repository_metadata(rctx, reproducible = True)

def _dict_of_labels(labels):
    lines = ["        {}: {},".format(json.encode(key), json.encode(value)) for key, value in labels.items()]
    return "\n".join(["{"] + lines + ["    }"])

hub = repository_rule(
    implementation = _hub_impl,
    doc = "Declares `@<library>`, which selects the spoke for the platform that is built for, or the source build.",
    attrs = {
        "fallback": attr.string(
            default = "auto",
            doc = "The policy, unless CGO_PREBUILT_FALLBACK says another.",
        ),
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        "platforms": attr.string_list(
            doc = "The platforms that have a prebuilt.",
            mandatory = True,
        ),
        "source": attr.string(
            doc = "The canonical label of the library from source; empty where there is none.",
        ),
        "_template": attr.label(default = "//rules/private/templates:hub.BUILD.bazel.template"),
    },
)
