"""The command line: thin commands over the library, one file each.

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input (one line on stderr).
"""

# Commands appear in the help in the order of their imports.
from napari_mrf.cli import demo, catalogue, simulate, reconstruct, compare, importance, cache  # noqa: F401, I001
from napari_mrf.cli.application import app, main, run

__all__ = ["app", "main", "run"]
