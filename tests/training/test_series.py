"""Training on measured series and their maps: fingerprints, patches, what is refused."""

import json

import numpy as np
import pytest
import torch
from training_cases import MAPS, finish

from napari_mrf import MRFSeries, ParameterMaps, save_maps, simulate
from napari_mrf.cli import main
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.networks.weights import load_network
from napari_mrf.training.recipe import load_recipe
from napari_mrf.training.run import prepare, run

SHAPE = (2, 18, 22)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])


def truth(seed=0):
    """Maps (Z, Y, X) of every voxel; the first column has fat beyond the range of the recipe."""
    rng = np.random.default_rng(seed)
    maps = {key: rng.uniform(one["lower"], one["upper"], SHAPE) for key, one in MAPS.items()}
    maps["T1fat"][:, :, 0] = 450.0
    return maps


def measured(maps, seed=0):
    """Noisy images (T, Z, Y, X) under a receive phase; the last column is air."""
    rng = np.random.default_rng(seed)
    signals = simulate(sequences.t1ff(), {key: values.reshape(-1) for key, values in maps.items()})
    images = 40.0 * np.exp(0.7j) * signals.T.reshape(-1, *SHAPE)
    images[..., -1] = 0
    noise = rng.standard_normal((*images.shape, 2)) @ np.array([1.0, 1.0j])
    return (images + 0.02 * noise * (images != 0)).astype(np.complex64)


@pytest.fixture
def folder(tmp_path):
    maps = truth()
    save_series(MRFSeries(measured(maps), AFFINE, sequences.t1ff()), tmp_path / "a.nii.gz")
    save_maps(ParameterMaps(maps, affine=AFFINE), tmp_path / "a_maps")
    mask = np.ones(SHAPE, bool)
    mask[:, 0] = False
    np.save(tmp_path / "mask.npy", mask)
    return tmp_path


def write_recipe(folder, network="cohen", data="", name="recipe.toml", subjects=None, epochs=3):
    files = subjects or 'series = "a.nii.gz"\nmaps = "a_maps"\nmask = "mask.npy"'
    lines = [f'network = "{network}"', "[maps]"]
    lines += [f"{key} = {{ lower = {one['lower']}, upper = {one['upper']} }}"
              for key, one in MAPS.items()]  # fmt: skip
    lines += ["[optimisation]", f"epochs = {epochs}", "batch = 16", "[data]", 'kind = "series"',
              data, "[[data.subjects]]", files]  # fmt: skip
    (folder / name).write_text("\n".join(lines))
    return folder / name


def in_units(trained, maps):
    return trained.normalization.values(maps)


def test_fingerprints_are_those_of_the_voxels_that_count(folder):
    _, trained, training, validation = prepare(load_recipe(write_recipe(folder, data="patch = 6")))
    # 18 x 22 voxels: no first row (mask), no first column (range), no last column (air).
    assert len(training) + len(validation) == 2 * 17 * 20
    maps, images = truth(), measured(truth())
    known = {tuple(np.float32([maps[key][at] for key in MAPS])): images[(slice(None), *at)]
             for at in np.ndindex(*SHAPE)}  # fmt: skip
    everything = [data.batch(torch.arange(len(data)), torch.Generator())
                  for data in (training, validation)]  # fmt: skip
    for batch in everything:
        for signal, values in zip(batch.signals, in_units(trained, batch.maps), strict=True):
            nearest = min(known, key=lambda one: abs(np.array(one) - values.numpy()).max())
            np.testing.assert_allclose(values.numpy(), nearest, rtol=1e-5)
            np.testing.assert_array_equal(signal.numpy(), known[nearest])
    seen = [{tuple(row.tolist()) for row in batch.maps} for batch in everything]
    assert not seen[0] & seen[1]  # what is held out is not learned from
    assert 0.05 < len(validation) / len(training) < 0.25


def test_patches_have_the_rim_that_the_network_takes_off(folder):
    path = write_recipe(folder, "balsiger2018", data="patch = 8\nvalidation_share = 0.3")
    _, trained, training, validation = prepare(load_recipe(path))
    # Three by three patches of 8 cover 18 x 22, in two slices.
    assert len(training) + len(validation) == 18
    assert len(validation) == 5
    batch = training.batch(torch.arange(len(training)), torch.Generator())
    assert batch.signals.shape == (13, 175, 12, 12)  # the margin is 2
    assert batch.maps.shape == (13, 3, 8, 8)
    assert batch.counted.shape == (13, 8, 8)
    images, wide = measured(truth()), np.zeros((175, 2, 28, 28), np.complex64)
    wide[:, :, 2:20, 2:24] = images
    corners = {(z, y, x): wide[:, z, y : y + 12, x : x + 12]
               for z in range(2) for y in (0, 8, 16) for x in (0, 8, 16)}  # fmt: skip
    maps = truth()
    for signals, values, counted in zip(
        batch.signals.numpy(), in_units(trained, batch.maps).numpy(), batch.counted.numpy(),
        strict=True,
    ):  # fmt: skip
        (place,) = [at for at, one in corners.items() if np.array_equal(one, signals)]
        z, y, x = place
        for row, column in np.argwhere(counted):
            at = (z, y + row, x + column)
            assert 0 < at[1] < 18
            assert 0 < at[2] < 21
            np.testing.assert_allclose(
                values[:, row, column], [maps[key][at] for key in MAPS], rtol=1e-4
            )


@pytest.mark.parametrize("network", ["cohen", "balsiger2018"])
def test_networks_learn_from_a_series(folder, network):
    path = write_recipe(folder, network, data="patch = 6", epochs=12 if network == "cohen" else 5)
    card = finish(run(load_recipe(path), folder / "out"))
    rows = (folder / "out" / f"{network}.metrics.csv").read_text().splitlines()
    losses = [float(row.split(",")[1]) for row in rows[1:]]
    assert losses[-1] < 0.7 * losses[0]
    assert card.test_data.startswith("validation data of the recipe")
    assert {one.sigma for one in card.metrics} == {0.0}
    assert card.recipe["data"]["subjects"][0]["series"] == "a.nii.gz"
    assert load_network(folder / "out" / f"{network}.json")


def test_other_subjects_judge(folder):
    other = truth(seed=5)
    save_series(MRFSeries(measured(other, 1), AFFINE, sequences.t1ff()), folder / "b.nii.gz")
    save_maps(ParameterMaps(other, affine=AFFINE), folder / "b_maps")
    path = write_recipe(folder)
    text = path.read_text()
    path.write_text(text + '\n[[data.validation_subjects]]\nseries = "b.nii.gz"\nmaps = "b_maps"\n')
    _, trained, training, validation = prepare(load_recipe(path))
    assert len(training) == 2 * 17 * 20
    assert len(validation) == 2 * 18 * 20  # no mask
    batch = validation.batch(torch.arange(len(validation)), torch.Generator())
    fat = np.sort(in_units(trained, batch.maps)[:, 0].numpy())
    np.testing.assert_allclose(fat, np.sort(other["FF"][:, :, 1:-1].reshape(-1)), atol=1e-5)


def refusal(path, folder, capsys):
    code = main(["train", str(path), "--output", str(folder / "out"), "--json-errors"])
    error = json.loads(capsys.readouterr().err.strip().splitlines()[-1])["error"]
    assert code == 3
    return error


def test_what_does_not_fit_is_told_in_one_sentence(folder, capsys):
    maps = truth()
    short = measured(maps)[:100]
    save_series(MRFSeries(short, AFFINE), folder / "short.nii.gz")
    moved = AFFINE.copy()
    moved[0, 3] = 30.0
    save_maps(ParameterMaps(maps, affine=moved), folder / "moved")
    save_maps(ParameterMaps({key: maps[key][:, :9] for key in maps}), folder / "half")
    save_maps(ParameterMaps({"FF": maps["FF"]}, affine=AFFINE), folder / "only_ff")
    far = {key: np.full(SHAPE, 1e4 if key != "FF" else 0.5) for key in maps}
    save_maps(ParameterMaps(far, affine=AFFINE), folder / "far")
    cases = [
        ('series = "none.nii.gz"\nmaps = "a_maps"', "missing-file", "none.nii.gz"),
        ('series = "a.nii.gz"\nmaps = "nowhere"', "missing-folder", "nowhere"),
        ('series = "short.nii.gz"\nmaps = "a_maps"', "frames-mismatch", "175 frames"),
        ('series = "a.nii.gz"\nmaps = "moved"', "other-grid", "grid"),
        ('series = "a.nii.gz"\nmaps = "half"', "other-grid", "another shape"),
        ('series = "a.nii.gz"\nmaps = "only_ff"', "no-maps", "T1H2O"),
        ('series = "a.nii.gz"\nmaps = "far"', "bad-recipe", "no voxel"),
        ('series = "a.nii.gz"\nmaps = "a_maps"\nmask = "none.npy"', "missing-file", "none.npy"),
        ('series = "a.nii.gz"', "bad-recipe", "maps"),
    ]
    for files, code, words in cases:
        error = refusal(write_recipe(folder, subjects=files), folder, capsys)
        assert error["code"] == code, files
        assert words in json.dumps(error), files
    error = refusal(write_recipe(folder, "fang", data="patch = 12"), folder, capsys)
    assert error["expected"] == "a multiple of 8 voxels" and error["found"] == "12"


def test_series_of_one_patch_cannot_be_held_out(folder, capsys):
    mask = np.zeros(SHAPE, bool)
    mask[0, 5:9, 5:9] = True
    np.save(folder / "mask.npy", mask)
    error = refusal(write_recipe(folder), folder, capsys)
    assert error["code"] == "bad-recipe"
    assert "too few patches" in error["what"]
    assert "validation_subjects" in error["hint"]


def test_air_that_is_not_finite_is_no_signal(folder):
    images = measured(truth())
    images[..., -1] = np.nan
    save_series(MRFSeries(images, AFFINE, sequences.t1ff()), folder / "a.nii.gz", overwrite=True)
    path = write_recipe(folder, "balsiger2018", data="patch = 8\nvalidation_share = 0.1")
    training = prepare(load_recipe(path))[2]
    batch = training.batch(torch.arange(len(training)), torch.Generator())
    assert torch.isfinite(torch.view_as_real(batch.signals)).all()
