"""Merge the libraries that the modules of a build declare. Pure functions."""

def resolve_libraries(declarations, is_same = lambda attribute, first, other: False):
    """Merges the `prebuilt.library` tags of all modules.

    The root module takes precedence. Other modules must agree about a library; if they do not, the root module must
    declare it.

    Args:
        declarations: structs of `module` (from `module_words`), `is_root`, `name` (the library's), `attributes` (a dict of the
            attributes that identify the library) and `tag`, in Bazel's order: the root module first.
        is_same: returns whether two declarations with different values of an attribute mean the same.

    Returns:
        A struct of `libraries`, a dict from a library's name to its declaration, and `error`, a string or None.
    """
    libraries = {}
    for declaration in declarations:
        first = libraries.get(declaration.name)
        if first == None:
            libraries[declaration.name] = declaration
        elif first.module == declaration.module:
            return _error(
                "{} declares the library {} twice".format(first.module, first.name),
                "rename or remove one prebuilt.library tag",
            )
        elif not first.is_root:
            different = [
                attribute
                for attribute in first.attributes
                if first.attributes[attribute] != declaration.attributes[attribute] and not is_same(attribute, first, declaration)
            ]
            if not different:
                continue
            return _error(
                "{} and {} declare different libraries of the name {}: {}".format(
                    first.module,
                    declaration.module,
                    first.name,
                    "; ".join([
                        "{} {} and {}".format(attribute, repr(first.attributes[attribute]), repr(declaration.attributes[attribute]))
                        for attribute in different
                    ]),
                ),
                "declare {} in the root module; that declaration then applies to all modules".format(first.name),
            )
    return struct(libraries = libraries, error = None)

def choice_of(own, is_root, for_all, otherwise):
    """Resolves one attribute of a library.

    Args:
        own: the value in its prebuilt.library; empty if not set.
        is_root: whether that is in the root module.
        for_all: the value in prebuilt.defaults of the root module; empty if not set.
        otherwise: the default.

    Returns:
        The value in the root module's prebuilt.library, else in prebuilt.defaults, else in another module's
        prebuilt.library, else the default.
    """
    return (own or for_all if is_root else for_all or own) or otherwise

def module_words(name, version, is_root):
    """The name of a module in errors; two versions of a module are two modules.

    Args:
        name: its name; empty for a root module without one.
        version: its version; empty without one.
        is_root: whether it is the root module.
    """
    if is_root:
        return "the root module"
    return "module " + name + (" " + version if version else "")

def _error(what, remedy):
    return struct(libraries = None, error = "{}\n  next: {}".format(what, remedy))
