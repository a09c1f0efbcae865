"""Which libraries the modules of a build declare, and whose word counts. Pure functions."""

def resolve_libraries(declarations):
    """Merges the `prebuilt.library` tags of all modules.

    The root module's word counts over any other's. Two other modules that name the same lock agree; where they
    do not, the root module has to say which one it wants.

    Args:
        declarations: structs of `module` (its name), `is_root`, `name` (the library's), `lock` (a label) and
            `tag`, in Bazel's order: the root module first.

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
                "module {} declares the library {} twice".format(first.module, first.name),
                "rename or remove one prebuilt.library tag",
            )
        elif not first.is_root and str(first.lock) != str(declaration.lock):
            return _error(
                "modules {} and {} declare different libraries of the name {}".format(
                    first.module,
                    declaration.module,
                    first.name,
                ),
                "declare {} in the root module, with the lock that both are to use".format(first.name),
            )
    return struct(libraries = libraries, error = None)

def _error(what, remedy):
    return struct(libraries = None, error = "{}\n  next: {}".format(what, remedy))
