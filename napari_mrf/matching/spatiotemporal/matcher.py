"""Spatiotemporal matching: whole patches of fingerprints, against those of training subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import Steps
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.data.signal_kinds import AMPLITUDE, SIGNAL_KINDS, ByKind
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.spatiotemporal import patch_search
from napari_mrf.matching.spatiotemporal.alignment import align
from napari_mrf.matching.spatiotemporal.coefficient_similarity import CoefficientSimilarity
from napari_mrf.matching.spatiotemporal.mixture_similarity import MixtureSimilarity
from napari_mrf.matching.spatiotemporal.patch_search import PatchSearch
from napari_mrf.matching.spatiotemporal.pipeline import ITERATIONS, Pipeline
from napari_mrf.matching.spatiotemporal.training_subjects import training_subjects
from napari_mrf.reconstruction import foreground
from napari_mrf.reconstruction.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.method import MethodInfo, MethodOption
from napari_mrf.reconstruction.slicewise import SlicewiseMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.spatiotemporal.similarity import Similarity
    from napari_mrf.reconstruction.method import ReconstructionUpdate
    from napari_mrf.reconstruction.slicewise import Reconstruction

_SUBJECTS = 6
_MOST_SUBJECTS = 40
_USUAL_THICKNESS_MM = 5.0
_TOLERATED_OUTSIDE = 0.02

SIMILARITIES: ByKind[Callable[..., Similarity[Any, Any]]] = ByKind(
    "similarity of patches", {"spoiled": MixtureSimilarity, "fisp": CoefficientSimilarity}
)
"""Comparison of fingerprints with training subjects, by kind of sequence."""


class SpatiotemporalMatcher(SlicewiseMethod):
    """Matching of 3 x 3 x 3 patches with patches of training subjects around the same place.

    The published method as the project reads it (the paper of Gómez et al. was not at hand):
    around each voxel, 11 x 11 x 3 voxels of every aligned training subject are compared with
    it, by the mean over a 3 x 3 x 3 patch of the correlations of fingerprints; the tissue of the
    five best is averaged. In a second iteration the likeness of the maps of the first with the
    subject's maps weighs as much as that of the fingerprints (alpha 0.5). One slice alone is
    compared in plane.

    Choices of ours: the training subjects are phantoms (thighs for MRF T1-FF, heads for FISP),
    simulated without noise; they are aligned by center and extent of the tissue; fingerprints
    are compared one by one up to a complex factor, so that receive phase has no say; off-
    resonance and B1 are each voxel's own, from water-fat matching; the likeness of maps is 1 -
    root mean square difference of maps scaled to 0-1 over the training subjects. Voxels that
    no training subject covers, or that lie outside the automatic mask, keep the values of the
    matcher (``water-fat`` on its wide grid, ``compressed`` for FISP).

    Parameters
    ----------
    sequence : Sequence
        MRF T1-FF or FISP.
    device : str
        Only for the record: the search runs on the CPU.
    subjects : int
        Training subjects, drawn once and kept on disk.
    similarity : Similarity, optional
        In place of the default for the kind of sequence.
    **conditioning
        Fields of `Conditioning`; applied to the series and to what it is compared with.

    Raises
    ------
    MRFInputError
        ``"no-device"``, ``"bad-option"``, ``"wrong-sequence"`` for a sequence that measures
        other maps than the training subjects have.

    References
    ----------
    Gómez et al., MICCAI 2016; parameters of Balsiger et al., MLMI 2018, section 2.3.
    """

    info = MethodInfo(
        name="spatiotemporal",
        title="patches matched with training subjects",
        kind="matcher",
        sequence_kinds=tuple(SIMILARITIES),
        paper="Gómez et al., MICCAI 2016",
        options=(
            MethodOption(
                name="subjects",
                kind="int",
                default=_SUBJECTS,
                label="Subjects",
                help="Number of phantoms to match with. They are made once and kept.",
                limits=(1, _MOST_SUBJECTS),
            ),
            *CONDITIONING_OPTIONS,
        ),
    )

    shared_options = (Conditioning,)

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        subjects: int = _SUBJECTS,
        similarity: Similarity[Any, Any] | None = None,
        **conditioning: Any,
    ) -> None:
        super().__init__(sequence, Conditioning(**conditioning))
        resolve_device(device)
        if subjects != int(subjects) or not 1 <= subjects <= _MOST_SUBJECTS:
            raise MRFInputError(
                "bad-option", "the number of training subjects is out of range",
                expected=f"1 to {_MOST_SUBJECTS}", found=subjects,
            )  # fmt: skip
        kind = SIGNAL_KINDS[sequence.kind]
        if set(sequence.parameters) - {*kind.tissue, AMPLITUDE}:
            raise MRFInputError(
                "wrong-sequence", "the training subjects do not have all maps of the sequence",
                expected=", ".join(kind.tissue),
                found=", ".join(sequence.parameters),
            )  # fmt: skip
        self._n_subjects = int(subjects)
        # Signs and smoothing are done to slices, before anything is compared.
        in_time = {"frames": self.conditioning.frames, "window": self.conditioning.window}
        self._similarity = similarity or SIMILARITIES[sequence.kind](sequence, **in_time)
        self._seeds: list[int] = []

    @property
    def parameters(self) -> tuple[str, ...]:
        """The sequence's maps."""
        return self.sequence.parameters

    def describe(self) -> dict[str, Any]:
        """Return subjects and parameters of the search for the provenance."""
        matcher = self._similarity.matcher
        return {
            "device": "cpu",
            "training_subjects": {
                "anatomy": SIGNAL_KINDS[self.sequence.kind].anatomy,
                "seeds": self._seeds,
            },
            "window_zyx": list(patch_search.WINDOW_ZYX),
            "patch_zyx": list(patch_search.PATCH_ZYX),
            "candidates": patch_search.CANDIDATES,
            "map_weight": patch_search.MAP_WEIGHT,
            "iterations": ITERATIONS,
            "matcher": {"name": matcher.name, **matcher.describe()},
        }

    def preparing(self) -> Generator[None, None, None]:
        """Prepare what fingerprints are compared with."""
        yield from self._similarity.preparing()

    def _fill(self, run: Reconstruction) -> Iterator[ReconstructionUpdate]:
        beginning = Steps(self._beginning(run))
        for _ in beginning:
            yield run.update(stage="preparing")
        pipeline = beginning.result
        for z, slab in self.iter_slices(run.series, pipeline.looked_at, run.sample):
            yield run.update(z)
            if slab is not None:
                yield from pipeline.taking(z, slab)
        run.warnings += self._warnings(run, pipeline)

    def _warnings(self, run: Reconstruction, pipeline: Pipeline) -> list[MapsWarning]:
        warnings = []
        if pipeline.outside > _TOLERATED_OUTSIDE * run.counts["voxels"]:
            message = (
                f"{pipeline.outside:,} of {run.counts['voxels']:,} voxels lie where no training "
                f"subject has tissue and keep the values of {self._similarity.matcher.name}: does "
                "the anatomy match theirs? If not, take that method for all."
            )
            warnings.append(MapsWarning("outside-subjects", message, voxels=pipeline.outside))
        return warnings

    def _beginning(self, run: Reconstruction) -> Generator[None, None, Pipeline]:
        """Find the tissue, then draw training subjects and bring them onto it."""
        tissue = yield from foreground.finding_foreground(run.series)
        sizes = run.series.voxel_sizes_mm
        thickness = _USUAL_THICKNESS_MM if sizes is None else sizes[0]
        subjects, self._seeds = [], []
        for subject in training_subjects(
            self.sequence, self._n_subjects, len(tissue), round(thickness, 2)
        ):
            subjects.append(align(subject, tissue, run.series.affine))
            self._seeds.append(subject.seed)
            yield
        search = PatchSearch(self._similarity, subjects)
        return Pipeline(self._similarity, search, run, tissue)
