"""One scan is laid over another: a known movement is found, and regions go where tissue went."""

import hashlib
import json
import sys

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.analysis.registration.carry import CarriedLabels, carry_labels, carry_values
from napari_mrf.analysis.registration.register import Image, Registration, register
from napari_mrf.data.label import Label
from napari_mrf.io import load_labels, save_labels, save_maps
from napari_mrf.phantoms.thigh.phantom import thigh

pytest.importorskip("SimpleITK")

STRETCH = np.array([[1.04, 0.02, 0.0], [0.0, 0.97, 0.0], [0.0, 0.0, 1.0]])


def at_slices(affine, first):
    moved = affine.copy()
    moved[:3, 3] = (affine @ [0, 0, first, 1])[:3]
    return moved


class FollowUp:
    """A thigh, and the same thigh after a known movement, with noise and more fat in it."""

    def __init__(self, n_slices, angles_deg, shift_mm, stretch=STRETCH):
        beyond = 3 if n_slices > 1 else 0
        phantom = thigh(shape=(n_slices + 2 * beyond, 48, 56))
        fraction = np.nan_to_num(phantom.truth()["FF"])
        cut = slice(beyond, beyond + n_slices)
        self.affine = at_slices(phantom.affine, beyond)
        self.before = Image(fraction[cut], self.affine)
        self.labels = phantom.labels[cut]
        center = (self.affine @ [28, 24, (n_slices - 1) / 2, 1])[:3]
        turn = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix() @ stretch
        self.matrix = np.eye(4)  # of the follow-up to the scan before
        self.matrix[:3, :3], self.matrix[:3, 3] = turn, center - turn @ center + shift_mm
        z, y, x = np.indices(self.before.values.shape).reshape(3, -1)
        points = np.stack([x, y, z, np.ones_like(x)])
        at = (np.linalg.inv(phantom.affine) @ self.matrix @ self.affine @ points)[2::-1]
        shape, noise = self.before.values.shape, np.random.default_rng(0)
        values = map_coordinates(fraction, at, order=1).reshape(shape)
        self.after = Image(0.95 * values + noise.normal(0.03, 0.02, shape), self.affine)
        self.truth = map_coordinates(phantom.labels, at, order=0).reshape(shape)

    def dice(self, labels):
        found = []
        for label in np.unique(self.truth[self.truth > 0]):
            here, there = labels == label, self.truth == label
            if there.sum() >= 10:
                found.append(2 * np.sum(here & there) / (here.sum() + there.sum()))
        return float(np.mean(found))

    def corner_error_mm(self, matrix):
        """Largest distance between where corners of the image go and where they should."""
        shape = np.array(self.before.values.shape[::-1]) - 1
        corners = np.array(np.meshgrid(*np.stack([0 * shape, shape], 1))).reshape(3, -1)
        points = self.affine @ np.vstack([corners, np.ones(corners.shape[1])])
        return float(np.linalg.norm(((matrix - self.matrix) @ points)[:3], axis=0).max())


@pytest.fixture(scope="module")
def one_slice():
    return FollowUp(1, (0, 0, 6), (9.0, -6.0, 0.0))


def test_a_slice_is_found_within_half_a_voxel(one_slice, tmp_path):
    found = register(one_slice.after, one_slice.before)
    assert found.is_in_plane
    assert found.correlation > 0.98 > 0.6 > found.correlation_before
    assert one_slice.corner_error_mm(found.matrix) < 3.54 / 2
    assert found.volume_ratio == pytest.approx(1.04 * 0.97, abs=0.01)
    save_labels(tmp_path / "rois.nii.gz", one_slice.labels, one_slice.affine)
    carried = carry_labels(tmp_path / "rois.nii.gz", one_slice.after, one_slice.before)
    assert one_slice.dice(one_slice.labels) < 0.5
    assert one_slice.dice(carried.values) > 0.9
    assert carried.registration.matrix.tobytes() == found.matrix.tobytes()  # again the same


def test_several_slices_are_found_in_space():
    scan = FollowUp(5, (1.0, -1.5, 5.0), (8.0, -5.0, 3.0), np.eye(3))
    found = register(scan.after, scan.before, kind="rigid")
    assert not found.is_in_plane
    assert found.correlation > 0.97
    assert scan.corner_error_mm(found.matrix) < 8.0 / 1.5  # slices are 8 mm thick
    assert found.rotation_deg == pytest.approx(
        np.rad2deg(Rotation.from_matrix(scan.matrix[:3, :3]).magnitude()), abs=1.0
    )


@pytest.mark.parametrize("axis", [None, 1, 2])
def test_another_grid_of_the_same_scan_needs_no_movement_and_mirrors_nobody(one_slice, axis):
    before, other = one_slice.before, Image(one_slice.before.values * 3, one_slice.affine)
    if axis is not None:  # rows or columns stored the other way round
        turn = np.eye(4)
        turn[2 - axis, 2 - axis], turn[2 - axis, 3] = -1, before.values.shape[axis] - 1
        other = Image(np.flip(before.values, axis), before.affine @ turn)
    found = register(before, other, kind="rigid")
    np.testing.assert_allclose(found.matrix[:3, :3], np.eye(3), atol=2e-3)
    assert found.shift_mm((before.affine @ [28, 24, 0, 1])[:3]) < 0.2
    assert found.correlation > 0.999


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda image: Image(np.zeros_like(image.values), image.affine), "bad-image"),
        (lambda image: Image(np.full_like(image.values, np.nan), image.affine), "bad-image"),
        (lambda image: Image(image.values[:, :8], image.affine), "bad-image"),
        (lambda image: Image(image.values, image.affine @ np.array(
            [[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])), "bad-image"),
        (lambda image: Image(np.repeat(image.values, 2, 0), image.affine), "other-slices"),
        (lambda image: Image(image.values, image.affine[[2, 0, 1, 3]]), "other-slices"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_laid_over_each_other_are_refused(one_slice, change, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        register(one_slice.after, change(one_slice.before))
    assert caught.value.code == code


def test_without_the_extra_the_cure_is_named(one_slice, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(mrf.MRFInputError, match=r"napari-mrf\[registration\]"):
        register(one_slice.after, one_slice.before)


def test_command_writes_regions_names_and_a_picture(one_slice, tmp_path, capsys):
    for name, image in (("visit1", one_slice.before), ("visit2", one_slice.after)):
        maps = mrf.ParameterMaps({"FF": image.values.astype(np.float32)}, affine=image.affine)
        save_maps(maps, tmp_path / name)
    save_labels(tmp_path / "rois.nii.gz", one_slice.labels, one_slice.affine)
    output = tmp_path / "carried.nii.gz"
    words = ["carry", tmp_path / "rois.nii.gz", "--from", tmp_path / "visit1", "--to",
             tmp_path / "visit2", "--output", output]  # fmt: skip
    assert cli.main(list(map(str, words))) == 0
    said = capsys.readouterr().out
    assert "look at carried.png first" in said
    assert "turned by 6" in said
    values = load_labels(output, one_slice.truth.shape, one_slice.affine).values
    assert one_slice.dice(values) > 0.9
    assert (tmp_path / "carried.png").stat().st_size > 5000
    record = json.loads((tmp_path / "carried.carried.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(record["registration"]["matrix_mm_to_from"], one_slice.matrix,
                               atol=1.8)  # fmt: skip
    assert record["from"]["image"] == str(tmp_path / "visit1")
    assert record["labels_sha256"] == hashlib.sha256(values.astype("<i4").tobytes()).hexdigest()
    assert cli.main(list(map(str, words))) == 3  # nothing is replaced


def carried_by(matrix, one, **changes):
    """Regions carried by a matrix that is known."""
    found = Registration(matrix, 0.9, 0.99, True)
    return CarriedLabels(one.labels, one.after, one.before, "rigid", found, (), 0.0, **changes)


def test_squares_of_a_checkerboard_are_those_of_two_scans_laid_over_each_other(one_slice):
    board = carried_by(one_slice.matrix, one_slice).checkerboard()
    own = board == one_slice.after.values.astype(np.float32)
    assert 0.4 < own.mean() < 0.6
    assert own[0, :6, :6].all()  # the first square; a tenth of 56 columns
    assert not own[0, :6, 6:12].any()
    # Noise of 0.02, an offset of 0.03, 5 % less, and edges of the phantom between the voxels.
    covered = np.isfinite(board)
    assert np.median(np.abs(board - one_slice.after.values)[covered & ~own]) < 0.05
    shifted = np.eye(4)
    shifted[0, 3] = 1e4
    assert np.isnan(carried_by(shifted, one_slice).checkerboard()[~own]).all()


def test_other_brightness_is_evened_out_where_that_is_asked(one_slice):
    brighter = Image(5 * one_slice.after.values, one_slice.affine)
    found = Registration(np.eye(4), 1.0, 1.0, True)
    carried = CarriedLabels(one_slice.labels, one_slice.after, brighter, "rigid", found, (), 0.0)
    np.testing.assert_allclose(carried.checkerboard(is_scaled=True), one_slice.after.values,
                               atol=1e-6)  # fmt: skip


def test_what_leaves_the_field_of_view_is_told_by_name(one_slice):
    shape, affine = one_slice.before.values.shape, one_slice.affine
    labels = np.zeros(shape, np.uint16)
    labels[0, 10:20, 2:12], labels[0, 10:20, 30:40] = 7, 10
    cut = Image(one_slice.before.values[:, :, 8:], affine @ np.array(
        [[1, 0, 0, 8], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))  # fmt: skip
    found = carry_values(labels, affine, cut, one_slice.before, kind="rigid")
    # Columns 2-7 of 2-11: 60 of 200 voxels, and of the first region 60 of 100.
    assert found.outside_of == {7: pytest.approx(0.6, abs=0.11)}
    assert found.is_doubtful
    said = " ".join(found.sentences({7: Label(7, "VL_R", (0, 0, 0))}))
    assert "30 % of the labeled tissue lie outside (VL_R 60 %)" in said


def test_a_registration_that_is_told_to_end_does_so_at_the_next_step(one_slice):
    class StoppedError(RuntimeError):
        pass

    told = []

    def progress(done, total):
        told.append((done, total))
        if len(told) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        register(one_slice.after, one_slice.before, progress=progress)
    assert told == [(0, 2)] * 3
