"""The nouns: parameters, errors, series, maps."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.data.parameters import PARAMETERS, ValidityRule, validity_rules

UNITS = {
    "FF": "", "T1H2O": "ms", "T1fat": "ms", "Df": "Hz", "B1": "", "PD": "a.u.", "T1": "ms",
    "T2": "ms",
}  # fmt: skip


def test_registry_holds_every_parameter_with_its_unit():
    assert {key: p.unit for key, p in PARAMETERS.items()} == UNITS
    for parameter in PARAMETERS.values():
        low, high = parameter.display_limits
        assert low < high <= parameter.valid_range[1]


def test_relaxometry_colormaps_are_those_recommended_for_t1_and_t2():
    assert PARAMETERS["T1"].colormap == PARAMETERS["T1H2O"].colormap == "lipari"
    assert PARAMETERS["T2"].colormap == "navia"


def test_validity_rule_takes_t1_of_water_below_and_of_fat_above_its_threshold():
    fraction = np.array([0.0, 0.3, 0.5, 0.7, 1.0, np.nan])
    rules = validity_rules()
    assert rules["T1H2O"].mask(fraction).tolist() == [True, True, True, False, False, False]
    assert rules["T1fat"].mask(fraction).tolist() == [False, False, True, True, True, False]


def test_validity_threshold_is_changed_and_described():
    rules = validity_rules({"T1H2O": 0.6})
    assert rules["T1H2O"].describe() == "FF < 0.6"
    assert rules["T1fat"].describe() == "FF > 0.3"
    assert ValidityRule().describe() == "everywhere"
    with pytest.raises(ValueError, match="0-1"):
        validity_rules({"T1H2O": 60})
    with pytest.raises(KeyError, match="no validity rule"):
        validity_rules({"B1": 0.5})


def test_input_error_says_cause_and_cure_in_one_line_and_survives_a_process_border():
    error = mrf.MRFInputError(
        "frames-mismatch", "the series is too long", path="a b.nii", expected=175, found=1400,
        hint="Average\nthem.",
    )  # fmt: skip
    line = "a b.nii: the series is too long (expected 175, found 1400). Average them."
    assert str(error) == line
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert copy.as_dict() == error.as_dict()
    assert copy.as_dict()["code"] == "frames-mismatch"


def test_import_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys, time; start = time.perf_counter(); import napari_mrf;"
        "print(time.perf_counter() - start);"
        "print(sorted({'torch', 'napari', 'matplotlib', 'pandas', 'numba', 'scipy', 'dask'}"
        " & set(sys.modules)))"
    )
    seconds = []
    for _ in range(3):
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert output[1] == "[]"
        seconds.append(float(output[0]))
    assert min(seconds) < 0.3


def test_lists_load_no_library():
    code = (
        "import sys;"
        "from napari_mrf.io.formats.registry import FORMATS;"
        "from napari_mrf.networks.zoo import NETWORKS;"
        "from napari_mrf.reproduction.experiments import EXPERIMENTS;"
        "print(sorted({'torch', 'matplotlib', 'scipy', 'h5py', 'nibabel'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names_are_all_there():
    for name in mrf.__all__:
        assert getattr(mrf, name) is not None
    assert set(mrf.__all__) <= set(dir(mrf))
    with pytest.raises(AttributeError):
        mrf.nothing  # noqa: B018


def series(shape=(175, 2, 3, 4), **fields):
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return mrf.MRFSeries(signal.astype(np.complex64), **fields)


def test_series_knows_its_geometry():
    affine = np.diag([1.5, 2.0, 8.0, 1.0])
    found = series(affine=affine)
    assert found.spatial_shape == (2, 3, 4)
    assert found.voxel_sizes_mm == (8.0, 2.0, 1.5)
    assert series().voxel_sizes_mm is None
    np.testing.assert_array_equal(found.fingerprint(1, 2, 3), found.slab(1)[:, 2, 3])


@pytest.mark.parametrize(
    ("frames", "hint"),
    [
        (1400, "Average 8 spokes"),
        (350, "real and imaginary"),
        (9, "SVD"),
        (174, "sidecar"),
        (176, "Pick"),
    ],
)
def test_series_of_wrong_length_is_refused_with_both_lengths_and_the_cause(frames, hint):
    with pytest.raises(mrf.MRFInputError, match=hint) as caught:
        series((frames, 1, 1, 1), sequence=mrf.sequences.t1ff())
    assert caught.value.code == "frames-mismatch"
    assert "175" in str(caught.value)
    assert str(frames) in str(caught.value)


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        (np.zeros((175, 1, 1, 1), np.float32), "not-complex"),
        (np.zeros((175, 1, 1), np.complex64), "bad-shape"),
        (np.zeros((175, 0, 1, 1), np.complex64), "bad-shape"),
    ],
)
def test_series_refuses_what_is_no_complex_movie(signal, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.MRFSeries(signal)
    assert caught.value.code == code


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.eye(3)])
def test_series_refuses_a_useless_affine(affine):
    with pytest.raises(mrf.MRFInputError) as caught:
        series(affine=affine)
    assert caught.value.code == "bad-affine"


def test_mask_on_another_grid_is_refused():
    with pytest.raises(mrf.MRFInputError) as caught:
        series(mask=np.ones((2, 4, 3), bool))
    assert caught.value.code == "bad-mask"


def test_maps_are_a_dict_of_float32_on_one_grid():
    maps = mrf.ParameterMaps({"FF": np.zeros((1, 2, 3))}, quality=np.ones((1, 2, 3)))
    assert maps["FF"].dtype == np.float32
    assert list(maps) == ["FF"]
    assert maps.spatial_shape == (1, 2, 3)
    with pytest.raises(mrf.MRFInputError, match="wrong shape"):
        maps["B1"] = np.zeros((1, 3, 2))
    with pytest.raises(mrf.MRFInputError, match="not a parameter"):
        maps["XY"] = np.zeros((1, 2, 3))
    with pytest.raises(mrf.MRFInputError):
        mrf.ParameterMaps({"FF": np.zeros((1, 2, 3))}, flags=np.zeros((1, 1, 1)))
