"""The hub of a library: the repository that users name. It downloads nothing and looks at no host."""

load(":platforms.bzl", "setting_of")
load(":repository_metadata.bzl", "repository_metadata")

def spoke_name(library, platform):
    """The name of the repository that holds a library's files for one platform."""
    return "{}__{}".format(library, platform)

def platform_branches(library, platforms):
    """The branches of a hub's select(). Pure.

    Args:
        library: the library's name.
        platforms: the platforms that have a prebuilt.

    Returns:
        A dict from a condition's label to a target's label, both as strings.
    """
    branches = {
        str(setting_of(platform)): "@{}//:{}".format(spoke_name(library, platform), library)
        for platform in sorted(platforms)
    }
    branches["//conditions:default"] = ":unsupported_platform"
    return branches

def _hub_impl(rctx):
    library = rctx.attr.library
    rctx.template(
        "BUILD.bazel",
        rctx.attr._template,
        substitutions = {
            "{library}": library,
            "{platforms}": _dict_of_labels(platform_branches(library, rctx.attr.platforms)),
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
    doc = "Declares `@<library>`, which selects the spoke for the platform that is built for.",
    attrs = {
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        "platforms": attr.string_list(
            doc = "The platforms that have a prebuilt.",
            mandatory = True,
        ),
        "_template": attr.label(default = "//rules/private/templates:hub.BUILD.bazel.template"),
    },
)
