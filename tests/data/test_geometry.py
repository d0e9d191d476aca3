"""Whether two grids are one place: one answer, whoever asks."""

import json
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import torch
from importance_cases import OneFrame, small_sequence
from napari.components import ViewerModel

from napari_mrf import MRFInputError, MRFSeries, ParameterMaps, load_maps, load_series, save_maps
from napari_mrf.analysis.comparison.checks import check_subject
from napari_mrf.analysis.comparison.subjects import SubjectMaps
from napari_mrf.analysis.images.error_maps import error_map
from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.analysis.importance.measure import iter_importance
from napari_mrf.analysis.inspection.inputs import load_maps_to_inspect
from napari_mrf.analysis.inspection.inspect import is_from
from napari_mrf.analysis.inspection.prediction import obstacle_of
from napari_mrf.analysis.regions.pairs import roi_pairs
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.geometry import Grid, check_same_grid, grid_difference, same_place
from napari_mrf.data.label import Label
from napari_mrf.io import load_labels, load_mask, save_labels, save_series
from napari_mrf.io.labels.label_maps import LabelMap
from napari_mrf.networks.normalization import Normalization
from napari_mrf.plugin.layers.masks import mask_from_layer, show_mask
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer, adopt_layer
from napari_mrf.plugin.panels.compare.controller import needs_of
from napari_mrf.plugin.panels.inspect.controller import CHOSEN_REGION, InspectRegions
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.training.data.measured_subject import read_subject
from napari_mrf.training.recipe import SubjectFiles

SEQUENCE = small_sequence(5)
SHAPE = (2, 30, 40)
BASE = np.diag([-1.5, 2.0, 8.0, 1.0])
BASE[:3, 3] = 250.0, -31.0, 7.0
TABLE = {1: Label(1, "one", (90, 90, 90))}
ONES = np.ones(SHAPE, np.float32)
MASK = ONES.astype(bool)
SIGNAL = np.ones((5, *SHAPE), np.complex64)


def shifted(by_mm):
    affine = BASE.copy()
    affine[0, 3] += by_mm
    return affine


def turned(by_mm):
    """Turn about the slice normal through the first voxel, until the far corner moved so far."""
    far = np.hypot(1.5 * (SHAPE[2] - 1), 2.0 * (SHAPE[1] - 1))
    angle = 2 * np.arcsin(by_mm / (2 * far))
    affine = BASE.copy()
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]] @ BASE[
        :2, :2
    ]
    return affine


PAIRS = {
    "equal": (BASE, BASE, True),
    "shifted by 0.005 mm": (BASE, shifted(0.005), True),
    "shifted by 0.02 mm": (BASE, shifted(0.02), False),
    "far corner moved by 0.005 mm": (BASE, turned(0.005), True),
    "far corner moved by 0.02 mm": (BASE, turned(0.02), False),
    "first unknown": (None, BASE, True),
    "second unknown": (BASE, None, True),
    "both unknown": (None, None, True),
}


def series_in(affine):
    return MRFSeries(SIGNAL, affine, SEQUENCE)


def maps_in(affine):
    return ParameterMaps({"FF": ONES / 2, "T1H2O": 1000 * ONES}, affine=affine)


def nifti(path, values, affine):
    nibabel.save(nibabel.Nifti1Image(values.T, affine), path)
    return path


def halves_of_a_series(first, second, folder):
    path = nifti(folder / "a_real.nii", SIGNAL.real, first)
    nifti(folder / "a_imag.nii", SIGNAL.imag, second)
    load_series(path)


def labels(first, second, folder):
    save_labels(folder / "rois.nii.gz", MASK.astype(int), first)
    load_labels(folder / "rois.nii.gz", SHAPE, second)


def mask(first, second, folder):
    load_mask(nifti(folder / "mask.nii", ONES, first), series_in(second))


def plain_maps(first, second, folder):
    nifti(folder / "FF.nii", ONES, first)
    nifti(folder / "T1H2O.nii", ONES, second)
    known = next((one for one in (first, second) if one is not None), None)
    found = load_maps(folder).affine
    assert (found is None) == (known is None)


def maps_and_their_record(first, second, folder):
    save_maps(maps_in(first), folder)
    record = json.loads((folder / "maps.json").read_text())
    record["affine"] = None if second is None else second.tolist()
    (folder / "maps.json").write_text(json.dumps(record))
    load_maps(folder)


def grids(first, second, folder):
    one, target = Grid(SHAPE, first), Grid(SHAPE, second)
    check_same_grid(one, target, "the one lies on another grid than the other")
    assert same_place(first, second, SHAPE)
    assert grid_difference(one, target) == ""


def compared(first, second, folder):
    check_subject(SubjectMaps(maps_in(first), maps_in(second), "one"), ("reference", "test"))


def errors(first, second, folder):
    error_map(maps_in(first), maps_in(second), "FF")


def errors_in_numbers(first, second, folder):
    map_errors(maps_in(first), maps_in(second), MASK)


def labels_in(affine):
    return LabelMap(MASK.astype(np.uint16), affine, sha256="")


def errors_in_a_region(first, second, folder):
    found = error_map(maps_in(second), maps_in(second), "FF", region=labels_in(first))
    assert np.isfinite(found).sum() == MASK.sum()


def errors_in_numbers_in_a_region(first, second, folder):
    assert map_errors(maps_in(second), maps_in(second), labels_in(first))[0].n == MASK.sum()


def statistics_of_regions(first, second, folder):
    assert roi_statistics(maps_in(second), labels_in(first))["n"].max() == MASK.sum()


def pairs_of_regions(first, second, folder):
    roi_pairs(maps_in(second), maps_in(second), labels_in(first))


def inspected(first, second, folder):
    save_maps(maps_in(first), folder)
    load_maps_to_inspect([folder], series_in(second))


def predicted(first, second, folder):
    return "another grid" not in obstacle_of(maps_in(first), series_in(second))


def importance(first, second, folder):
    next(iter_importance(OneFrame(SEQUENCE), series_in(second), reference=maps_in(first)))


def trained(first, second, folder):
    save_maps(maps_in(first), folder / "maps")
    save_series(series_in(second), folder / "series.nii.gz")
    read_subject(SubjectFiles(series="series.nii.gz", maps="maps"), folder, ["FF"], SEQUENCE,
                 Normalization(torch.ones(5), [0.0], [1.0]))  # fmt: skip


def mask_layer(first, second, folder):
    mask_from_layer(show_mask(ViewerModel(), MASK, series_in(first), "mask"), series_in(second))


def regions_layer_as_mask(first, second, folder):
    grid = RegionGrid.of_series(series_in(first))
    layer = add_regions_layer(ViewerModel(), grid, TABLE, MASK, "regions")
    mask_from_layer(layer, series_in(second))


def mask_layer_to_draw_on(first, second, folder):
    layer = show_mask(ViewerModel(), MASK, series_in(first), "mask")
    adopt_layer(layer, RegionGrid.of_maps(maps_in(second)))


def session_in(first, second):
    """Return a session whose regions lie in the first grid, its series and maps in the second."""
    viewer = ViewerModel()
    session = session_of(viewer)
    session.set_series(series_in(second), "series")
    for name in ("reference", "test"):
        session.add_maps(MapsSet(name, maps_in(second)))
    editor = regions_editor_of(viewer)
    session.set_regions(Regions(MASK.astype(np.uint16), TABLE, affine=first))
    return session, editor


def regions_to_draw_on(first, second, folder):
    return session_in(first, second)[1].layer is not None


def regions_to_compare(first, second, folder):
    session, _ = session_in(first, second)
    return needs_of(session, {"reference": "reference", "test": "test"}) == ""


def regions_to_inspect(first, second, folder):
    session, _ = session_in(first, second)
    session.choose_region(RegionChoice(1))
    inspect = InspectRegions(session, SimpleNamespace())
    inspect.keys = (CHOSEN_REGION,)
    return inspect.choices() == (RegionChoice(1),)


WITHOUT_WINDOW = (
    halves_of_a_series, labels, mask, plain_maps, maps_and_their_record, grids, compared, errors,
    errors_in_numbers, errors_in_a_region, errors_in_numbers_in_a_region, statistics_of_regions,
    pairs_of_regions, inspected, predicted, importance, trained,
)  # fmt: skip
LAYERS = (mask_layer, regions_layer_as_mask, mask_layer_to_draw_on, regions_to_draw_on,
          regions_to_compare, regions_to_inspect)  # fmt: skip


def is_accepted(consumer, first, second, folder):
    try:
        return consumer(first, second, folder) is not False
    except MRFInputError as error:
        assert error.code in ("other-grid", "bad-mask", "partner-mismatch", "bad-record")
        return False


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("consumer", WITHOUT_WINDOW)
def test_all_agree_on_what_is_one_place(tmp_path, consumer, pair):
    first, second, is_one = PAIRS[pair]
    assert is_accepted(consumer, first, second, tmp_path) == is_one


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("consumer", LAYERS)
def test_layers_and_panels_agree_too(qapp, tmp_path, consumer, pair):
    first, second, is_one = PAIRS[pair]
    assert is_accepted(consumer, first, second, tmp_path) == is_one


@pytest.mark.parametrize(
    "rounded", [np.float32, lambda values: [float(f"{v:.6g}") for v in values]]
)
@pytest.mark.parametrize("seed", range(5))
def test_what_headers_and_text_round_off_is_one_place(seed, rounded):
    random = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(random.normal(size=(3, 3)))[0] * random.uniform(0.5, 3, 3)
    affine[:3, 3] = random.uniform(-400, 400, 3)
    text = np.array(rounded(affine.ravel()), np.float64).reshape(4, 4)
    assert not np.array_equal(text, affine)
    assert same_place(affine, text, (120, 320, 320))


def test_no_voxel_counts_but_the_farthest():
    random = np.random.default_rng(3)
    indices = np.indices(SHAPE[::-1]).reshape(3, -1)
    seen = set()
    for _ in range(50):
        change = np.vstack(
            [random.normal(scale=[2e-4, 2e-4, 2e-4, 4e-3], size=(3, 4)), np.zeros(4)]
        )
        apart = change[:3, :3] @ indices + change[:3, 3:]  # of every voxel, one by one
        farthest = np.sqrt((apart**2).sum(axis=0)).max()
        assert same_place(BASE, BASE + change, SHAPE) == (farthest <= 0.01)
        seen.add(bool(farthest <= 0.01))
    assert seen == {True, False}


@pytest.mark.parametrize("factor", [0.5, -1.0])
def test_a_single_slice_has_a_thickness_and_a_direction(factor):
    other = BASE @ np.diag([1, 1, factor, 1])
    assert grid_difference(Grid((1, 30, 40), other), Grid((1, 30, 40), BASE))


def test_differences_are_told_in_words():
    said = grid_difference(Grid((1, 2, 3), BASE), Grid((2, 2, 3), BASE))
    assert said == "another shape, 1 × 2 × 3 voxels (z × y × x) instead of 2 × 2 × 3"
    assert grid_difference(Grid(SHAPE, shifted(-0.02)), Grid(SHAPE, BASE)) == (
        "it is shifted by 0.02 mm to the left"
    )


@pytest.mark.parametrize(
    ("of_maps", "of_series", "names", "expected"),
    [
        ("a", "a", ("", "s"), True), ("a", "b", ("", "s"), False), ("a", None, ("", "s"), None),
        (None, "a", ("", "s"), None), (None, None, ("s", "s"), True),
        (None, None, ("r", "s"), False), ("a", "b", ("s", "s"), False),
        ("a", "a", ("r", "s"), False),
    ],
)  # fmt: skip
def test_maps_are_from_a_series_by_file_and_by_name(of_maps, of_series, names, expected):
    maps = ParameterMaps({"FF": ONES}, provenance={"input": {"sha256": of_maps}})
    series = MRFSeries(SIGNAL, source_sha256=of_series)
    assert is_from(maps, series, made_from=names[0], series_name=names[1]) is expected


def test_maps_of_a_foreign_file_are_from_nowhere():
    maps = ParameterMaps({"FF": ONES}, provenance={"input": "a file"})
    assert is_from(maps, MRFSeries(SIGNAL, source_sha256="a")) is None
