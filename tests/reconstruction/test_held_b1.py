"""A measured B1 map: held, conditional bounds, missing values, refusals, record, commands."""

import hashlib
import json

import nibabel
import numpy as np
import pytest
import torch
from matching_cases import brute_force, measured, random_tissue, small_grid
from network_cases import install
from typer.testing import CliRunner

import napari_mrf as mrf
from napari_mrf.cli.application import app
from napari_mrf.data.maps import FLAGS
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.io import save_series
from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
from napari_mrf.matching.water_fat.search import CompiledSearch
from napari_mrf.matching.water_fat.search_torch import TorchSearch
from napari_mrf.networks import weights
from napari_mrf.simulation.cramer_rao import free_parameters, jacobian

SHAPE = (2, 8, 10)
EVERYWHERE = np.ones(SHAPE, bool)
N = EVERYWHERE.size
EXPLICIT = ("exhaustive", "compressed", "group")


def two_lobes(kind="fisp-b1"):
    whole = mrf.sequences.fisp()
    return mrf.Sequence(
        name="two lobes", kind=kind, flip_angles_deg=whole.flip_angles_deg[:400],
        repetition_times_ms=whole.repetition_times_ms[:400], echo_times_ms=1.908,
        inversion_time_ms=20.64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dictionary():
    grid = ParameterGrid(
        {"T1": np.geomspace(400, 2500, 16).round(), "T2": np.geomspace(20, 260, 16).round(1),
         "B1": np.linspace(0.6, 1.4, 17).round(2)}
    )  # fmt: skip
    return Dictionary.build(two_lobes(), grid)


@pytest.fixture(scope="module")
def tissue():
    rng = np.random.default_rng(0)
    return {"T1": rng.uniform(500, 2000, N), "T2": rng.uniform(30, 200, N),
            "B1": rng.uniform(0.8, 1.2, N).astype(np.float32).astype(float)}  # fmt: skip


@pytest.fixture(scope="module")
def thigh():
    rng = np.random.default_rng(1)
    tissue = random_tissue(N, rng) | {"FF": rng.uniform(0.1, 0.9, N)}
    return tissue | {"B1": tissue["B1"].astype(np.float32).astype(float)}


def series_of(signals, sequence, affine=None):
    return mrf.MRFSeries(signals.T.reshape(-1, *SHAPE), affine, sequence)


def noisy(sequence, tissue, sigma, seed=0):
    """Fingerprints of norm 1 with noise, and the tissue with the PD that makes them so."""
    clean = mrf.simulate(sequence, tissue, dtype="complex128")
    norms = np.linalg.norm(clean, axis=1)
    noise = np.random.default_rng(seed).standard_normal((2, *clean.shape))
    signals = clean / norms[:, None] + sigma * (noise[0] + 1j * noise[1])
    return signals.astype(np.complex64), tissue | {"PD": 1 / norms}


def map_of(tissue):
    return tissue["B1"].reshape(SHAPE).astype(np.float32)


def explicit(name, dictionary, **options):
    return mrf.methods.get(name, sequence=dictionary.sequence, device="cpu", dictionary=dictionary,
                           **options)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: tmp_path)


@pytest.mark.parametrize("name", EXPLICIT)
def test_relaxation_is_found_exactly_at_the_given_b1_without_noise(name, dictionary, tissue):
    signals = measured(dictionary.sequence, tissue, np.inf, np.random.default_rng(2))
    given = map_of(tissue)
    maps = explicit(name, dictionary, prior="off").reconstruct(
        series_of(signals, dictionary.sequence), EVERYWHERE, given
    )
    np.testing.assert_array_equal(maps["B1"], given)
    assert np.isnan(maps.uncertainty["B1"]).all()
    for key in ("T1", "T2"):
        np.testing.assert_allclose(maps[key].reshape(-1), tissue[key], rtol=1e-3)
    assert maps.warnings == ()


def test_water_and_fat_are_found_exactly_at_the_given_b1_without_noise(thigh):
    sequence = mrf.sequences.t1ff()
    signals = measured(sequence, thigh, np.inf, np.random.default_rng(3))
    given = map_of(thigh)
    method = mrf.methods.get("water-fat", sequence=sequence, device="cpu", prior="off")
    maps = method.reconstruct(series_of(signals, sequence), EVERYWHERE, given)
    np.testing.assert_array_equal(maps["B1"], given)
    for key, tolerance in {"FF": 5e-4, "T1H2O": 4, "T1fat": 2, "Df": 0.05}.items():
        np.testing.assert_allclose(maps[key].reshape(-1), thigh[key], atol=tolerance)


def test_relaxation_at_the_given_b1_is_nearer_the_truth_and_on_the_bound_of_a_known_b1(
    dictionary, tissue
):
    sequence, sigma = dictionary.sequence, 1e-3
    signals, tissue = noisy(sequence, tissue, sigma)
    series = series_of(signals, sequence)
    method = explicit("exhaustive", dictionary, prior="off", sigma=sigma)
    fitted = method.reconstruct(series, EVERYWHERE)
    held = method.reconstruct(series, EVERYWHERE, map_of(tissue))
    # The same pulses as a sequence that does not ask for B1, so that it is known.
    bound = mrf.crlb(two_lobes("fisp"), tissue, sigma)
    for key in ("PD", "T1", "T2"):
        errors = [np.abs(maps[key].reshape(-1) - tissue[key]).mean() for maps in (held, fitted)]
        assert errors[0] < errors[1], key
        assert np.all(held.uncertainty[key] < fitted.uncertainty[key]), key
        np.testing.assert_allclose(held.uncertainty[key].reshape(-1), bound[key], rtol=0.05)
        expected = np.sqrt(2 / np.pi) * bound[key].mean()
        assert errors[0] == pytest.approx(expected, rel=0.2), key


def test_deviations_of_water_and_fat_are_the_bound_of_a_known_b1(thigh):
    sequence, sigma = mrf.sequences.t1ff(), 3e-4
    signals, thigh = noisy(sequence, thigh, sigma, seed=4)
    method = mrf.methods.get("water-fat", sequence=sequence, device="cpu", prior="off", sigma=sigma)
    series = series_of(signals, sequence)
    fitted = method.reconstruct(series, EVERYWHERE)
    held = method.reconstruct(series, EVERYWHERE, map_of(thigh))
    keys = free_parameters(sequence)
    rows = np.delete(jacobian(sequence, thigh), keys.index("B1"), axis=1)
    information = (rows.conj() @ rows.swapaxes(1, 2)).real / sigma**2
    bound = np.sqrt(np.diagonal(np.linalg.inv(information), axis1=1, axis2=2))
    for column, key in enumerate(key for key in keys if key != "B1"):
        deviation = held.uncertainty[key].reshape(-1)
        np.testing.assert_allclose(deviation, bound[:, column], rtol=0.1)
        assert np.all(deviation <= fitted.uncertainty[key].reshape(-1) * 1.02), key
        errors = [np.abs(maps[key].reshape(-1) - thigh[key]).mean() for maps in (held, fitted)]
        assert errors[0] < 1.02 * errors[1], key


@pytest.mark.parametrize("name", EXPLICIT)
def test_grid_answer_is_the_best_atom_of_the_nearest_b1(name, dictionary, tissue):
    signals, _ = noisy(dictionary.sequence, tissue, 0.01)
    maps = explicit(name, dictionary, refine=False).reconstruct(
        series_of(signals, dictionary.sequence), EVERYWHERE, map_of(tissue)
    )
    unit = dictionary.atoms / np.linalg.norm(dictionary.atoms, axis=1, keepdims=True)
    power = np.abs(signals.astype(np.complex128) @ unit.conj().T) ** 2
    nearest = np.round(np.round(tissue["B1"] * 20) / 20, 2)
    power[dictionary.parameters["B1"] != nearest[:, None]] = 0
    best = power.argmax(axis=1)
    for key in ("T1", "T2"):
        np.testing.assert_array_equal(
            maps[key].reshape(-1), dictionary.parameters[key][best].astype("f4")
        )
    np.testing.assert_array_equal(maps["B1"], map_of(tissue))


def test_best_pairs_at_a_given_b1_are_those_of_a_grid_of_it_alone(thigh):
    sequence, grid = mrf.sequences.t1ff(), small_grid()
    signals, _ = noisy(sequence, {key: values[:40] for key, values in thigh.items()}, 0.01)
    dictionary = WaterFatDictionary.build(sequence, grid)
    places = np.arange(40) % 4 - 1  # -1: the whole axis
    compiled = CompiledSearch(dictionary).best_pairs(signals, places)
    general = TorchSearch(dictionary, torch.device("cpu"),
                          voxels_at_once=24).best_pairs(signals, places)  # fmt: skip
    np.testing.assert_array_equal(compiled.indices, general.indices)
    fractions = np.linspace(0, 1, 201)
    for place in (0, 1, 2):
        at = places == place
        assert np.all(compiled.indices[at, 3] == place)
        only = ParameterGrid(grid.axes | {"B1": grid["B1"][[place]]})
        best, _ = brute_force(sequence, only, signals[at], fractions)
        # The fraction is solved for: never below the gridded mixtures, and hardly above.
        gain = compiled.correlation[at] ** 2 - best
        assert np.all(gain > -1e-9)
        assert np.all(gain < 1e-4)


@pytest.mark.parametrize("name", [*EXPLICIT, "water-fat"])
def test_chunks_and_threads_do_not_matter(name, dictionary, tissue, thigh):
    if name == "water-fat":
        sequence, truth = mrf.sequences.t1ff(), thigh
        options = {}
    else:
        sequence, truth, options = dictionary.sequence, tissue, {"dictionary": dictionary}
    signals, _ = noisy(sequence, truth, 0.005)
    series, given = series_of(signals, sequence), map_of(truth)
    given[0, 0, :3] = np.nan
    results = []
    for threads, chunk in ((1, 512), (3, 7)):
        method = mrf.methods.get(name, sequence=sequence, device="cpu", threads=threads, **options)
        method.prepare()
        method.chunk_size = chunk
        results.append(method.reconstruct(series, EVERYWHERE, given))
    for key, values in results[0].items():
        np.testing.assert_array_equal(results[1][key], values)
        np.testing.assert_array_equal(results[1].uncertainty[key], results[0].uncertainty[key])
    np.testing.assert_array_equal(results[1].quality, results[0].quality)


def test_voxels_without_value_are_fitted_as_before_and_counted(dictionary, tissue):
    sequence, sigma = dictionary.sequence, 0.005
    signals, _ = noisy(sequence, tissue, sigma)
    series, given = series_of(signals, sequence), map_of(tissue)
    given[0, 0, :4] = 0, -1, np.nan, np.inf
    method = explicit("exhaustive", dictionary, prior="off", sigma=sigma)
    before = method.reconstruct(series, EVERYWHERE)
    maps = method.reconstruct(series, EVERYWHERE, given)
    for key in maps:
        np.testing.assert_array_equal(maps[key][0, 0, :4], before[key][0, 0, :4])
    assert np.isfinite(maps.uncertainty["B1"]).sum() == 4
    (warning,) = map(str, maps.warnings)
    assert f"no value (0, negative or NaN) in 4 of {N} voxels" in warning
    assert maps.provenance["b1"]["voxels"] == {
        "held": N - 4, "without_value": 4, "out_of_range": 0
    }  # fmt: skip
    assert "b1" not in before.provenance


def test_unusual_values_are_held_and_told_and_impossible_ones_fitted(dictionary, tissue):
    signals, _ = noisy(dictionary.sequence, tissue, 0.005)
    given = map_of(tissue)
    given[0, 0, :3] = 0.5, 1.5, 2.0
    maps = explicit("exhaustive", dictionary).reconstruct(
        series_of(signals, dictionary.sequence), EVERYWHERE, given
    )
    np.testing.assert_array_equal(maps["B1"][0, 0, :2], given[0, 0, :2])
    assert maps["B1"][0, 0, 2] < 1.3
    beyond, unusual = map(str, maps.warnings)
    assert f"outside 0.4 to 1.6, what the signal model covers, in 1 of {N}" in beyond
    assert f"outside the usual 0.6 to 1.4 in 2 of {N} voxels" in unusual


def test_given_values_lie_on_no_edge_of_the_grid(thigh):
    sequence = mrf.sequences.t1ff()
    signals, _ = noisy(sequence, thigh | {"B1": np.full(N, 1.1)}, 0.001)
    method = mrf.methods.get("water-fat", sequence=sequence, device="cpu", refine=False)
    maps = method.reconstruct(series_of(signals, sequence), EVERYWHERE, np.full(SHAPE, 1.1))
    assert not np.any(maps.flags & FLAGS["B1-edge"])
    np.testing.assert_array_equal(maps["B1"], np.float32(1.1))


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("compressed", mrf.sequences.fisp()),
        ("spatiotemporal", mrf.sequences.t1ff()),
        ("spatiotemporal", mrf.sequences.fisp()),
    ],
)
def test_methods_that_cannot_hold_b1_refuse_the_map(name, sequence):
    method = mrf.methods.get(name, sequence=sequence, device="cpu")
    series = mrf.MRFSeries(np.ones((sequence.n_frames, 1, 1, 2), np.complex64), sequence=sequence)
    with pytest.raises(mrf.MRFInputError, match="water-fat for MRF T1-FF") as caught:
        method.reconstruct(series, b1=np.ones((1, 1, 2)))
    assert caught.value.code == "no-b1"


def test_dictionary_without_b1_refuses_the_map_and_one_of_water_and_fat_takes_it():
    axes = {"T1": np.array([800.0, 1200]), "T2": np.array([60.0, 90])}
    method = explicit("exhaustive", Dictionary.build(two_lobes(), ParameterGrid(axes)))
    series = mrf.MRFSeries(np.ones((400, 1, 1, 2), np.complex64))
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(series, b1=np.ones((1, 1, 2)))
    assert caught.value.code == "no-b1"
    grid = ParameterGrid({"FF": np.array([0.0, 0.5, 1.0])} | small_grid().axes)
    sequence = mrf.sequences.t1ff()
    truth = {"FF": [0.5, 0.5], "T1H2O": [1000.0, 1300.0], "T1fat": 300.0, "Df": 0.0,
             "B1": [0.55, 0.9]}  # fmt: skip
    signal = mrf.simulate(sequence, truth).T.reshape(175, 1, 1, 2)
    given = np.array([[[0.55, 0.9]]], np.float32)
    maps = explicit("exhaustive", Dictionary.build(sequence, grid), prior="off").reconstruct(
        mrf.MRFSeries(signal), np.ones((1, 1, 2), bool), given
    )
    np.testing.assert_array_equal(maps["B1"], given)
    np.testing.assert_allclose(maps["T1H2O"][0, 0], truth["T1H2O"], rtol=3e-3)


@pytest.mark.parametrize("name", ["cohen", "fang"])
def test_networks_refuse_the_map(name, tmp_path, monkeypatch):
    install(tmp_path, [name])
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    method = mrf.methods.get(name, sequence=mrf.sequences.t1ff(), device="cpu")
    series = mrf.MRFSeries(np.ones((175, 1, 1, 2), np.complex64))
    with pytest.raises(mrf.MRFInputError, match=name) as caught:
        method.reconstruct(series, b1=np.ones((1, 1, 2)))
    assert caught.value.code == "no-b1"


def test_the_table_of_methods_says_who_takes_a_map():
    rows = {row.name: row.takes_b1 for row in mrf.methods.available()}
    assert [name for name, takes in rows.items() if takes] == [
        "water-fat", "exhaustive", "compressed", "group"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("b1", "words"),
    [
        (np.ones((1, 8, 10)), "another grid"),
        (mrf.B1Map.of(np.ones(SHAPE), affine=np.diag([2.0, 1, 1, 1])), "another grid"),
        (np.where(np.arange(10) < 5, 0.0, 1.0) * np.ones(SHAPE), "no usable value"),
        (np.full(SHAPE, 2.0), "no usable value"),
        (np.full(SHAPE, 95.0), "percent"),
    ],
)
def test_maps_that_cannot_be_used_are_refused(dictionary, tissue, b1, words):
    signals, _ = noisy(dictionary.sequence, tissue, 0.005)
    mask = np.zeros(SHAPE, bool)
    mask[..., :5] = True
    with pytest.raises(mrf.MRFInputError, match=words) as caught:
        explicit("exhaustive", dictionary).reconstruct(
            series_of(signals, dictionary.sequence, np.eye(4)), mask, b1
        )
    assert caught.value.code == "bad-b1"


@pytest.fixture(scope="module")
def leg(tmp_path_factory, thigh):
    """A series of MRF T1-FF and its B1 in percent, on a coarser grid too."""
    folder, sequence = tmp_path_factory.mktemp("leg"), mrf.sequences.t1ff()
    affine = np.diag([2.0, 2, 5, 1])
    smooth = np.linspace(0.7, 0.9, 10)[None, None] * np.ones(SHAPE)
    signals = measured(sequence, thigh | {"B1": smooth.reshape(-1)}, np.inf,
                       np.random.default_rng(5))  # fmt: skip
    save_series(series_of(signals, sequence, affine), folder / "leg.nii.gz")
    nibabel.save(nibabel.Nifti1Image(100 * smooth.T, affine), folder / "b1.nii.gz")
    coarse = np.diag([4.0, 4, 5, 1])
    nibabel.save(nibabel.Nifti1Image(smooth[:, ::2, ::2].T, coarse), folder / "coarse.nii.gz")
    np.save(folder / "mask.npy", np.ones(SHAPE, bool))
    return folder


def run(leg, output, *words):
    asked = ["reconstruct", leg / "leg.nii.gz", "--mask", leg / "mask.npy", "-o", output, *words]
    return CliRunner().invoke(app, [str(word) for word in asked])


def test_command_line_holds_b1_and_records_the_file(leg, tmp_path):
    result = run(leg, tmp_path, "--b1", leg / "b1.nii.gz", "--b1-unit", "percent")
    assert result.exit_code == 0, result.output
    maps = mrf.load_maps(tmp_path)
    np.testing.assert_allclose(maps["B1"][0, 0], np.linspace(0.7, 0.9, 10), rtol=1e-6)
    record = json.loads((tmp_path / "maps.json").read_text())["provenance"]["b1"]
    assert record["sha256"] == hashlib.sha256((leg / "b1.nii.gz").read_bytes()).hexdigest()
    assert (record["unit"], record["resampled"]) == ("percent", False)
    assert record["voxels"]["held"] == N


def test_command_line_resamples_only_when_asked(leg, tmp_path):
    refused = run(leg, tmp_path / "a", "--b1", leg / "coarse.nii.gz")
    assert isinstance(refused.exception, mrf.MRFInputError)
    assert "--resample-b1" in str(refused.exception)
    result = run(leg, tmp_path / "b", "--b1", leg / "coarse.nii.gz", "--resample-b1")
    assert result.exit_code == 0, result.output
    maps = mrf.load_maps(tmp_path / "b")
    np.testing.assert_allclose(maps["B1"][0, 0, :9], np.linspace(0.7, 0.9, 10)[:9], rtol=1e-5)
    assert maps.provenance["b1"]["resampled"] is True


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--b1", "b1.nii.gz"], 3),
        (["--b1", "coarse.nii.gz"], 3),
        (["--b1", "nowhere.nii.gz"], 3),
        (["--b1", "coarse.nii.gz", "--resample-b1", "--method", "spatiotemporal"], 3),
        (["--b1", "b1.nii.gz", "--b1-unit", "tesla"], 2),
        (["--b1-unit", "percent"], 2),
        (["--resample-b1"], 2),
    ],
)
def test_exit_codes_of_the_command_line(leg, tmp_path, words, code):
    from napari_mrf import cli

    words = [str(leg / word) if word.endswith(".gz") else word for word in words]
    asked = ["reconstruct", str(leg / "leg.nii.gz"), "-o", str(tmp_path / "out"), *words]
    assert cli.main(asked) == code
    assert not (tmp_path / "out" / "maps.json").exists()


def test_help_names_the_options(capsys):
    from napari_mrf import cli

    assert cli.main(["reconstruct", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--b1", "--b1-unit", "--resample-b1"):
        assert option in text
