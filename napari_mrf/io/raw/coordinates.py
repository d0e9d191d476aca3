"""Coordinates of samples: from a file in whatever unit, or by a rule that the user names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.trajectory import GOLDEN_ANGLE_DEG

if TYPE_CHECKING:
    from collections.abc import Sequence as Listing
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.acquisition_report import AcquisitionReport

TOLERANCE = 1.02
"""Sequences go somewhat beyond the edge of k-space: 128.55 of 128 in a published one."""
_LEAST_SHARE = 0.5
"""A trajectory that reaches less of the edge than this is in some other unit."""
_UNITS = ("cycles/voxel", "1/FOV", "rad/voxel")
_HINT = (
    'Say the unit with trajectory_unit="…" (on the command line --trajectory-unit): '
    f"{', '.join(_UNITS)}."
)


@dataclass(frozen=True)
class Rule:
    """A trajectory that is not in the file.

    Parameters
    ----------
    name : str
        ``"radial"`` or ``"cartesian"``.
    increment_deg : float
        From one spoke to the next.
    """

    name: str
    increment_deg: float = 0.0


def rule_of(text: str) -> Rule | None:
    """Return the rule that a word names: ``golden-angle``, ``radial:DEGREES`` or ``cartesian``.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for an increment that is no number.
    """
    word, _, number = text.partition(":")
    if text == "golden-angle":
        return Rule("radial", GOLDEN_ANGLE_DEG)
    if text == "cartesian":
        return Rule("cartesian")
    if word != "radial":
        return None
    try:
        increment = float(number)
    except ValueError:
        increment = math.nan
    if not math.isfinite(increment):
        raise MRFInputError("bad-option", "the angle between spokes is not a number",
                            expected="such as radial:111.246 (degrees)",
                            found=repr(text))  # fmt: skip
    return Rule("radial", increment)


def by_rule(
    rule: Rule, table: NDArray[Any], numbers: NDArray[np.int64], encoded: tuple[int, int],
    center_line: int | None, report: AcquisitionReport,
) -> NDArray[np.float64]:  # fmt: skip
    """Return coordinates by a rule.

    Sample j of a readout lies ``j - center`` steps of 1/n along it, n the samples of a full
    readout; a reversed readout runs the other way through the same center sample.

    Parameters
    ----------
    rule : Rule
        Which one.
    table : ndarray
        (readouts,) of `READOUT`, those of one slice.
    numbers : ndarray
        (readouts,) of each among all that were planned; spoke n lies at n increments.
    encoded : tuple of int
        (lines, samples) of the encoded matrix.
    center_line : int or None
        ``step_1`` at the center of k-space.
    report : AcquisitionReport
        Is told.

    Returns
    -------
    ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel.
    """
    n = int(table["last"][0] - table["first"][0])
    full = max(encoded[1], n)
    known = table["center"] >= 0
    # Reversed, the center of 2 m samples is the one before the middle, not the middle.
    middle = np.where(table["reversed"], (n - 1) // 2, n // 2)
    center = np.where(known, table["center"] - table["first"], middle)
    if not known.all():
        report.assumed.append(f"Readouts are centered: the middle of {n} samples is the center of "
                              "k-space.")  # fmt: skip
    sign = np.where(table["reversed"], -1.0, 1.0)
    if table["reversed"].any():
        report.taken.append(
            f"{np.count_nonzero(table['reversed'])} readouts are reversed: their coordinates run "
            "backward."
        )
    along = sign[:, None] * (np.arange(n) - center[:, None]) / full
    if rule.name == "cartesian":
        middle_line = encoded[0] // 2 if center_line is None else center_line
        across = (table["step_1"] - middle_line) / encoded[0]
        report.assumed.append(
            f"Cartesian by rule: line {middle_line} of {encoded[0]} is the center of k-space."
        )
        across = np.broadcast_to(across[:, None], along.shape)
        return np.stack([across, along], axis=-1)
    angles = np.deg2rad(numbers * rule.increment_deg)[:, None]
    report.assumed.append(
        f"Radial by rule: spoke n at n times {rule.increment_deg:.6g} deg, from the readout "
        "direction towards the phase encoding direction."
    )
    return np.stack([along * np.sin(angles), along * np.cos(angles)], axis=-1)


def in_cycles(
    given: NDArray[Any], matrices: Listing[int], path: Path, report: AcquisitionReport, *,
    unit: str | None = None, voxel_mm: float | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """Return a trajectory in cycles/voxel as (…, 2), (ky, kx); its unit is told by its range.

    Standards leave the unit open: ±0.5 cycles/voxel, ±N/2 per field of view, ±pi rad/voxel, and
    ±1/(2 voxel) per m all occur. The largest coordinate must reach at least half of the edge and
    go beyond it by no more than 2 %.

    Parameters
    ----------
    given : ndarray
        (…, columns): kx, ky, and columns that are told and left out (kz = 0, density weights).
    matrices : sequence of int
        Voxels across the field of view that 1/FOV may refer to: encoded and reconstructed.
    path : Path
        The file, for messages.
    report : AcquisitionReport
        Is told the unit, the range, and how many samples lie beyond the edge.
    unit : str, optional
        What the user says.
    voxel_mm : float, optional
        For units of 1/m, which are taken where the user says so.

    Raises
    ------
    MRFInputError
        ``"trajectory-unit"``, ``"bad-trajectory"`` or ``"three-dimensional"``.
    """
    values = np.asarray(given, dtype=np.float64)
    if values.ndim < 2 or values.shape[-1] < 2 or not values.size:
        raise MRFInputError("bad-trajectory", "the trajectory has fewer than two columns",
                            path=path, expected="kx, ky", found=f"shape {values.shape}",
                            hint="Write kx and ky for every sample.")  # fmt: skip
    if not np.isfinite(values).all():
        raise MRFInputError("bad-trajectory", "the trajectory holds NaN or infinite values",
                            path=path, hint="Write it again.")  # fmt: skip
    _tell_columns(values, path, report)
    plane = values[..., 1::-1]
    largest = float(np.abs(plane).max())
    edges: dict[tuple[str, int | None], float] = {
        ("cycles/voxel", None): 0.5, ("rad/voxel", None): math.pi,
    }  # fmt: skip
    edges |= {("1/FOV", n): n / 2 for n in sorted({n for n in matrices if n > 1})}
    if voxel_mm is not None:
        edges["1/m", None] = 500.0 / voxel_mm
    if unit is not None:
        fitting = [key for key in edges if key[0] == unit]
        if unit not in (*_UNITS, "1/m"):
            raise MRFInputError("bad-option", "the unit of the trajectory is not known",
                                expected=", ".join((*_UNITS, "1/m")), found=repr(unit))  # fmt: skip
        if not fitting:
            raise MRFInputError(
                "trajectory-unit", f"coordinates in {unit} need the size of a voxel, and the field "
                "of view is not known", path=path,
                hint="Give the coordinates in cycles/voxel, or the field of view.",
            )  # fmt: skip
        within = [key for key in fitting if largest <= TOLERANCE * edges[key]]
        fitting = (within or fitting[-1:])[:1]
    else:
        fitting = [
            key for key, edge in edges.items()
            if key[0] != "1/m" and _LEAST_SHARE * edge <= largest <= TOLERANCE * edge
        ]  # fmt: skip
        # The edges of two matrices may both fit: it reaches to that of the smaller one.
        fitting = [
            key for n, key in enumerate(fitting) if key[0] not in {k[0] for k in fitting[:n]}
        ]
    if len(fitting) != 1:
        shown = ", ".join(f"±{edge:.4g} ({key[0]})" for key, edge in edges.items())
        raise MRFInputError(
            "trajectory-unit", "the range of the trajectory fits no unit" if not fitting else
            "the range of the trajectory fits several units", path=path,
            expected=shown, found=f"±{largest:.4g}", hint=_HINT,
        )  # fmt: skip
    edge = edges[fitting[0]]
    cycles = np.ascontiguousarray(plane * (0.5 / edge))
    beyond = int(np.count_nonzero(np.abs(cycles).max(axis=-1) > 0.5))
    size = f", N = {fitting[0][1]}" if fitting[0][1] else ""
    how = "as was said" if unit else "told by its range"
    sentence = f"Trajectory in {fitting[0][0]}{size}, {how}: it reaches ±{largest:.5g}"
    report.taken.append(
        f"{sentence}, and {beyond} of {cycles[..., 0].size} samples lie beyond the edge "
        f"±{edge:.5g}." if beyond else f"{sentence} of ±{edge:.5g}."
    )  # fmt: skip
    if largest < _LEAST_SHARE * edge:  # as no unit is taken that nobody says
        report.assumed.append(
            f"The trajectory reaches {100 * largest / edge:.2g} % of the edge of k-space, and "
            "images are blurred accordingly. Is it in another unit?"
        )
    return cycles


def _tell_columns(values: NDArray[np.float64], path: Path, report: AcquisitionReport) -> None:
    for column in range(2, values.shape[-1]):
        third = values[..., column]
        if not np.any(third):
            report.left_out.append(f"Column {column + 1} of the trajectory: all 0.")
        elif third.min() >= 0:
            report.left_out.append(
                f"Column {column + 1} of the trajectory, {third.min():.3g} to {third.max():.3g}, "
                "never negative: taken for density weights, which are computed anew."
            )
        else:
            raise MRFInputError(
                "three-dimensional", f"column {column + 1} of the trajectory is a third direction",
                path=path, expected="kx, ky, and no more than weights",
                found=f"{third.min():.4g} to {third.max():.4g}",
            )  # fmt: skip
