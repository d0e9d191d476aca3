"""A network as a method: the same interface, invariances and honesty as the matchers."""

import numpy as np
import pytest
import torch
from properties import (
    check_chunks_and_threads,
    check_complex_factor_invariance,
    divided,
    random_factors,
    reconstructed,
)

import napari_mrf as mrf
from napari_mrf import MRFInputError, MRFSeries
from napari_mrf.data.maps import FLAGS
from napari_mrf.matching.model_fit import SimulatedFit, WaterFatFit, model_fit
from napari_mrf.networks import weights
from napari_mrf.networks.card import MapScale, Metric, ModelCard
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import save_network
from napari_mrf.networks.zoo import NETWORKS

T1FF, FISP = mrf.sequences.t1ff(), mrf.sequences.fisp()
RANGES = {"FF": (0.0, 1.0), "T1H2O": (500.0, 3000.0), "T1fat": (200.0, 400.0),
          "Df": (-120.0, 120.0), "B1": (0.3, 1.2)}  # fmt: skip
SHAPE = (2, 5, 6)


def tissues(n, seed=0):
    rng = np.random.default_rng(seed)
    return {key: rng.uniform(*limits, n) for key, limits in RANGES.items()}


@pytest.fixture(scope="module")
def signals():
    return mrf.simulate(T1FF, tissues(60))


@pytest.fixture
def series(signals):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=signals.shape) + 1j * rng.normal(size=signals.shape)
    noisy = (signals + 0.002 * noise).astype(np.complex64)
    return MRFSeries(noisy.T.reshape(175, *SHAPE), sequence=T1FF)


@pytest.fixture
def installed(tmp_path, monkeypatch, signals):
    """Weights of two networks in a folder of their own."""
    normalization = Normalization(
        reference_of(signals), [low for low, _ in RANGES.values()],
        [high for _, high in RANGES.values()],
    )  # fmt: skip
    for name in ("cohen", "inn"):
        torch.manual_seed(0)
        trained = TrainedNetwork(NETWORKS[name].build(175, 5), normalization)
        card = ModelCard(
            format="napari-mrf network", name=name, sequence_name=T1FF.name,
            sequence_kind="spoiled", sequence_fingerprint=T1FF.fingerprint(), n_frames=175,
            maps=[MapScale(key=k, lower=a, upper=b) for k, (a, b) in RANGES.items()],
            weights_sha256="0" * 64, n_parameters=1, recipe={}, seed=0, software_version="0",
            trained_on="here", training_minutes=0.0, n_epochs=0, is_reduced=True,
            test_data="none",
            metrics=[Metric(map="FF", sigma=0.01, mean_absolute_error=0.5,
                            mean_relative_error_percent=None, r_squared=0.0)],
        )  # fmt: skip
        save_network(tmp_path / "t1ff" / f"{name}.json", trained, card)
    (tmp_path / "t1ff" / "broken.json").write_text("{")
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    return tmp_path


def of_ranges(share):
    return {key: share * (high - low) for key, (low, high) in RANGES.items()}


def everywhere(series):
    return np.ones(series.spatial_shape, bool)


def test_listed_for_its_own_sequence_and_under_matchers(installed):
    rows = mrf.methods.available(T1FF)
    assert [row.name for row in rows][-2:] == ["cohen", "inn"]
    row = rows[-2]
    assert row.kind == "network"
    assert row.remarks == ("reduced training",)
    assert row.details == ("test error FF 0.5 at noise 0.01",)
    assert [option.name for option in row.options] == ["smooth", "conjugate"]
    assert not [row for row in mrf.methods.available(FISP) if row.kind == "network"]
    assert {"cohen", "inn"} <= set(mrf.methods.names())


def test_maps_are_those_of_the_network(installed, series):
    method = mrf.methods.get("cohen", sequence=T1FF, device="cpu")
    maps = method.reconstruct(series, everywhere(series))
    signals = np.asarray(series.signal).reshape(175, -1).T.copy()
    with torch.no_grad():
        expected = weights.load_network(installed / "t1ff" / "cohen.json")[0](
            torch.from_numpy(signals)
        )
    for column, key in enumerate(RANGES):
        span = RANGES[key][1] - RANGES[key][0]
        np.testing.assert_allclose(maps[key].ravel(), expected[:, column], rtol=0, atol=1e-5 * span)
    assert maps.provenance["method"]["name"] == "cohen"
    assert len(maps.provenance["method"]["weights_sha256"]) == 64


def by_name(method, signals):
    return reconstructed(method, signals, SHAPE)


def fingerprints_of(series):
    return np.asarray(series.signal).reshape(175, -1).T


@pytest.mark.parametrize("name", ["cohen", "inn"])
def test_complex_factor_changes_nothing_but_m0(installed, series, name):
    method = mrf.methods.get(name, sequence=T1FF, device="cpu")
    factors = random_factors(np.random.default_rng(5), 60, 3)
    check_complex_factor_invariance(
        lambda given: by_name(method, given), fingerprints_of(series), factors,
        atol=of_ranges(1e-3) | {"quality": 1e-4}, rtol=1e-3,
    )  # fmt: skip


def test_chunks_and_threads_do_not_matter(installed, series):
    method = mrf.methods.get("cohen", sequence=T1FF, device="cpu")

    def run(chunk, threads):
        with divided(method, chunk, threads):
            return by_name(method, fingerprints_of(series))

    check_chunks_and_threads(run, [(7, 1), (7, 3)], atol=of_ranges(1e-5), rtol=1e-4)


def test_quality_is_the_correlation_with_what_the_simulator_gives(installed, series):
    method = mrf.methods.get("cohen", sequence=T1FF, device="cpu")
    maps = method.reconstruct(series, everywhere(series))
    model = mrf.simulate(
        T1FF, {key: maps[key].ravel().astype(float) for key in RANGES}, dtype="complex128"
    )
    measured = np.asarray(series.signal).reshape(175, -1).T.astype(complex)
    product = np.abs(np.sum(model.conj() * measured, axis=1))
    expected = product / np.linalg.norm(model, axis=1) / np.linalg.norm(measured, axis=1)
    np.testing.assert_allclose(maps.quality.ravel(), expected, atol=2e-5)


def test_estimates_beyond_the_range_are_kept_in_it_and_flagged(installed, series):
    method = mrf.methods.get("inn", sequence=T1FF, device="cpu")
    maps = method.reconstruct(series, everywhere(series))
    for key, (low, high) in RANGES.items():
        assert maps[key].min() >= low
        assert maps[key].max() <= high
        at_end = (maps[key] == low) | (maps[key] == high)
        # No water has no T1, and no fraction lies outside 0 to 1.
        meant = {"T1H2O": maps["FF"] < 1, "T1fat": maps["FF"] > 0, "FF": False}.get(key, True)
        flagged = (maps.flags & FLAGS[f"{key}-edge"]) > 0
        np.testing.assert_array_equal(flagged, at_end & meant)


def test_voxels_without_signal_or_number_are_left_out(installed, series):
    signal = np.asarray(series.signal).copy()
    signal[:, 0, 0, 0] = 0
    signal[3, 0, 0, 1] = np.nan
    method = mrf.methods.get("cohen", sequence=T1FF, device="cpu")
    maps = method.reconstruct(MRFSeries(signal, sequence=T1FF), everywhere(series))
    assert np.isnan(maps["FF"][0, 0, :2]).all()
    assert np.isfinite(maps["FF"]).sum() == maps["FF"].size - 2


def test_missing_weights_unknown_options_and_other_sequences_are_refused(installed):
    with pytest.raises(MRFInputError) as caught:
        mrf.methods.get("oksuz", sequence=T1FF)
    assert caught.value.code == "missing-weights"
    with pytest.raises(MRFInputError) as caught:
        mrf.methods.get("cohen", sequence=FISP)
    assert caught.value.code == "missing-weights"
    assert "another sequence" in str(caught.value)
    for option in ("window", "card_path"):
        with pytest.raises(MRFInputError) as caught:
            mrf.methods.get("cohen", sequence=T1FF, **{option: 3})
        assert caught.value.code == "unknown-option"


def test_out_of_memory_halves_the_batch_and_remembers(installed, series, monkeypatch):
    expected = mrf.methods.get("cohen", sequence=T1FF, device="cpu").reconstruct(
        series, everywhere(series)
    )
    method = mrf.methods.get("cohen", sequence=T1FF, device="cpu")
    sizes = []

    def short_of_memory(_, given):
        sizes.append(len(given[0]))
        if len(given[0]) > 20:
            raise torch.OutOfMemoryError("the device is full")

    method.prepare()
    method.runner._trained.network.register_forward_pre_hook(short_of_memory)
    monkeypatch.setattr("napari_mrf.networks.method._SMALLEST_BATCH", 8)
    maps = method.reconstruct(series, everywhere(series))
    assert sizes[:3] == [30, 15, 15]
    assert method._batch == 15
    for key, (low, high) in RANGES.items():
        np.testing.assert_allclose(maps[key], expected[key], rtol=0, atol=1e-5 * (high - low))


def test_fast_fit_is_the_exact_one(signals):
    rng = np.random.default_rng(2)
    factor = 5 * np.exp(2j)
    noise = rng.normal(size=signals.shape) + 1j * rng.normal(size=signals.shape)
    noisy = (factor * signals + 0.02 * noise).astype(np.complex64)
    values = tissues(60)
    assert isinstance(model_fit(T1FF), WaterFatFit)
    assert isinstance(model_fit(FISP), SimulatedFit)
    quality, m0 = WaterFatFit(T1FF).fit(noisy, values)
    exact, exact_m0 = SimulatedFit(T1FF).fit(noisy, values)
    np.testing.assert_allclose(quality, exact, atol=1e-5)
    np.testing.assert_allclose(m0, exact_m0, rtol=1e-4)


def test_fisp_networks_give_the_proton_density_from_the_scale(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    T1 = rng.uniform(300, 2000, 12)
    T2 = rng.uniform(20, 200, 12)
    signals = mrf.simulate(FISP, {"T1": T1, "T2": T2, "PD": rng.uniform(1, 2, 12)})
    scales = [MapScale(key="T1", lower=100, upper=4000, logarithmic=True),
              MapScale(key="T2", lower=10, upper=2000, logarithmic=True)]  # fmt: skip
    normalization = Normalization(reference_of(signals), [100, 10], [4000, 2000], [True, True])
    card = ModelCard(
        format="napari-mrf network", name="fc", sequence_name=FISP.name, sequence_kind="fisp",
        sequence_fingerprint=FISP.fingerprint(), n_frames=1000, maps=scales,
        weights_sha256="0" * 64, n_parameters=1, recipe={}, seed=0, software_version="0",
        trained_on="here", training_minutes=0.0, n_epochs=0, is_reduced=True, test_data="none",
        metrics=[Metric(map="T1", sigma=0.01, mean_absolute_error=1.0,
                        mean_relative_error_percent=1.0, r_squared=0.0)],
    )  # fmt: skip
    trained = TrainedNetwork(NETWORKS["fc"].build(1000, 2), normalization)
    save_network(tmp_path / "fisp" / "fc.json", trained, card)
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    series = MRFSeries(signals.T.reshape(1000, 1, 3, 4).copy(), sequence=FISP)
    maps = mrf.methods.get("fc", sequence=FISP, device="cpu").reconstruct(
        series, everywhere(series)
    )
    assert list(maps) == ["PD", "T1", "T2"]
    assert (maps["PD"] > 0).all()
    np.testing.assert_allclose(maps["PD"], np.abs(maps.m0), rtol=1e-5)


def test_weights_of_ones_own_are_a_method_by_the_path_of_their_card(installed, series, tmp_path):
    path = weights.installed()["cohen", T1FF.fingerprint()]
    own = tmp_path / "mine" / "cohen.json"
    own.parent.mkdir()
    for suffix in (".json", ".safetensors"):
        own.with_suffix(suffix).write_bytes(path.with_suffix(suffix).read_bytes())
    by_path = mrf.methods.get(str(own), sequence=T1FF).reconstruct(series)
    by_name = mrf.methods.get("cohen", sequence=T1FF).reconstruct(series)
    for key in by_name:
        np.testing.assert_array_equal(by_path[key], by_name[key])
    assert by_path.provenance["method"] == by_name.provenance["method"]
    with pytest.raises(MRFInputError) as caught:
        mrf.methods.get(str(own), sequence=FISP)
    assert caught.value.code == "wrong-sequence"
    data = path.with_suffix(".safetensors").read_bytes()
    own.with_suffix(".safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    missing = str(tmp_path / "no.json")
    for name, code in ((str(own), "sha256-mismatch"), (missing, "missing-weights")):
        with pytest.raises(MRFInputError) as caught:
            mrf.methods.get(name, sequence=T1FF).reconstruct(series)
        assert caught.value.code == code
