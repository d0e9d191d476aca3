"""The base of all matchers that go on from the grid to continuous values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import n_threads
from napari_mrf.data.maps import FLAGS, FlagBits
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.refinement.prior import no_prior, range_prior, series_prior
from napari_mrf.reconstruction.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.edges import EdgeWords
from napari_mrf.reconstruction.method import MethodOption, VoxelResult
from napari_mrf.reconstruction.voxel_noise import VoxelNoise
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.matching.refinement.prior import Prior
    from napari_mrf.matching.refinement.refinement import Refinement
    from napari_mrf.reconstruction.slicewise import Voxels
    from napari_mrf.reconstruction.subspace.coefficients import Signals

_FEWEST_LEARNED = 50
_FEWEST_IN_PART = 32
PRIORS = ("series", "range", "off")
INTERVALS = ("noise", "error")


@dataclass(frozen=True)
class Refining:
    """Whether grid answers are refined, and what is believed beforehand.

    Parameters
    ----------
    refine : bool
        Go on from the grid answer to continuous values, with their standard deviations.
    prior : {"series", "range", "off"}
        Values that refinement expects: the spread of the series' own grid answers, the
        published range, or none.
    sigma : float, optional
        Noise standard deviation in the real and the imaginary part of the series; estimated
        from each voxel's residual without.
    intervals : {"noise", "error"}
        What standard deviations stand for where the images bring their own covariance, as those
        made of raw data do: how maps vary when the measurement is repeated, or how far they
        lie from the truth, streaks and the prior of the images included. Others have one kind,
        from the residual or `sigma`.

    Raises
    ------
    MRFInputError
        ``"unknown-option"`` for another prior or kind of intervals, ``"bad-option"`` for an
        impossible noise level.
    """

    refine: bool = True
    prior: str = "series"
    sigma: float | None = None
    intervals: str = "noise"

    def __post_init__(self) -> None:
        for what, value, known in (
            ("the prior", self.prior, PRIORS),
            ("the kind of intervals", self.intervals, INTERVALS),
        ):
            if value not in known:
                raise MRFInputError(
                    "unknown-option", f"{what} {value!r} is not known", expected=" or ".join(known)
                )
        if self.sigma is not None and not 0.0 < self.sigma < float("inf"):
            raise MRFInputError(
                "bad-option", "the noise level must be a positive number", found=self.sigma
            )


SHARED_OPTIONS = (
    MethodOption(
        name="refine",
        kind="bool",
        default=Refining.refine,
        label="Refine",
        help="Continuous values between and beyond the grid points, with their "
        "standard deviations.",
    ),
    MethodOption(
        name="prior",
        kind="choice",
        default=Refining.prior,
        label="Prior",
        help="Values that refinement expects: the spread of this series' own grid answers, the "
        "published range, or none.",
        choices=PRIORS,
    ),
    MethodOption(
        name="intervals",
        kind="choice",
        default=Refining.intervals,
        label="Intervals",
        help="Standard deviations of maps from raw data: how maps vary when the measurement is "
        "repeated (noise), or how far they lie from the truth, streaks and all (error).",
        choices=INTERVALS,
    ),
    *CONDITIONING_OPTIONS,
)
"""Options that all refining matchers offer."""


class RefiningMatcher(VoxelwiseMethod):
    """A matcher whose grid answers are refined in a second pass, unless told not to.

    Where the sequence or the dictionary cannot be refined, the values stay on the grid and the
    notes say why; a ``refine=True`` that is asked for in so many words is refused instead.

    Parameters
    ----------
    sequence : Sequence
        That of the series.
    threads : int, optional
        CPU threads; all cores by default. Results do not depend on it.
    **shared
        Fields of `Refining` and `Conditioning`.

    Raises
    ------
    MRFInputError
        What `Refining` and `Conditioning` raise; when prepared, ``"cannot-refine"``.
    """

    shared_options = (Refining, Conditioning)
    """Classes that define the keywords which all refining matchers take."""
    improves_coefficients = True

    def __init__(self, sequence: Sequence, *, threads: int | None = None, **shared: Any) -> None:
        names = [field.name for field in fields(Refining)]
        asked = {name: shared.pop(name) for name in names if name in shared}
        super().__init__(sequence, Conditioning(**shared))
        self.refining = Refining(**asked)
        self.threads = threads or n_threads()
        self._must_refine = bool(asked.get("refine", False))
        self._prior = self._first_prior()
        self._refinement: Refinement | None = None
        self._intervals = "residual"

    @property
    def b1_range(self) -> tuple[float, float] | None:
        """The range of the tables of refinement, where B1 is among the maps."""
        if "B1" not in self.parameters:
            return None
        from napari_mrf.matching.refinement.choice import REFINEMENTS

        refinement = REFINEMENTS.get(self.sequence.kind)
        return None if refinement is None else refinement.b1_range

    def _first_prior(self) -> Prior:
        return no_prior() if self.refining.prior == "off" else range_prior(self.sequence.kind)

    def preparing_refinement(self, axes: Iterable[str]) -> Iterator[None]:
        """Make the tables of refinement, unless it is off; notes say why it is left out.

        Parameters
        ----------
        axes : iterable of str
            Parameters that the grid answers hold, apart from PD.
        """
        if not self.refining.refine:
            return
        yield
        from napari_mrf.matching.refinement.choice import make_refinement

        yield
        try:
            self._refinement = make_refinement(self.sequence, self.conditioning, axes)
        except (ImportError, ValueError) as reason:
            if self._must_refine:
                raise MRFInputError(
                    "cannot-refine",
                    f"the values cannot be refined: {reason}",
                    hint="Leave refine out, or turn it off, to keep the values of the grid.",
                ) from reason
            told = (f"The values stay on the grid, without refinement: {reason}. A finer grid "
                    "brings them nearer.")  # fmt: skip
            self.notes.append(MapsWarning("not-refined", told))

    def describe_refinement(self) -> dict[str, Any]:
        """Return whether and how values are refined, for the provenance."""
        if self._refinement is None:
            return {"refined": False}
        sigma = self.refining.sigma
        return {
            "refined": True,
            "prior": self._prior.describe(),
            "noise_colour": self._refinement.noise_colour,
            "sigma": "estimated in each voxel" if sigma is None else sigma,
            "intervals": self._intervals,
        }

    @property
    def edge_words(self) -> EdgeWords:
        """Refined values know no grid, but limits."""
        if self._refinement is None:
            return super().edge_words
        return EdgeWords(
            "a limit of refinement",
            "the true values may lie outside, the noise is high, or the series does not fit "
            "the sequence",
            "Check that the sequence is that of the scan; flags tell where.",
        )

    @property
    def needs_second_pass(self) -> bool:
        """Whether the prior has to be learned from all voxels first."""
        return self._refinement is not None

    def learn(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Take the prior from a sample of the series itself (empirical Bayes)."""
        if self._refinement is None:
            return
        # What an earlier series has taught is no business of this one.
        self._intervals = "residual" if self.refining.sigma is None else "sigma"
        self._prior, self._refinement.noise_colour = self._first_prior(), 1.0
        if len(signals) < _FEWEST_LEARNED:
            return
        if self.refining.sigma is None:
            self._refinement.learn_noise(signals, found)
        if self.refining.prior == "series":
            self._prior = series_prior(found.parameters, found.quality, self.sequence.kind)

    def noise_at(self, series: MRFSeries, where: Voxels) -> VoxelNoise | None:
        """Return the noise that the images of the series bring with them.

        It is that before smoothing in plane, which quietens images but blurs them too.
        """
        subspace = series.subspace
        if subspace is None or subspace.noise is None or self.refining.sigma is not None:
            return None
        of, (z, rows, columns) = subspace.noise, where
        self._intervals = self.refining.intervals
        covariance, scale = of.covariance[z], of.scale[z, rows, columns]
        if self._intervals == "error":
            covariance, scale = of.error_covariance[z], np.ones_like(scale)
        if self.conditioning.conjugate:
            covariance = covariance.conj()
        return VoxelNoise.of(self.conditioned_basis(subspace), covariance, scale)

    def improve(
        self,
        signals: Signals,
        found: VoxelResult,
        noise: VoxelNoise | None = None,
    ) -> VoxelResult:
        """Refine the grid answers of (N, T) fingerprints."""
        refinement = self._refinement
        if refinement is None:
            return found
        with ThreadPoolExecutor(self.threads) as pool:
            refined = list(
                pool.map(
                    lambda part: refinement.refine(
                        signals[part],
                        found.part(part),
                        self._prior,
                        sigma=self.refining.sigma,
                        noise=None if noise is None else noise.part(part),
                    ),
                    shares(len(signals), self.threads),
                )
            )
        return VoxelResult.joined(refined)


def take_given_b1(
    values: dict[str, NDArray[np.float32]], flags: NDArray[np.uint16], b1: NDArray[np.float32]
) -> None:
    """Put given B1 (N,) in the place of the grid's; what is given lies on no edge."""
    is_given = ~np.isnan(b1)
    values["B1"] = np.where(is_given, b1, values["B1"])
    flags[is_given] &= ~FlagBits(FLAGS["B1-edge"])


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
