"""Locks, and the ranges file of each: Python and Starlark must agree. Python runs this file, too."""

RANGES_OF = {
    "prebuilt.lock.json": "prebuilt.lock.ranges",
    "vec.json": "vec.ranges",
    "vec.lock": "vec.lock.ranges",
    "vec": "vec.ranges",
    "vec.JSON": "vec.JSON.ranges",
    "a.ranges": "a.ranges.ranges",
    "a/b.c/lock": "a/b.c/lock.ranges",
    "a/b.lock.json": "a/b.lock.ranges",
    "a/.json": "a/.json.ranges",
}
