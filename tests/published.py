"""The published data of the docs, for tests that compute with them."""

import importlib.util
import sys

from places import REPOSITORY

_SPEC = importlib.util.spec_from_file_location(
    "results_published", REPOSITORY / "docs" / "results_published.py"
)
results = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = results  # where dataclasses look for it
_SPEC.loader.exec_module(results)
