"""The command line: thin commands over the library, one file each.

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input (one line on stderr).
"""

# Commands appear in the help in the order of their imports.
# isort: off
from napari_mrf.cli import demo, catalogue, simulate, raw, images  # noqa: F401
from napari_mrf.cli import reconstruct, inspect, labels, rois  # noqa: F401
from napari_mrf.cli import compare, visits, importance, train, reproduce, cache  # noqa: F401

# isort: on
from napari_mrf.cli.application import app, main, run

__all__ = ["app", "main", "run"]
