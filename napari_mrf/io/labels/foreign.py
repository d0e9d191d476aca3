"""Label maps of automatic segmenters as files: read with a table of numbers, written as ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import refuse_existing
from napari_mrf.io.formats.volume import read_volume
from napari_mrf.io.labels.label_maps import labels_of, save_labels
from napari_mrf.io.labels.label_table import names_path, save_label_table
from napari_mrf.rois.segmenters import Structure, parse_table, segmenter_tables, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.rois.segmenters import Translation


def load_numbers(model: str | Path) -> Mapping[int, Structure]:
    """Return the table of numbers of a model.

    Parameters
    ----------
    model : str or Path
        A name of `segmenter_tables`, or a CSV file with the columns number, name, label.

    Raises
    ------
    MRFInputError
        ``"unknown-option"`` for a model that there is not, ``"bad-label-table"``, and the codes of
        files that cannot be read.
    """
    tables = segmenter_tables()
    if str(model) in tables:
        return tables[str(model)]
    path = Path(model)
    if path.suffix.lower() != ".csv":
        raise MRFInputError("unknown-option", f"there is no segmenter called {str(model)!r}",
                            expected=f"one of {', '.join(tables)}, or a table (.csv)"
                            )  # fmt: skip
    try:
        return parse_table(read_text(path, "table of numbers", not_text="bad-label-table"))
    except MRFInputError as error:
        raise error.at(path) from None


def translate_file(
    path: str | Path, model: str | Path, output: str | Path, *, overwrite: bool = False
) -> Translation:
    """Write a label map of a segmenter with our numbers, and a label file beside it.

    Parameters
    ----------
    path : str or Path
        NIfTI label map.
    model : str or Path
        See `load_numbers`.
    output : str or Path
        Ending in ``.nii.gz``; the label file has the same name with ``.txt``.
    overwrite : bool
        Whether earlier files may be replaced.

    Returns
    -------
    Translation

    Raises
    ------
    MRFInputError
        What reading, `load_numbers` and `save_labels` raise.
    """
    output, table = Path(output), load_numbers(model)
    names = names_path(output)
    refuse_existing(names, overwrite=overwrite)
    volume = read_volume(Path(path))
    found = translated(labels_of(volume, Path(path))[0], table)
    save_labels(output, found.values, volume.affine, overwrite=overwrite)
    save_label_table(names, found.labels.values(), overwrite=overwrite)
    return found
