"""The length of the series against the sequence, and the average over spokes."""

import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series


@pytest.mark.parametrize(
    ("n_frames", "hint"),
    [(1400, "8"), (350, "Twice"), (10, "compressed"), (174, "Pick the sequence")],
)
def test_wrong_length_is_refused_with_both_lengths_and_a_cause(nifti, sequence, n_frames, hint):
    path = nifti(np.ones((2, 2, 1, n_frames), np.complex64))
    with pytest.raises(MRFInputError) as caught:
        load_series(path, sequence)
    assert caught.value.code == "frames-mismatch"
    assert caught.value.expected == "175 frames"
    assert caught.value.found == f"{n_frames} frames"
    assert hint in caught.value.hint


@pytest.fixture
def spokes():
    rng = np.random.default_rng(4)
    parts = rng.standard_normal((2, 3, 2, 2, 1400))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


@pytest.mark.parametrize("name", ["spokes.nii", "spokes.npz"])
def test_spokes_are_averaged_when_asked_and_recorded(tmp_path, nifti, spokes, sequence, name):
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, spokes)
    else:
        nifti(spokes, name)
    series = load_series(path, sequence, axes="XYZT", average_spokes=True)
    expected = np.stack([spokes[..., 8 * n : 8 * n + 8].mean(-1) for n in range(175)]).transpose(
        0, 3, 2, 1
    )
    assert series.signal.shape == (175, 2, 2, 3)
    assert series.signal.dtype == np.complex64
    np.testing.assert_allclose(np.asarray(series.signal), expected, atol=1e-6)
    assert series.metadata["averaged_spokes"] == 8
    if series.is_lazy:
        assert series.signal.chunks == ((175,), (1, 1), (2,), (3,))


def test_average_needs_a_sequence_and_its_pulses(nifti, image, spokes, sequence):
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(spokes, "spokes.nii"), average_spokes=True)
    assert caught.value.code == "no-sequence"
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(image), sequence, average_spokes=True)
    assert caught.value.code == "frames-mismatch"
