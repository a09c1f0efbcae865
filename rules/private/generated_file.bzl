"""Text files that repository rules write."""

def filled(template, values):
    """Fills a template in one pass: what a value holds is never taken for a placeholder. Pure.

    Args:
        template: text with placeholders such as `{name}`; other braces stay.
        values: a dict from a placeholder, as it is written, to text: Starlark, such as `json.encode` makes of a value.

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
        path: where, relative to the repository.
        content: the text.
    """

    # Bazel's strings are the bytes of UTF-8, one a character. Bazel 7 would encode each of them again, unless it is told
    # not to; to newer ones, that option means nothing, and will be unknown.
    options = {} if hasattr(rctx, "repo_metadata") else {"legacy_utf8": False}
    rctx.file(path, content, executable = False, **options)

def write_filled(rctx, path, template, values):
    """Fills a template and writes it.

    Args:
        rctx: a repository's context.
        path: where, relative to the repository.
        template: the template's label.
        values: as for `filled`.
    """

    # Not rctx.template: it encodes as rctx.file does, and cannot be told not to.
    write_file(rctx, path, filled(rctx.read(template), values))
