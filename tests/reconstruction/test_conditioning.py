"""What is done to series and atoms alike changes the noise, not the answer."""

import dask.array as da
import numpy as np
import pytest
from matching_cases import measured, random_tissue, small_grid
from properties import check_chunks_and_threads, divided, named

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.data.frames import parse_frames
from napari_mrf.reconstruction.conditioning import Conditioning

EVERYWHERE = np.ones((1, 4, 6), bool)


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def on_grid(sequence):
    """Tissue on grid points, and its series without noise."""
    rng = np.random.default_rng(0)
    tissue = {key: rng.choice(axis, 24) for key, axis in small_grid().axes.items()}
    tissue["FF"] = rng.uniform(0.2, 0.8, 24)
    return tissue, measured(sequence, tissue, np.inf, rng).T.reshape(175, 1, 4, 6)


def test_ranges_of_frames_are_read():
    assert parse_frames("0-3, 7,9 - 10") == (0, 1, 2, 3, 7, 9, 10)
    assert Conditioning("all").frames is None
    for text in ("", "a", "3-1", "1-", "-4", "1;2"):
        with pytest.raises(mrf.MRFInputError) as caught:
            parse_frames(text)
        assert caught.value.code == "bad-frames"


@pytest.mark.parametrize(
    "options",
    [
        {"frames": "5-3"},
        {"frames": [3, 3]},
        {"frames": []},
        {"frames": "0-175"},
        {"window": 0},
        {"window": 2.5},
        {"smooth": -1},
        {"smooth": 50},
    ],
)
def test_impossible_conditioning_is_refused(sequence, options):
    with pytest.raises(mrf.MRFInputError):
        methods.get("water-fat", sequence=sequence, **options)


def test_window_averages_only_inside_frames_of_one_echo_time(sequence):
    matrix = Conditioning(window=25).averaging(sequence)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    echo_times = sequence.per_frame(sequence.echo_times_ms)[:, 0]
    mixed = (matrix > 0) & (echo_times[:, None] != echo_times)
    assert not mixed.any()
    assert np.count_nonzero(matrix[50]) == 25
    assert np.count_nonzero(matrix[99]) == 13  # the last frame of its echo time
    assert Conditioning().averaging(sequence) is None


@pytest.mark.parametrize("name", ["water-fat", "exhaustive"])
@pytest.mark.parametrize(
    "options", [{"window": 25}, {"frames": "0-149"}, {"frames": "10-99,120-174", "window": 9}]
)
def test_answer_without_noise_stays_the_same(
    sequence, on_grid, name, options, tmp_path, monkeypatch
):
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.grid import ParameterGrid

    tissue, signal = on_grid
    grid = small_grid()
    if name == "exhaustive":
        axes = {"FF": np.linspace(0.2, 0.8, 7), **grid.axes}
        extra = {"dictionary": Dictionary.build(sequence, ParameterGrid(axes))}
        tissue = tissue | {"FF": np.round(tissue["FF"], 1)}
        signal = mrf.simulate(sequence, tissue).T.reshape(175, 1, 4, 6)
    else:
        extra = {"grid": grid}
    method = methods.get(name, sequence=sequence, device="cpu", refine=False, **extra, **options)
    maps = method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    np.testing.assert_allclose(maps["FF"].reshape(-1), tissue["FF"], atol=1e-3)
    np.testing.assert_allclose(maps["T1H2O"].reshape(-1), tissue["T1H2O"])
    np.testing.assert_allclose(maps["B1"].reshape(-1), tissue["B1"], rtol=1e-6)
    assert maps.provenance["conditioning"]


def test_window_also_holds_for_refined_values(sequence):
    rng = np.random.default_rng(1)
    tissue = random_tissue(24, rng) | {"FF": rng.uniform(0.1, 0.5, 24)}
    series = mrf.MRFSeries(measured(sequence, tissue, np.inf, rng).T.reshape(175, 1, 4, 6))
    options = {"refine": True, "prior": "off", "window": 25}
    maps = methods.get("water-fat", sequence=sequence, **options).reconstruct(series, EVERYWHERE)
    np.testing.assert_allclose(maps["T1H2O"].reshape(-1), tissue["T1H2O"], atol=5)
    np.testing.assert_allclose(maps["FF"].reshape(-1), tissue["FF"], atol=1e-3)


def test_truncated_scan_is_matched_with_the_frames_it_has(sequence, on_grid):
    tissue, signal = on_grid
    short = mrf.MRFSeries(signal[:150])
    method = methods.get(
        "water-fat", sequence=sequence, frames="0-149", grid=small_grid(), refine=False
    )
    maps = method.reconstruct(short, EVERYWHERE)
    np.testing.assert_allclose(maps["T1fat"].reshape(-1), tissue["T1fat"])
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(mrf.MRFSeries(signal[:140]), EVERYWHERE)
    assert caught.value.code == "frames-mismatch"


def test_smoothing_keeps_not_finite_voxels_to_themselves_and_air_empty():
    slab = np.ones((3, 6, 6), np.complex64)
    slab[1, 2, 2] = np.nan
    slab[:, 5, 5] = 0
    smooth = Conditioning(smooth=0.5).on_frames(slab, ~np.any(slab, axis=0))
    assert np.isnan(smooth[1, 2, 2])
    assert np.isfinite(np.delete(smooth.reshape(3, -1), 14, axis=1)).all()
    np.testing.assert_allclose(smooth[0, 1:4, 1:4], 1, atol=1e-6)
    assert np.all(smooth[:, 5, 5] == 0)


def test_smoothing_reduces_noise_by_what_a_gaussian_does():
    rng = np.random.default_rng(2)
    noise = (rng.standard_normal((4, 64, 64)) + 1j * rng.standard_normal((4, 64, 64))).astype("c8")
    nowhere = np.zeros((64, 64), bool)
    smooth = Conditioning(smooth=1.0).on_frames(noise, nowhere)[:, 8:-8, 8:-8]
    # A Gaussian of 1 voxel averages over 4 pi sigma^2 voxels.
    assert smooth.real.std() == pytest.approx((4 * np.pi) ** -0.5, rel=0.05)


@pytest.mark.parametrize("snr_db", [20, 40])
def test_reversed_phase_sign_is_noticed_and_cured_by_the_option(sequence, snr_db):
    rng = np.random.default_rng(3)
    tissue = random_tissue(24, rng)
    signal = measured(sequence, tissue, snr_db, rng).T.reshape(175, 1, 4, 6)
    right = methods.get("water-fat", sequence=sequence)
    good = right.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    assert not any("sign" in text for text in map(str, good.warnings))
    bad = right.reconstruct(mrf.MRFSeries(signal.conj()), EVERYWHERE)
    assert any("opposite phase sign" in text for text in map(str, bad.warnings))
    cured = methods.get("water-fat", sequence=sequence, conjugate=True).reconstruct(
        mrf.MRFSeries(signal.conj()), EVERYWHERE
    )
    for key, values in good.items():
        np.testing.assert_array_equal(cured[key], values)
    assert cured.provenance["conditioning"] == {"conjugate": True}


def test_window_result_does_not_depend_on_chunks(sequence):
    rng = np.random.default_rng(4)
    signal = measured(sequence, random_tissue(24, rng), 10, rng).T.reshape(175, 1, 4, 6)
    method = methods.get("water-fat", sequence=sequence, window=15)

    def run(chunk, threads):
        given = signal if chunk is None else da.from_array(signal, chunks=(175, 1, 4, 6))
        with divided(method, chunk, threads):
            return named(method.reconstruct(mrf.MRFSeries(given), EVERYWHERE))

    check_chunks_and_threads(run, [(5, 1)])


def test_averaged_frames_count_for_less():
    sequence = mrf.sequences.t1ff()
    assert Conditioning().independent_share(sequence) == 1
    share = Conditioning(window=25).independent_share(sequence)
    # A box of 25 leaves about 1 / 25 of the numbers independent, times 3/2 for its triangle.
    assert share == pytest.approx(1.5 / 25, rel=0.35)


def test_sign_check_stays_silent_where_there_is_no_signal(sequence):
    maps = methods.get("water-fat", sequence=sequence).reconstruct(
        mrf.MRFSeries(np.zeros((175, 1, 4, 6), np.complex64)), EVERYWHERE
    )
    assert maps.warnings == ()
    assert maps.provenance["counts"]["no_signal"] == 24
