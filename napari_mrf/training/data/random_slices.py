"""Patches of one random slice: drawn, measured and cut, a function of a few numbers alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_mrf.data.sequence import Sequence
from napari_mrf.phantoms.acquisition.acquire import UNIT_NORM_SIGNAL, acquire
from napari_mrf.phantoms.by_kind import RANDOM_SUBJECTS, ROUGHENED
from napari_mrf.training.data.patches_on_device import N_TURNS, turned
from napari_mrf.training.data.phantom_subjects import random_subject
from napari_mrf.training.data.subspace_images import subspace_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.phantoms.acquisition.acquire import SliceKSpace
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.training.recipe import Noise, RandomImages


_SPOKES = (0.75, 1.5)
"""Spokes of a scan whose images are in the subspace, over those of the encoded matrix."""


class SliceNumber(NamedTuple):
    """Which slice of a training.

    Parameters
    ----------
    role : int
        0 to learn from, 1 to judge by.
    epoch, number : int
        Of the epoch, and in it.
    """

    role: int
    epoch: int
    number: int


class Patch(NamedTuple):
    """An example for a network that looks at images.

    Parameters
    ----------
    signals : ndarray
        (T, H, W) complex64, noise already in.
    maps : ndarray
        (M, h, w) float32 in their units; h = H - 2 · margin, and likewise w. NaN in air.
    counted : ndarray
        (h, w) bool: tissue whose values all lie within their ranges.
    """

    signals: NDArray[np.complex64]
    maps: NDArray[np.float32]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SlicePlan:
    """All that slices depend on, beside their number.

    Parameters
    ----------
    sequence : Sequence
        What is played.
    data : RandomImages
        Of the recipe.
    noise : Noise
        Level of a slice, as a share of the norm of a fingerprint.
    ranges : dict
        Lower and upper end of each map that is learned.
    margin : int
        Voxels that signals are larger than maps on each side.
    seed : int
        Of the recipe.
    """

    sequence: Sequence
    data: RandomImages
    noise: Noise
    ranges: dict[str, tuple[float, float]]
    margin: int
    seed: int

    def to_json(self) -> str:
        """Return the plan as JSON text, for another process."""
        return json.dumps({
            "sequence": self.sequence.to_json(), "data": self.data.model_dump(mode="json"),
            "noise": self.noise.model_dump(mode="json"), "ranges": self.ranges,
            "margin": self.margin, "seed": self.seed,
        })  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> SlicePlan:
        """Return the plan that `to_json` wrote."""
        from napari_mrf.training.recipe import Noise, RandomImages

        record = json.loads(text)
        return cls(
            Sequence.from_json(record["sequence"]), RandomImages.model_validate(record["data"]),
            Noise.model_validate(record["noise"]),
            {key: (low, high) for key, (low, high) in record["ranges"].items()},
            record["margin"], record["seed"],
        )  # fmt: skip

    def per_slice(self, role: int) -> int:
        """Return the patches of a slice: those to judge by are few, so each is of another one."""
        return self.data.patches_per_slice if role == 0 else 1

    def patches(self, of: SliceNumber) -> list[Patch]:
        """Draw a subject, measure it and cut patches around random voxels of tissue."""
        rng = np.random.default_rng([self.seed, *of])
        subject = self._subject(rng, of.number)
        signal = self._measured(subject, rng)
        maps = np.stack([subject.maps[key][0] for key in self.ranges])
        low, high = np.array(list(self.ranges.values()), np.float32).T[..., None, None]
        # NaN fails every comparison.
        counted = ((maps >= low) & (maps <= high)).all(axis=0)
        tissue = np.argwhere(counted if counted.any() else subject.foreground[0])
        return [self._cut(signal, maps, counted, tissue, rng)
                for _ in range(self.per_slice(of.role))]  # fmt: skip

    def _subject(self, rng: np.random.Generator, number: int) -> Phantom:
        data, kind = self.data, self.sequence.kind
        matrix = int(rng.integers(data.matrix_lower, data.matrix_upper + 1))
        if rng.random() < data.phantoms:
            person = random_subject(kind, rng, matrix)
            is_rough = rng.random() < data.rough_phantoms and data.white_texture
            return ROUGHENED[kind](person, rng) if is_rough else person
        draw, seed = RANDOM_SUBJECTS[kind], int(rng.integers(2**31))
        return draw((matrix, matrix), seed=seed, index=number, white_texture=data.white_texture)

    def _measured(self, subject: Phantom, rng: np.random.Generator) -> NDArray[np.complex64]:
        """Return the frames (T, Y, X) of a scan, gridded or in the temporal subspace."""
        data = self.data
        log_sigma = rng.uniform(*np.log([self.noise.sigma_lower, self.noise.sigma_upper]))
        options: dict[str, Any] = {
            "snr_db": 20.0 * math.log10(UNIT_NORM_SIGNAL / math.exp(log_sigma)),
            "seed": int(rng.integers(2**31)),
            "workers": 1,
        }
        if rng.random() >= data.undersampled:
            reference = "voxel" if rng.random() < 0.5 else "foreground"
            options |= {"mode": "noise-only", "noise_reference": reference}
        else:
            full = math.pi / 2.0 * subject.foreground.shape[-1]
            spokes = full / np.array([data.undersampling_upper, data.undersampling_lower])
            options |= {
                "mode": "radial",
                "spokes_per_frame": max(round(rng.uniform(*spokes)), 1),
                "first_angle_deg": rng.uniform(0.0, 360.0),
                "n_coils": int(rng.integers(data.coils_lower, data.coils_upper + 1)),
            }
            # A recipe without them draws what it drew before there were any.
            if data.subspace and rng.random() < data.subspace:
                return self._in_subspace(subject, options, rng)
        return np.asarray(acquire(subject, self.sequence, **options).signal[:, 0])

    def _in_subspace(
        self, subject: Phantom, options: dict[str, Any], rng: np.random.Generator
    ) -> NDArray[np.complex64]:
        data, shape = self.data, subject.foreground.shape[1:]
        del options["spokes_per_frame"]
        kspace: list[SliceKSpace] = []
        acquire(subject, self.sequence, kspace=kspace, spokes_per_pulse=data.spokes_per_pulse,
                **options)  # fmt: skip
        share = max(shape) / data.encoded_matrix * rng.uniform(*_SPOKES)
        return subspace_images(kspace[0], self.sequence, shape, min(share, 1.0), rng)

    def _cut(
        self, signal: NDArray[np.complex64], maps: NDArray[np.float32],
        counted: NDArray[np.bool_], tissue: NDArray[np.intp], rng: np.random.Generator,
    ) -> Patch:  # fmt: skip
        size, margin = self.data.patch, self.margin
        corner = rng.choice(tissue) - rng.integers(size, size=2)
        room = np.array(counted.shape) - size - margin
        y, x = np.clip(corner, margin, room).tolist()
        turn = int(rng.integers(N_TURNS))
        part = (slice(y, y + size), slice(x, x + size))
        wide = (slice(y - margin, y + size + margin), slice(x - margin, x + size + margin))
        return Patch(
            _turned_images(signal[:, *wide], turn),
            _turned_images(maps[:, *part], turn),
            np.ascontiguousarray(turned(counted[part], turn)),
        )


def _turned_images(images: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return images (n, Y, X), each turned."""
    return np.ascontiguousarray(np.moveaxis(turned(np.moveaxis(images, 0, -1), turn), -1, 0))
