"""The ways from raw data to an image series, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import result_of
from napari_mrf.errors import MRFInputError
from napari_mrf.imaging.gridded_series import making_gridded_series
from napari_mrf.imaging.subspace_series import making_subspace_series

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.imaging.updates import ImagesUpdate

IMAGES: dict[str, Callable[..., Generator[ImagesUpdate, None, MRFSeries]]] = {
    "subspace": making_subspace_series,
    "gridded": making_gridded_series,
}
"""What makes the images, the best first."""


def making_images(
    raw: RawData, sequence: Sequence, images: str = "subspace", **options: Any
) -> Generator[ImagesUpdate, None, MRFSeries]:
    """Make the images of raw data, by the name of the way; see `IMAGES`.

    Raises
    ------
    MRFInputError
        ``"unknown-option"`` for another name, and what the way raises.
    """
    if images not in IMAGES:
        raise MRFInputError("unknown-option", f"there are no images called {images!r}",
                            expected=" or ".join(IMAGES))  # fmt: skip
    return IMAGES[images](raw, sequence, **options)


def make_images(
    raw: RawData, sequence: Sequence, images: str = "subspace", **options: Any
) -> MRFSeries:
    """Return the image series of raw data.

    Parameters
    ----------
    raw : RawData
        From `load_raw`, with a trajectory.
    sequence : Sequence
        That was played.
    images : {"subspace", "gridded"}
        Coefficient images in the subspace of the fingerprints, near the noise limit; or each
        frame gridded by itself.
    **options
        Of `making_subspace_series` or `making_gridded_series`: ``coils``, ``device``, ``workers``,
        ``rank``, ``delay_correction``.

    Returns
    -------
    MRFSeries

    Raises
    ------
    MRFInputError
        What `making_images` raises.
    """
    return result_of(making_images(raw, sequence, images, **options))
