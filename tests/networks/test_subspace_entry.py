"""Networks on coefficients: the maps, and how they are judged, are those of frames."""

import numpy as np
import pytest
import torch
from network_cases import RANGES, install, tissues
from properties import complex_normal

import napari_mrf as mrf
from napari_mrf.data.subspace_signal import SubspaceSignal
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.matching.model_fit import SimulatedFit, WaterFatFit
from napari_mrf.networks import weights
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, Subspace

T1FF = mrf.sequences.t1ff()
T, K, SIDE = T1FF.n_frames, 6, 14
LINEAR = {"cohen", "fc", "fc-fc", "blochnet", "fang", "balsiger2018", "subspacenet"}


@pytest.fixture(scope="module")
def subspace():
    """Of a basis that is neither orthonormal nor real."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.svd(mrf.simulate(T1FF, tissues(300)), full_matrices=False)[2][:K].T
    return Subspace(vectors @ complex_normal(rng, K, K))


@pytest.fixture(scope="module")
def coefficients(subspace):
    signals = (
        mrf.simulate(T1FF, tissues(SIDE * SIDE)) * np.exp(1j * np.arange(SIDE * SIDE))[:, None]
    )
    values = np.linalg.lstsq(subspace.basis, signals.T, rcond=None)[0].T
    return Coefficients(values.astype(np.complex64), subspace)


def trained(name):
    torch.manual_seed(0)
    normalization = Normalization(
        reference_of(mrf.simulate(T1FF, tissues(300))), [0.0] * 5, [1.0] * 5
    )
    return TrainedNetwork(NETWORKS[name].build(T, 5), normalization).eval()


def test_networks_that_say_so_are_those_of_the_documents():
    assert {name for name, info in NETWORKS.items() if hasattr(info.load(), "entries")} == LINEAR


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_network_gives_of_coordinates_what_it_gives_of_fingerprints(name, coefficients):
    network = trained(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    of_coordinates = network.in_subspace(coefficients.subspace.vectors)
    frames = torch.from_numpy(coefficients.frames)
    # Their norms are lost on purpose: the network must not need them.
    unit = torch.from_numpy(coefficients.unit.astype(np.complex64))
    if NETWORKS[name].kind == "image":
        frames, unit = (one.T.reshape(1, -1, SIDE, SIDE) for one in (frames, unit))
    with torch.inference_mode():
        found, expected = of_coordinates(unit), network(frames)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        assert expected.std() > 1e-3
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize("fit", [WaterFatFit, SimulatedFit])
def test_maps_are_judged_by_coefficients_as_by_frames(fit, coefficients):
    rng = np.random.default_rng(1)
    values = {key: rng.uniform(*limits, SIDE * SIDE) for key, limits in RANGES.items()}
    quality, m0 = fit(T1FF).fit(coefficients, values)
    of_frames, expected = fit(T1FF).fit(coefficients.frames, values)
    np.testing.assert_allclose(quality, of_frames, rtol=0, atol=2e-6)
    np.testing.assert_allclose(m0, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_judging_depends_on_no_other_voxel(coefficients):
    rng = np.random.default_rng(1)
    values = {key: rng.uniform(*limits, SIDE * SIDE) for key, limits in RANGES.items()}
    fit, frames = WaterFatFit(T1FF), coefficients.frames
    whole = fit.fit(frames, values)
    some = slice(37, 90)
    part = fit.fit(frames[some], {key: one[some] for key, one in values.items()}, 1)
    for found, expected in zip(part, whole, strict=True):
        np.testing.assert_array_equal(found, expected[some])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    install(folder, ["cohen", "inn", "balsiger2018"])
    return folder


@pytest.mark.parametrize(
    ("name", "used"),
    [("cohen", {"matching": "coefficients"}), ("inn", {"matching": "frames"}),
     ("balsiger2018", "coefficients")],
)  # fmt: skip
def test_series_with_coefficients_gives_the_maps_of_its_frames(
    monkeypatch, folder, coefficients, name, used
):
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([folder]))
    monkeypatch.setattr(SlicewiseMethod, "_plausibility", lambda *_: [])  # takes seconds
    images = coefficients.values.T.reshape(K, 1, SIDE, SIDE).copy()
    images[:, 0, 3, 4], images[2, 0, 8, 8] = 0, np.nan
    signal = lazy_frames(SubspaceSignal(coefficients.subspace.basis.astype(np.complex64), images))
    method = mrf.methods.get(name, sequence=T1FF, device="cpu", conjugate=True)
    mask = np.ones((1, SIDE, SIDE), bool)
    found = method.reconstruct(mrf.MRFSeries(signal, sequence=T1FF), mask)
    frames = mrf.MRFSeries(np.asarray(signal), sequence=T1FF)
    expected = method.reconstruct(frames, mask)
    assert found.provenance["input"]["used"] == used
    assert "used" not in expected.provenance["input"]
    np.testing.assert_array_equal(found.flags, expected.flags)
    for key, (low, high) in RANGES.items():
        np.testing.assert_allclose(
            found[key], expected[key], rtol=0, atol=1e-5 * (high - low), err_msg=key
        )
    np.testing.assert_allclose(found.quality, expected.quality, rtol=0, atol=2e-6)
