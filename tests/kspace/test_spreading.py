"""The adjoint of all images at once, against sums written out."""

import numpy as np
import pytest
from properties import complex_normal

from napari_mrf.kspace import nufft
from napari_mrf.kspace.spreading import Spreading


def sum_written_out(samples, vectors, places, shape):
    y, x = (np.arange(n) - n // 2 for n in shape)
    waves = np.exp(
        2j * np.pi * (places[..., 0, None, None] * y[:, None] + places[..., 1, None, None] * x)
    )
    return np.einsum("rn,rv,rnyx->vyx", samples, vectors, waves)


@pytest.mark.parametrize("shape", [(16, 18), (15, 7), (30, 4)])
@pytest.mark.parametrize("n_vectors", [1, 3, 17])
def test_images_equal_the_sum_written_out(shape, n_vectors):
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.5, 0.5, (9, 20, 2))
    samples, vectors = complex_normal(rng, 9, 20), complex_normal(rng, 9, n_vectors)
    expected = sum_written_out(samples, vectors, places, shape)
    found = Spreading(places, shape).adjoint(samples, vectors)
    assert np.linalg.norm(found - expected) < 1.5e-5 * np.linalg.norm(expected)


def test_samples_at_the_edges_and_the_center_count_where_they_are():
    ends = [-0.5, 0.0, 0.5]
    for place in [(y, x) for y in ends for x in ends]:
        places = np.array(place).reshape(1, 1, 2)
        one = np.ones((1, 1))
        expected = sum_written_out(one, one, places, (8, 9))
        found = Spreading(places, (8, 9)).adjoint(one, one)
        assert np.allclose(found, expected, atol=3e-5)


def test_large_images_equal_those_of_finufft():
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.5, 0.5, (50, 300, 2))
    samples, vectors = complex_normal(rng, 50, 300), complex_normal(rng, 50, 4)
    expected = nufft.adjoint(
        vectors.T[:, :, None] * samples, places, (150, 140), epsilon=1e-9
    )  # fmt: skip
    found = Spreading(places, (150, 140)).adjoint(samples, vectors)
    assert np.linalg.norm(found - expected) < 1.5e-5 * np.linalg.norm(expected)
