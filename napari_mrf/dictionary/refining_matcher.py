"""What all matchers share that go on from the grid to continuous values."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from napari_mrf.devices import n_threads
from napari_mrf.dictionary.prior import no_prior, range_prior, series_prior
from napari_mrf.errors import MRFInputError
from napari_mrf.method import MethodOption, VoxelResult
from napari_mrf.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.conditioning import Conditioning
    from napari_mrf.dictionary.refinement import Refinement
    from napari_mrf.sequence import Sequence

_FEWEST_LEARNED = 50
_FEWEST_IN_PART = 32
PRIORS = ("series", "range", "off")

REFINEMENT_OPTIONS = (
    MethodOption(
        name="refine",
        kind="bool",
        default=True,
        label="Refine",
        help="Continuous values between and beyond the grid points, with their "
        "standard deviations.",
    ),
    MethodOption(
        name="prior",
        kind="choice",
        default="series",
        label="Prior",
        help="What refinement believes beforehand: the spread of this series' own grid "
        "answers, the published range, or nothing.",
        choices=PRIORS,
    ),
)
"""The options as methods offer them."""


class RefiningMatcher(VoxelwiseMethod):
    """A matcher whose grid answers are refined in a second pass, where that is asked for.

    Parameters
    ----------
    sequence : Sequence
        What is reconstructed.
    conditioning : Conditioning
        Frames used, averaging in time and in plane, sign of the phase.
    refine : bool
        Go on from the grid answer to continuous values, with their standard deviations.
    prior : {"series", "range", "off"}
        What refinement believes of the tissue: the spread of the series' own grid answers,
        the published range, or nothing.
    sigma : float, optional
        Noise standard deviation in the real and the imaginary part of the series; estimated
        from each voxel's residual without.
    threads : int, optional
        CPU threads; all cores by default. Results do not depend on it.

    Raises
    ------
    MRFInputError
        ``"unknown-option"`` for another prior, ``"bad-option"`` for an impossible noise level.
    """

    def __init__(
        self,
        sequence: Sequence,
        conditioning: Conditioning,
        *,
        refine: bool,
        prior: str,
        sigma: float | None,
        threads: int | None = None,
    ) -> None:
        super().__init__(sequence, conditioning)
        if prior not in PRIORS:
            raise MRFInputError(
                "unknown-option", f"there is no prior {prior!r}", expected=" or ".join(PRIORS)
            )
        if sigma is not None and not 0.0 < sigma < float("inf"):
            raise MRFInputError(
                "bad-option", "the noise level must be a positive number", found=sigma
            )
        self.threads = threads or n_threads()
        self._refine, self._prior_name, self._sigma = refine, prior, sigma
        self._prior = no_prior() if prior == "off" else range_prior(sequence.kind)
        self._refinement: Refinement | None = None

    @property
    @abstractmethod
    def refined_axes(self) -> tuple[str, ...]:
        """Parameters that the grid answers hold, apart from PD."""

    def preparing_refinement(self) -> Iterator[None]:
        """Make the tables of refinement, where it is asked for; notes say why it is left out."""
        if not self._refine or self._refinement is not None:
            return
        yield
        from napari_mrf.dictionary.refinement import make_refinement

        yield
        self._refinement, notes = make_refinement(
            self.sequence, self.conditioning, self.refined_axes
        )
        self._refine = self._refinement is not None
        self.notes += notes

    def describe_refinement(self) -> dict[str, Any]:
        """Return whether and how values are refined, for the provenance."""
        if self._refinement is None:
            return {"refined": False}
        return {
            "refined": True,
            "prior": self._prior.describe(),
            "noise_colour": self._refinement.noise_colour,
            "sigma": "estimated in each voxel" if self._sigma is None else self._sigma,
        }

    @property
    def needs_second_pass(self) -> bool:
        """Whether the prior has to be learned from all voxels first."""
        return self._refinement is not None

    def learn(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Take the prior from a sample of the series itself (empirical Bayes)."""
        if self._refinement is None or len(signals) < _FEWEST_LEARNED:
            return
        if self._sigma is None:
            self._refinement.learn_noise(signals, found)
        if self._prior_name == "series":
            self._prior = series_prior(found.parameters, found.quality, self.sequence.kind)

    def improve(self, signals: NDArray[np.complex64], found: VoxelResult) -> VoxelResult:
        """Refine the grid answers of (N, T) fingerprints."""
        refinement = self._refinement
        if refinement is None:
            return found
        with ThreadPoolExecutor(self.threads) as pool:
            refined = list(
                pool.map(
                    lambda part: refinement.refine(
                        signals[part], found.part(part), self._prior, sigma=self._sigma
                    ),
                    shares(len(signals), self.threads),
                )
            )
        return VoxelResult.joined(refined)


def shares(n_voxels: int, n_threads: int) -> list[slice]:
    """Share voxels out to threads, in ever smaller parts.

    Voxels differ in what they cost, and nobody should wait long for the last part.
    """
    if n_threads == 1:
        return [slice(0, n_voxels)]
    parts, start = [], 0
    while start < n_voxels:
        size = max((n_voxels - start) // (2 * n_threads), _FEWEST_IN_PART)
        parts.append(slice(start, start + size))
        start += size
    return parts
