"""The number of cores of a source build, which Bazel reserves on this machine.

Bazel's callback does not know the target, so there is one function for each number.
"""

# With 0, the build runs one job for each core. Reserving all cores could starve it, since Bazel first starts actions that
# need fewer. Reserving too few only slows down other actions.
_DEFAULT = 4

def _all(_os, _inputs):
    return {"cpu": _DEFAULT}

def _1(_os, _inputs):
    return {"cpu": 1}

def _2(_os, _inputs):
    return {"cpu": 2}

def _4(_os, _inputs):
    return {"cpu": 4}

def _8(_os, _inputs):
    return {"cpu": 8}

def _16(_os, _inputs):
    return {"cpu": 16}

def _32(_os, _inputs):
    return {"cpu": 32}

_RESOURCES = {
    0: _all,
    1: _1,
    2: _2,
    4: _4,
    8: _8,
    16: _16,
    32: _32,
}

CORES = _RESOURCES.keys()

def resources_of(cores):
    """The `resource_set` of an action.

    Args:
        cores: one of `CORES`.

    Returns:
        A function.
    """
    return _RESOURCES[cores]
