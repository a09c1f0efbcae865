"""How many cores a source build takes, for Bazel's account of this machine.

A function that says it knows nothing of its target, so there is one for each number.
"""

# With 0, the build does as much at once as the machine has cores. Bazel could not wait for all of them without starving
# the build, since it starts what needs less first; a build that reserves too little slows others, not more.
_USUAL = 4

def _all(_os, _inputs):
    return {"cpu": _USUAL}

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
