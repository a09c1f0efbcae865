"""Text files that repository rules write."""

def filled(template, values):
    """Fills in a template in one pass, so that placeholders in values stay. Pure.

    Args:
        template: text with placeholders such as `{name}`; other braces stay.
        values: a dict from a placeholder, with its braces, to Starlark text, such as from `json.encode`.

    Returns:
        Text.
    """
    parts = template.split("{")
    text = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        value = values.get("{" + name + "}") if brace else None
        text.append("{" + part if value == None else value + rest)
    return "".join(text)

def write_file(rctx, path, content):
    """Writes a text file.

    Args:
        rctx: a repository's context.
        path: its path, relative to the repository.
        content: the text.
    """

    # Bazel's strings hold the bytes of UTF-8, one per character. Bazel 7 would encode each again without this option, which
    # newer ones ignore and will remove.
    options = {} if hasattr(rctx, "repo_metadata") else {"legacy_utf8": False}
    rctx.file(path, content, executable = False, **options)

def write_filled(rctx, path, template, values):
    """Fills in a template and writes it.

    Args:
        rctx: a repository's context.
        path: its path, relative to the repository.
        template: the template's label.
        values: as for `filled`.
    """

    # Not rctx.template, which encodes like rctx.file, without an option against it.
    write_file(rctx, path, filled(rctx.read(template), values))
