"""The unit of a phase in DICOM, where the header leaves no doubt, and private scales.

Apart from the reader, as all that vendors do differently stands here.

References
----------
Chenevert et al., Transl Oncol 2014;7:65-71, doi 10.1593/tlo.13811: scales of vendors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.io.dicom.image import Image

_HALF_TURNS = {"rad": math.pi, "mrad": 1000 * math.pi, "deg": 180.0, "siemens": 4096.0}
"""What stands for π."""
_ROUNDING = 2e-3


def phase_unit(images: Sequence[Image]) -> tuple[str | None, str]:
    """Return the unit of phase images by their rescale, and a sentence on it.

    A rescale that turns the whole range of stored numbers into one turn, from -π to π, is that
    of a phase and names its unit. None where it does not, or not that of all images.
    """
    units = {_unit_of(image) for image in images}
    unit = next(iter(units)) if len(units) == 1 else None
    if unit is None:
        return None, ""
    image = images[0]
    low, high = _range(image)
    names = {"siemens": "scanner units of Siemens", "mrad": "milliradians", "rad": "radians",
             "deg": "degrees"}  # fmt: skip
    return unit, (f"The phase is in {names[unit]}: its rescale (slope {image.slope:g}, intercept "
                  f"{image.intercept:g}) gives {low:.6g} to {high:.6g} for -π to π.")  # fmt: skip


def _unit_of(image: Image) -> str | None:
    if image.rescale_type.lower() in ("rad", "radian", "radians"):
        return "rad"
    low, high = _range(image)
    for unit, half in _HALF_TURNS.items():
        step = abs(image.slope)
        if abs(low + half) <= _ROUNDING * half and abs(high - half) <= _ROUNDING * half + step:
            return unit
    return None


def _range(image: Image) -> tuple[float, float]:
    """Return the scaled values of the smallest and the largest number of so many bits."""
    pixels = image.file.pixels
    n = 2.0**pixels.bits
    first, last = (0.0, n - 1) if pixels.dtype.kind == "u" else (-n / 2, n / 2 - 1)
    ends = sorted(image.slope * number + image.intercept for number in (first, last))
    return ends[0], ends[1]


def private_scale(images: Sequence[Image]) -> str:
    """Return why numbers are divided by the private scale of Philips; empty where they are not.

    Where it is the same everywhere it is a factor like any gain, which no map depends on.
    """
    scales = [image.slope * (image.scale or 1.0) for image in images if image.scale is not None]
    if len(scales) < len(images) or max(scales) - min(scales) <= 1e-6 * max(map(abs, scales)):
        return ""
    return ("The images are scaled one by one: each was divided by its slope times the private "
            f"scale of Philips (2005,100E), {min(scales):.4g} to {max(scales):.4g}.")  # fmt: skip
