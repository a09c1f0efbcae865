"""Repositories that Bazel fetches again with every command, because something that they need was unavailable."""

_MAKE_FILE = """\
import os, tempfile
handle, path = tempfile.mkstemp(prefix = "cgo-prebuilt-fallback-")
os.close(handle)
print(os.path.realpath(path), end = "")
"""

_REMOVE_FILE = """\
import os, sys
os.remove(sys.argv[1])
"""

def refetch_with_next_command(rctx, interpreter):
    """Makes this fetch out of date for every later command.

    Bazel fetches a repository again when a watched file has changed. This watches a file that is then removed.

    Args:
        rctx: a repository's context.
        interpreter: the path of a Python.
    """
    made = rctx.execute([interpreter, "-c", _MAKE_FILE])
    if made.return_code != 0:
        fail("\n\nno temporary file can be made:\n" + made.stderr)
    rctx.watch(made.stdout)
    rctx.execute([interpreter, "-c", _REMOVE_FILE, made.stdout])
