"""Which libraries the modules of a build declare, and which declaration takes precedence. Pure functions."""

def resolve_libraries(declarations, is_same = lambda attribute, first, other: False):
    """Merges the `prebuilt.library` tags of all modules.

    The root module's word counts over any other's. Other modules have to say the same of a library; where they do
    not, the root module has to say what it wants.

    Args:
        declarations: structs of `module` (what `module_words` returned), `is_root`, `name` (the library's), `said` (a
            dict of the attributes that say which library it is) and `tag`, in Bazel's order: the root module first.
        is_same: whether two declarations whose values of an attribute differ mean the same by it.

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
                for attribute in first.said
                if first.said[attribute] != declaration.said[attribute] and not is_same(attribute, first, declaration)
            ]
            if not different:
                continue
            return _error(
                "{} and {} declare different libraries of the name {}: {}".format(
                    first.module,
                    declaration.module,
                    first.name,
                    "; ".join([
                        "{} {} and {}".format(attribute, repr(first.said[attribute]), repr(declaration.said[attribute]))
                        for attribute in different
                    ]),
                ),
                "declare {} in the root module, as all are to use it".format(first.name),
            )
    return struct(libraries = libraries, error = None)

def choice_of(own, is_root, for_all, otherwise):
    """What MODULE.bazel files say of one attribute of a library.

    Args:
        own: what its prebuilt.library says; empty where it says nothing.
        is_root: whether that is in the root module.
        for_all: what prebuilt.defaults of the root module says; empty where it says nothing.
        otherwise: what holds where nobody says anything.

    Returns:
        The root module's prebuilt.library, else prebuilt.defaults, else another module's prebuilt.library.
    """
    return (own or for_all if is_root else for_all or own) or otherwise

def module_words(name, version, is_root):
    """What to call a module; two versions of one are two modules.

    Args:
        name: its name; the root module may have none.
        version: its version; empty where it has none.
        is_root: whether it is the root module.
    """
    if is_root:
        return "the root module"
    return "module " + name + (" " + version if version else "")

def _error(what, remedy):
    return struct(libraries = None, error = "{}\n  next: {}".format(what, remedy))
