"""Test data of the INN paper, its maps by matching and its Cramér-Rao bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf import methods
from napari_mrf.data import sequences
from napari_mrf.data.series import MRFSeries
from napari_mrf.matching.refinement.prior import range_prior
from napari_mrf.simulation import simulate
from napari_mrf.simulation.cramer_rao import crlb
from napari_mrf.training.data.tissue import inn_validation_and_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.reproduction.experiment import Progress

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
TEST_SIGMAS = (0.0, 0.003, 0.03)
"""None, as Table 1 says; and the two readings of the noise in training, 29.3 and 9.3 dB."""

_BOUND_CHUNK = 2048


@dataclass(frozen=True)
class InnTest:
    """Tissues of the test dictionary and their fingerprints.

    Parameters
    ----------
    truth : ndarray
        (N, 5) float64, in the order of `KEYS`.
    signals : ndarray
        (N, 175) complex64 at unit norm, without noise.
    norms : ndarray
        (N,) norms that the fingerprints had for M0 = 1.
    """

    truth: NDArray[np.float64]
    signals: NDArray[np.complex64]
    norms: NDArray[np.float64]

    def part(self, n: int) -> InnTest:
        """Return the first n entries; they lie in random order."""
        return InnTest(self.truth[:n], self.signals[:n], self.norms[:n])


def inn_test(n: int | None = None) -> InnTest:
    """Return the 26,880 entries that the paper tests on, or n of them.

    The entries are in random order with a fixed seed, see `inn_validation_and_test`.
    """
    _, tissues = inn_validation_and_test()
    tissues = {key: values[:n] for key, values in tissues.items()}
    signals = simulate(sequences.t1ff(), tissues)
    norms = np.linalg.norm(signals, axis=1).astype(np.float64)
    return InnTest(
        np.stack([tissues[key] for key in KEYS], axis=1),
        (signals / norms[:, None]).astype(np.complex64),
        norms,
    )


class Matching:
    """Refined water-fat matching of single fingerprints.

    With the range prior: like the networks, it knows the ranges of the dictionary and nothing
    else of the tissue.

    Parameters
    ----------
    device : str
        As in `napari_mrf.methods.get`.
    """

    def __init__(self, device: str) -> None:
        self._method = methods.get(
            "water-fat", sequence=sequences.t1ff(), device=device, refine=True, prior="range"
        )

    def maps(self, signals: NDArray[np.complex64], progress: Progress) -> NDArray[np.float64]:
        """Return the maps (N, 5) of fingerprints (N, 175), in the order of `KEYS`."""
        images = np.ascontiguousarray(signals.T).reshape(signals.shape[1], 1, 1, -1)
        series = MRFSeries(images, sequence=self._method.sequence)
        for update in self._method.iter_reconstruct(series, np.ones((1, 1, len(signals)), bool)):
            progress(f"water-fat, {update.stage}", update.done, update.total)
        columns = [update.maps[key].reshape(-1) for key in KEYS]
        return np.stack(columns, axis=1).astype(np.float64)


def bound(test: InnTest, sigma: float, progress: Progress) -> NDArray[np.float64]:
    """Return the smallest standard deviations (N, 5) that the physics allows at a noise level.

    The Cramér-Rao bound with the precision of the range prior; sigma is for unit norm.
    """
    prior = range_prior().deviation
    parts = []
    for start in range(0, len(test.truth), _BOUND_CHUNK):
        progress("Cramér-Rao bound", start, len(test.truth))
        rows = slice(start, start + _BOUND_CHUNK)
        tissue = dict(zip(KEYS, test.truth[rows].T, strict=True))
        deviations = crlb(sequences.t1ff(), tissue, sigma * test.norms[rows], prior_deviation=prior)
        parts.append(np.stack([deviations[key] for key in KEYS], axis=1))
    return np.concatenate(parts)
