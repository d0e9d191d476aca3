"""Inheritance of sidecars: which JSON files of a data set speak of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.io.bids.dataset import absolute, dataset_of
from napari_mrf.io.bids.names import parsed

if TYPE_CHECKING:
    from pathlib import Path


def sidecars_above(path: Path) -> list[Path]:
    """Return the sidecars that a file of a data set inherits, the most general first.

    Parameters
    ----------
    path : Path
        Such as ``sub-01/anat/sub-01_part-mag_MRF.nii.gz``, which inherits from ``MRF.json`` in the
        data set and from ``sub-01_MRF.json`` anywhere on the way.

    Returns
    -------
    list of Path
        Without the sidecar of its own name; a key of a later one wins (BIDS, *inheritance
        principle*). Empty for files that lie in no data set or have no name of BIDS.
    """
    name = parsed(path.name)
    dataset = None if name is None else dataset_of(path)
    if name is None or dataset is None:
        return []
    words = set(path.name.removesuffix(name.extension).split("_")[:-1])
    own = path.name.removesuffix(name.extension)
    home = absolute(path).parent
    levels = [home, *home.parents]
    found = []
    for folder in reversed(levels[: levels.index(dataset) + 1]):
        here = []
        for file in folder.glob(f"*{name.suffix}.json"):
            *entities, suffix = file.stem.split("_")
            if suffix == name.suffix and file.stem != own and set(entities) <= words:
                here.append((len(entities), file))
        found += [file for _, file in sorted(here)]
    return found
