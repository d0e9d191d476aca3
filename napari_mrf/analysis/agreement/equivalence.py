"""Whether the bias stays within a margin that was given beforehand: two one-sided tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.agreement.pairs import FEWEST
from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.analysis.agreement.bland_altman import BlandAltman

WITHIN, NOT_SHOWN = "bias within the margin", "not shown"


@dataclass(frozen=True)
class Equivalence:
    """Verdict on a bias.

    Parameters
    ----------
    margin : float
        Largest bias that is acceptable on either side.
    p : float
        The larger one of the two one-sided tests.
    verdict : str
        `WITHIN` or `NOT_SHOWN`; empty where there is none.
    message : str
        Why there is none; empty otherwise.
    """

    margin: float
    p: float
    verdict: str
    message: str


def equivalence(
    limits: BlandAltman | RepeatedLimits, n_subjects: int, margin: float, *, level: float = 0.05
) -> Equivalence:
    """Return whether the bias is shown to lie between -margin and +margin.

    Two one-sided t tests, of bias ≤ -margin and of bias ≥ margin, both at the level; the same as
    a 1 - 2 · level interval of the bias inside the margin. Not shown is not shown to differ.

    Parameters
    ----------
    limits : BlandAltman or RepeatedLimits
        With a 95 % interval of the bias: of independent pairs, or by subjects.
    n_subjects : int
        Subjects they come from; there is no verdict on fewer than three.
    margin : float
        In the unit of the map, above 0; chosen before the data were seen.
    level : float
        Of the tests.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for a margin that is not above 0.

    References
    ----------
    Schuirmann, J Pharmacokinet Biopharm 1987;15:657-680, doi 10.1007/BF01068419.
    """
    from scipy import stats

    if not (np.isfinite(margin) and margin > 0):
        raise MRFInputError("bad-option", "a margin must be above 0", found=f"{margin:g}")
    message = limits.message
    if not message and n_subjects < FEWEST:
        message = f"a verdict on a margin needs at least {FEWEST} subjects, there are {n_subjects}"
    if message:
        return Equivalence(margin, float("nan"), "", message)
    freedom = (limits.n_subjects if isinstance(limits, RepeatedLimits) else limits.n) - 1
    low, high = limits.bias_interval
    error = (high - low) / 2 / stats.t.ppf(0.975, freedom)
    p = float(stats.t.sf((margin - abs(limits.bias)) / error, freedom))
    return Equivalence(margin, p, WITHIN if p < level else NOT_SHOWN, "")
