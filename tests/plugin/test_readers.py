"""The reader takes fingerprinting series and leaves everything else to others."""

import json
from functools import partial

import h5py
import napari
import nibabel as nib
import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari._app_model import get_app_model
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog
from stored_cases import subspace_series

from napari_mrf import MRFInputError, MRFSeries, ParameterMaps
from napari_mrf.io import load_maps, save_series
from napari_mrf.plugin import readers
from napari_mrf.plugin.dock import SeriesDock
from napari_mrf.plugin.layers import find_set, series_of
from napari_mrf.plugin.readers import get_reader
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.unsaved import in_short, unsaved_of
from napari_mrf.plugin.writer import write_maps

SERIES = np.ones((5, 4, 2, 175), np.complex64)


def nifti(path, array):
    nib.save(nib.Nifti1Image(array, np.diag([-1.5, 2.0, 8.0, 1.0])), path)
    return str(path)


@pytest.mark.parametrize("name", ["series.nii", "series.nii.gz"])
def test_complex_four_dimensional_nifti_is_taken(tmp_path, name):
    assert get_reader(nifti(tmp_path / name, SERIES)) is not None


@pytest.mark.parametrize(
    "array", [np.ones((5, 4, 2), np.float32), np.ones((5, 4, 2, 9), np.int16),
              np.ones((5, 4, 2), np.complex64)],
)  # fmt: skip
def test_ordinary_nifti_is_left_to_others(tmp_path, array):
    assert get_reader(nifti(tmp_path / "image.nii.gz", array)) is None


def test_real_nifti_with_a_sidecar_is_taken(tmp_path):
    path = nifti(tmp_path / "sub-01_part-mag.nii.gz", np.abs(SERIES))
    (tmp_path / "sub-01_part-mag.json").write_text(json.dumps({"RepetitionTime": 1}))
    assert get_reader(path) is None
    (tmp_path / "sub-01_part-mag.json").write_text(json.dumps({"MRF": {"SchemaVersion": 1}}))
    assert get_reader(path) is not None


def test_arrays_are_told_by_their_headers(tmp_path):
    np.save(tmp_path / "series.npy", SERIES)
    np.save(tmp_path / "image.npy", np.ones((5, 4)))
    np.savez(tmp_path / "series.npz", series=SERIES)
    np.savez(tmp_path / "image.npz", image=np.ones((5, 4)))
    assert get_reader(str(tmp_path / "series.npy")) is not None
    assert get_reader(str(tmp_path / "image.npy")) is None
    assert get_reader(str(tmp_path / "series.npz")) is not None
    assert get_reader(str(tmp_path / "image.npz")) is None


def test_series_kept_in_hdf5_are_taken_with_their_coefficients(tmp_path):
    save_series(subspace_series(), tmp_path / "leg.h5")
    ((data, attributes, kind),) = get_reader(str(tmp_path / "leg.h5"))(str(tmp_path / "leg.h5"))
    assert kind == "image" and data.shape == (175, 2, 4, 5) and attributes["name"] == "leg"
    np.testing.assert_allclose(attributes["scale"][-3:], (4, 1.5, 1.5))
    assert attributes["metadata"] is not None


def test_hdf5_is_told_by_its_datasets_and_links_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "series.h5", "w") as file:
        file["series"] = SERIES
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["image"] = np.ones((5, 4))
        file["link"] = h5py.ExternalLink("series.h5", "series")
    assert get_reader(str(tmp_path / "series.h5")) is not None
    assert get_reader(str(tmp_path / "other.h5")) is None


@pytest.mark.parametrize("name", ["broken.nii.gz", "broken.npy", "broken.npz", "broken.h5"])
def test_what_cannot_be_read_is_left_to_others(tmp_path, name):
    (tmp_path / name).write_bytes(b"no image at all")
    assert get_reader(str(tmp_path / name)) is None
    assert get_reader([str(tmp_path / name)]) is None


def test_without_a_window_the_layer_is_there_at_once(tmp_path, qapp):
    from napari.components import ViewerModel

    path = nifti(tmp_path / "series.nii", SERIES)
    data, attributes, kind = get_reader(path)(path)[0]
    assert kind == "image"
    layer = ViewerModel().add_image(data, **attributes)
    assert isinstance(series_of(layer), MRFSeries)
    assert layer.name == "series"
    assert layer.data.shape == (175, 2, 4, 5)


def layer_data(maps, key):
    metadata = {"mrf_set": "a", "mrf_parameter": key, "mrf_maps": maps}
    return maps[key][:, ::-1], {"name": f"a · {key}", "metadata": metadata}, "image"


def test_maps_are_written_on_the_grid_of_their_file(tmp_path):
    affine = np.diag([-1.5, 2.0, 8.0, 1.0])
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 24
    maps = ParameterMaps({"FF": values, "B1": values}, affine=affine)
    written = write_maps(str(tmp_path / "study.nii.gz"), [layer_data(maps, "FF")])
    image = nib.load(tmp_path / "study" / "FF.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj).T, values)
    assert np.array_equal(image.affine, affine)
    assert not (tmp_path / "study" / "B1.nii.gz").exists()
    assert str(tmp_path / "study" / "FF.nii.gz") in written


def test_other_layers_are_not_written(tmp_path):
    with pytest.raises(MRFInputError, match="only the maps of one reconstruction"):
        write_maps(str(tmp_path / "x.nii.gz"), [(np.ones((2, 2)), {"metadata": {}}, "image")])


def test_all_maps_of_a_set_saved_by_napari_are_saved(
    make_napari_viewer, qtbot, monkeypatch, tmp_path
):
    """Some of them are not: quality and the other maps would be lost with the window."""
    viewer = make_napari_viewer()
    values = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    maps = ParameterMaps({"FF": values, "B1": values}, quality=values, affine=np.eye(4))
    maps_display_of(viewer).add(MapsSet("water-fat", maps, "thigh"))
    maps_display_of(viewer).add(MapsSet("cohen", ParameterMaps({"FF": values}), "thigh"))
    wait_for_layers(qtbot, viewer)
    layers, unsaved = find_set(viewer, "water-fat"), unsaved_of(viewer)

    def answer(found, *_, filter, **__):
        """Pick the type of file of this plugin."""
        return found, next(one for one in filter.split(";;") if "MRF maps" in one)

    def save_selected(*keys, name):
        viewer.layers.selection = {layers[key] for key in keys}
        found = str(tmp_path / name)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", partial(answer, found))
        get_app_model().commands.execute_command(
            "napari.window.file.save_layers_dialog.selected"
        ).result()

    save_selected("FF", name="some.nii.gz")
    assert in_short(unsaved.items()) == "2 maps not saved"
    assert not (tmp_path / "some" / "quality.nii.gz").exists()
    save_selected("FF", "B1", name="all.nii.gz")
    assert [one.name for one in unsaved.items()] == ["cohen"]
    kept = load_maps(session_of(viewer).maps_sets["water-fat"].folder)
    assert set(kept) == {"FF", "B1"}
    np.testing.assert_array_equal(kept.quality, values)


def test_whoever_picks_this_reader_in_a_window_is_told_why_a_file_is_no_series(
    qtbot, tmp_path, monkeypatch
):
    viewer = ViewerModel()
    dock = SeriesDock(viewer)
    qtbot.addWidget(dock)
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    monkeypatch.setattr(readers, "open_dock", lambda _: dock)
    for array, cause in ((np.ones((5, 4, 2), np.int16), "the order of the axes is not known"),
                         (np.ones((5, 4, 2, 9), np.float32), "the series is real")):  # fmt: skip
        path = nifti(tmp_path / f"{array.ndim}.nii.gz", array)
        assert get_reader(path)(path) == [(None,)]
        notice = dock.panels["series"].notice
        qtbot.waitUntil(lambda notice=notice, cause=cause: cause in notice.text())
        assert "Load labels…" in notice.text()
    assert len(viewer.layers) == 0
