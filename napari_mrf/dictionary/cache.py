"""Dictionaries kept on disk between runs, one file per sequence and grid."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.errors import MRFInputError
from napari_mrf.io.kept_files import cache_folder, delete_kept

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.grid import ParameterGrid

_LOGGER = logging.getLogger(__name__)


def cache_directory() -> Path:
    """Return the folder of cached dictionaries (it need not exist)."""
    return cache_folder("dictionaries")


def cached_dictionary(sequence: Sequence, grid: ParameterGrid) -> Dictionary:
    """Return the dictionary of a sequence and grid, from disk where it has been built before.

    A damaged cache file is built again; a folder that cannot be written costs only the reuse.
    """
    axes = {key: axis.tolist() for key, axis in grid.axes.items()}
    grid_hash = hashlib.sha256(json.dumps(axes).encode()).hexdigest()
    name = f"{sequence.fingerprint()[:16]}-{grid_hash[:16]}.safetensors"
    path = cache_directory() / name
    if path.exists():
        try:
            return Dictionary.load(path, sequence=sequence)
        except MRFInputError as error:
            _LOGGER.warning("rebuilding a cached dictionary: %s", error)
    dictionary = Dictionary.build(sequence, grid)
    try:
        dictionary.save(path)
    except MRFInputError as error:
        _LOGGER.warning("the dictionary could not be cached: %s", error)
    return dictionary


def clear_cache() -> int:
    """Delete every cached dictionary and return the number of bytes freed."""
    return delete_kept(cache_directory())
