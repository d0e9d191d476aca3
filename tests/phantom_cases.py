"""Small phantoms as training data."""

import torch

from napari_mrf.training.data.phantom_data import PhantomPatches
from napari_mrf.training.recipe import Noise, PhantomImages

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
RANGES = {"FF": (0.0, 1.0), "T1H2O": (400.0, 3100.0), "T1fat": (180.0, 500.0),
          "Df": (-150.0, 150.0), "B1": (0.25, 1.25)}  # fmt: skip
SIGMA = 0.01


def images(**changes):
    return PhantomImages(
        **{
            "kind": "phantoms", "slices": 3, "validation_slices": 2, "matrix_lower": 60,
            "matrix_upper": 68, "undersampled": 0.5, "encoded_matrix": 80, "patch": 6,
            "patches": 12, "validation_patches": 4, **changes,
        }
    )  # fmt: skip


def patches(slices, normalization, *, noise=SIGMA, **changes):
    options = {"n_patches": 40, "patch": 6, "margin": 2, "seed": 1, **changes}
    levels = Noise(sigma_lower=noise, sigma_upper=noise)
    return PhantomPatches(slices, range(5), normalization, levels, **options)


def all_of(data, seed=0):
    return data.batch(torch.arange(len(data)), torch.Generator().manual_seed(seed))
