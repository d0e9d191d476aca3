"""FISP with B1 among its maps: physics, bound, matchers, refinement, phantom, commands."""

import json

import numpy as np
import pytest
from matching_cases import measured
from numba import njit
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

import napari_mrf as mrf
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.cli.application import app
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher, default_grid
from napari_mrf.matching.refinement.levenberg_marquardt_kernel import linearize
from napari_mrf.matching.refinement.prior import range_prior
from napari_mrf.matching.refinement.relaxation import RelaxationB1Refinement
from napari_mrf.matching.tables.relaxation import RELAXATION_AND_B1, RelaxationTable
from napari_mrf.phantoms import acquire, brain
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.simulation import bloch
from napari_mrf.training.data.phantom_subjects import random_subject

KEYS = ("PD", "T1", "T2", "B1")


def short(kind="fisp-b1", n_pulses=200):
    whole = mrf.sequences.fisp()
    return mrf.Sequence(
        name="one lobe", kind=kind, flip_angles_deg=whole.flip_angles_deg[:n_pulses],
        repetition_times_ms=whole.repetition_times_ms[:n_pulses], echo_times_ms=1.908,
        inversion_time_ms=20.64,
    )  # fmt: skip


def two_lobes():
    return short(n_pulses=400)


def tissues(n, rng):
    """White matter to vessels."""
    return {
        "T1": rng.uniform(500, 2000, n), "T2": rng.uniform(30, 200, n),
        "B1": rng.uniform(0.75, 1.25, n),
    }  # fmt: skip


@pytest.fixture(scope="module")
def dictionary():
    """Finer than the default around the tissue."""
    grid = ParameterGrid(
        {"T1": np.geomspace(400, 2500, 16).round(), "T2": np.geomspace(20, 260, 16).round(1),
         "B1": np.linspace(0.6, 1.4, 17).round(2)}
    )  # fmt: skip
    return Dictionary.build(two_lobes(), grid)


@pytest.fixture(scope="module")
def matcher(dictionary):
    made = ExhaustiveMatcher(
        dictionary.sequence, device="cpu", dictionary=dictionary, refine=True, prior="range"
    )
    made.prepare()
    return made


@pytest.mark.parametrize("b1", [0.6, 0.8, 1.2, 1.4])
@pytest.mark.parametrize("tissue", [(800.0, 70.0), (1450.0, 105.0), (4000.0, 1500.0)])
def test_signal_is_that_of_the_bloch_equations(b1, tissue):
    sequence = short()
    expected = bloch.fisp_fingerprint(sequence, T1=tissue[0], T2=tissue[1], B1=b1)
    found = mrf.simulate(sequence, {"T1": tissue[0], "T2": tissue[1], "B1": b1}, dtype="complex128")
    np.testing.assert_allclose(found[0], expected, atol=1e-12)


def test_without_an_error_of_the_flip_angle_it_is_fisp():
    tissue = {"T1": [800.0, 1400.0], "T2": [70.0, 110.0]}
    expected = mrf.simulate(mrf.sequences.fisp(), tissue)
    sequence = mrf.sequences.fisp_b1()
    np.testing.assert_array_equal(mrf.simulate(sequence, tissue), expected)
    np.testing.assert_array_equal(mrf.simulate(sequence, tissue | {"B1": 1.0}), expected)
    assert sequence.parameters == KEYS
    assert sequence != mrf.sequences.fisp()
    assert mrf.sequences.load("fisp-b1") == sequence
    assert mrf.Sequence.from_json(sequence.to_json()) == sequence


def test_bound_is_the_inverse_of_the_information_written_out():
    sequence, tissue = short(), {"T1": 900.0, "T2": 80.0, "B1": 0.85}

    def signal(**changed):
        return bloch.fisp_fingerprint(sequence, **(tissue | changed))

    rows = []
    for key, value in tissue.items():
        step = 1e-4 * value
        up, down = signal(**{key: value + step}), signal(**{key: value - step})
        rows.append((up - down) / (2 * step))
    jacobian = np.array([*rows, signal(), 1j * signal()])
    information = (jacobian.conj() @ jacobian.T).real / 1e-3**2
    expected = np.sqrt(np.diag(np.linalg.inv(information)))
    found = mrf.crlb(sequence, tissue, 1e-3)
    assert set(found) == set(KEYS)
    for number, key in enumerate(("T1", "T2", "B1", "PD")):
        assert found[key][0] == pytest.approx(expected[number], rel=1e-4), key
    # What has to be found as well can only make the others worse.
    known = mrf.crlb(short("fisp"), tissue, 1e-3)
    assert all(found[key][0] > known[key][0] for key in ("T1", "T2"))


def test_default_grid_holds_the_range_of_b1_and_can_be_made_at_once():
    grid = default_grid(mrf.sequences.fisp_b1())
    ranges = SIGNAL_KINDS["fisp-b1"].ranges
    for key, (low, high) in ranges.items():
        assert (grid[key][0], grid[key][-1]) == (low, high)
    assert len(grid.points()["B1"]) < 20_000


@njit
def derivatives(theta, z, model, jacobian):
    return linearize(theta, z, model, jacobian, np.empty((6, z.size)), np.empty((6, 4)))


@pytest.mark.parametrize("tissue", [(800.0, 70.0, 0.8), (1500.0, 110.0, 1.3)])
def test_derivatives_of_the_table_are_those_of_the_bloch_equations(tissue):
    sequence = short()
    tables = RelaxationB1Refinement(sequence, Conditioning())._tables
    jacobian, m0 = np.zeros((6, tables.basis.shape[1]), np.complex128), 0.6 - 0.8j
    nothing = np.zeros(tables.basis.shape[1], np.complex128)
    derivatives(np.array([*tissue, m0.real, m0.imag]), nothing, tables.model, jacobian)
    rows = tables.phase * jacobian @ tables.basis.T

    def signal(values):
        return bloch.fisp_fingerprint(sequence, **dict(zip(("T1", "T2", "B1"), values)))  # noqa: B905

    for number, value in enumerate(tissue):
        up, down = np.array(tissue), np.array(tissue)
        up[number], down[number] = value * 1.0005, value * 0.9995
        expected = m0 * (signal(up) - signal(down)) / (0.001 * value)
        error = np.linalg.norm(rows[number] - expected) / np.linalg.norm(expected)
        assert error < 2e-3, number
    here = signal(tissue)
    for row, expected in zip(rows[3:], (here, 1j * here, -m0 * here), strict=True):
        assert np.linalg.norm(row - expected) < 1e-4 * np.linalg.norm(expected)


def test_table_of_1000_pulses_is_as_accurate_as_it_says():
    sequence, rng = mrf.sequences.fisp_b1(), np.random.default_rng(2)
    table = RelaxationTable.build(sequence, axes=RELAXATION_AND_B1)
    t1_ms = np.exp(rng.uniform(np.log(100), np.log(5000), 200))
    t2_ms = np.minimum(np.exp(rng.uniform(np.log(5), np.log(2500), 200)), t1_ms)
    b1 = rng.uniform(0.55, 1.45, 200)
    exact = mrf.simulate(sequence, {"T1": t1_ms, "T2": t2_ms, "B1": b1}, dtype="complex128")
    error = np.linalg.norm(table.signals(t1_ms, t2_ms, b1) - exact, axis=1)
    error /= np.linalg.norm(exact, axis=1)
    assert error[t2_ms < 150].max() < 1e-4
    assert error.max() < 1e-2


def test_errors_lie_on_the_bound_and_intervals_cover_what_they_say(matcher):
    rng, sequence = np.random.default_rng(5), two_lobes()
    tissue = tissues(600, rng)
    norms = np.linalg.norm(mrf.simulate(sequence, tissue, dtype="complex128"), axis=1)
    tissue |= {"PD": 1 / norms}
    signals = mrf.simulate(sequence, tissue, dtype="complex128")
    sigma = 0.002
    noise = sigma * rng.standard_normal((2, *signals.shape))
    phases = np.exp(2j * np.pi * rng.random((len(signals), 1)))
    signals = ((signals + noise[0] + 1j * noise[1]) * phases).astype(np.complex64)
    result = matcher.improve(signals, matcher.match(signals))
    bound = mrf.crlb(sequence, tissue, sigma, prior_deviation=range_prior("fisp-b1").deviation)
    for key in KEYS:
        error = np.abs(result.parameters[key] - tissue[key])
        assert error.mean() <= 1.07 * np.sqrt(2 / np.pi) * bound[key].mean(), key
        assert np.mean(error < 1.96 * result.uncertainty[key]) == pytest.approx(0.95, abs=0.03), key


@pytest.mark.parametrize("name", ["exhaustive", "compressed", "group"])
def test_every_matcher_finds_atoms_and_refines_them(
    dictionary, matcher, name, tmp_path, monkeypatch
):
    monkeypatch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: tmp_path)
    sequence, rng = dictionary.sequence, np.random.default_rng(7)
    plain = mrf.methods.get(name, sequence=sequence, device="cpu", dictionary=dictionary,
                            refine=False)  # fmt: skip
    plain.prepare()
    few = rng.choice(len(dictionary), 50, replace=False)
    found = plain.match(dictionary.atoms[few] * np.complex64(0.3 - 2j)).parameters
    for key in ("T1", "T2", "B1"):
        np.testing.assert_array_equal(found[key], dictionary.parameters[key][few].astype("f4"))
    truth = tissues(60, rng)
    signals = measured(sequence, truth, np.inf, rng)
    refining = mrf.methods.get(name, sequence=sequence, device="cpu", dictionary=dictionary,
                               refine=True, prior="off")  # fmt: skip
    refining.prepare()
    result = refining.improve(signals, refining.match(signals)).parameters
    for key in ("T1", "T2", "B1"):
        np.testing.assert_allclose(result[key], truth[key], rtol=2e-3)


def test_brain_has_a_smooth_field_and_is_the_same_person_with_and_without():
    person, without = (brain((2, 64, 64), seed=4, b1=b1) for b1 in (True, False))
    assert set(without.maps) == {"PD", "T1", "T2"}
    for key, values in without.maps.items():
        np.testing.assert_array_equal(person.maps[key], values)
    field, inside = person.maps["B1"], person.foreground
    assert np.all(np.isfinite(field) == inside)
    assert field[inside].min() >= 0.6
    assert field[inside].max() <= 1.4
    assert np.ptp(field[inside]) > 0.15
    for image, seen in zip(field, inside, strict=True):
        filled = np.where(seen, image, image[seen].mean())
        deep = gaussian_filter(seen.astype(float), 3) > 0.999
        assert np.abs(gaussian_filter(filled, 1)[deep] - image[deep]).max() < 0.01
    assert not np.array_equal(field[0][inside[0] & inside[1]], field[1][inside[0] & inside[1]])
    head = random_subject("fisp-b1", np.random.default_rng(0), 64)
    assert set(head.maps) == set(KEYS)


def test_a_head_is_reconstructed_and_its_maps_predict_what_was_measured(matcher, tmp_path):
    sequence = two_lobes()
    person = brain((1, 48, 48), seed=2, b1=True)
    series = acquire(person, sequence, mode="noise-only", snr_db=40, seed=1)
    series = mrf.MRFSeries(series.signal, series.affine, sequence)
    maps = matcher.reconstruct(series, person.foreground)
    tissue = person.foreground & (person.maps["T2"] > 30) & (person.maps["T2"] < 200)
    assert np.median(np.abs(maps["B1"] - person.maps["B1"])[tissue]) < 0.01
    assert np.median(np.abs(maps["T2"] / person.maps["T2"] - 1)[tissue]) < 0.02
    mrf.save_maps(maps, tmp_path)
    assert set(mrf.load_maps(tmp_path)) == set(KEYS)
    z, y, x = np.argwhere(tissue)[0]
    measured_there = series.signal[:, z, y, x]
    predicted = Predictor.of("own", maps, series).at((z, y, x), measured_there)
    assert predicted.correlation > 0.999
    assert "assumed" not in predicted.note
    del maps["B1"]
    blind = Predictor.of("without B1", maps, series)
    assert "B1 = 1 is assumed" in blind.note
    assert "Df" not in blind.note


def test_command_line_measures_a_head_and_lists_the_methods(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)))

    asked = ["phantom", "--output", tmp_path / "p", "--sequence", "fisp-b1", "--size", 32]
    result = run(*asked, "--mode", "noise-only")
    assert result.exit_code == 0, result.output
    series = mrf.load_series(tmp_path / "p" / "series.nii")
    assert series.sequence == mrf.sequences.fisp_b1()
    assert run(*asked, "--anatomy", "thigh", "--overwrite").exit_code == 2
    rows = json.loads(run("methods", "--json").output)
    mine = [row["name"] for row in rows if row["maps"] == list(KEYS) and not row["needs"]]
    assert mine == ["compressed", "exhaustive", "group"]
    assert mrf.methods.default_name(series.sequence) == "compressed"
