"""The sidecar: strict, in seconds, and enough to build the sequence."""

import json
from pathlib import Path

import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series
from napari_mrf.data import sequences
from napari_mrf.io import save_series


@pytest.fixture
def with_sidecar(nifti, image):
    """Write a series of 175 frames with a sidecar of this text, or of this block."""

    def write(text=None, **block):
        path = nifti(image)
        if text is None:
            text = json.dumps({"MRF": {"SchemaVersion": 1, **block}})
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        return path

    return write


def t1ff_block(**changes):
    """MRF T1-FF in seconds, frame by frame, written down from its table."""
    segments = ((75, 5, 0.00239, 0.00402), (25, 10, 0.00239, 0.00402), (25, 5, 0.00345, 0.00508),
                (25, 15, 0.00345, 0.00508), (25, 5, 0.00463, 0.00626))  # fmt: skip
    block = {
        "NFrames": 175,
        "SpokesPerFrame": 8,
        "SequenceKind": "spoiled",
        "FlipAngle": [angle for n, angle, _, _ in segments for _ in range(n)],
        "EchoTime": [time for n, _, time, _ in segments for _ in range(n)],
        "RepetitionTime": [time for n, _, _, time in segments for _ in range(n)],
        "RFPhase": 90,
        "InversionTime": 0.00832,
        "RecoveryTime": 5.0,
        "Repetitions": 2,
        "WaterT2": 0.04,
        "FatT2": 0.08,
        "FatModel": {
            "ShiftsHz": [-101.1, 208.3, 281.0, 305.7, 395.6, 446.2],
            "Amplitudes": [0.0586, 0.0109, 0.0618, 0.1412, 0.66, 0.0673],
        },
    }
    return {**block, **changes}


def test_complete_block_gives_the_sequence_in_milliseconds(with_sidecar):
    assert load_series(with_sidecar(**t1ff_block())).sequence == sequences.t1ff()


def test_nominal_angle_times_modulation_is_the_flip_angle(with_sidecar):
    block = t1ff_block(NominalFlipAngle=5)
    block["FlipAngleModulation"] = [angle / 5 for angle in block.pop("FlipAngle")]
    assert load_series(with_sidecar(**block)).sequence == sequences.t1ff()


@pytest.mark.parametrize("named", ["t1ff", "fisp"])
def test_saved_sequence_comes_back_exactly(tmp_path, nifti, image, named):
    sequence = getattr(sequences, named)()
    values = np.ones((2, 2, 1, sequence.n_frames), np.complex64)
    series = load_series(nifti(values), sequence)
    save_series(series, tmp_path / "saved.nii.gz")
    again = load_series(tmp_path / "saved.nii.gz")
    assert again.sequence == sequence
    assert again.sequence.name == sequence.name


def test_incomplete_block_leaves_the_sequence_open_and_says_what_lacks(with_sidecar):
    block = t1ff_block()
    del block["WaterT2"], block["FlipAngle"]
    series = load_series(with_sidecar(**block))
    assert series.sequence is None
    assert any("WaterT2, FlipAngle" in warning for warning in series.warnings)


def test_inversion_that_is_not_ideal_leaves_the_sequence_open(with_sidecar):
    series = load_series(with_sidecar(**t1ff_block(InversionEfficiency=0.9)))
    assert series.sequence is None
    assert any("inversion efficiency" in warning for warning in series.warnings)


def test_picked_sequence_wins_and_the_conflict_is_told(with_sidecar):
    picked = sequences.t1ff()
    series = load_series(with_sidecar(**t1ff_block(RecoveryTime=4.0)), picked)
    assert series.sequence is picked
    assert any("another sequence" in warning for warning in series.warnings)


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"NFrames": 175, "RepetitionTime": [0.004] * 174}, "MRF.RepetitionTime"),
        ({"NFrames": 175, "SpokesPerFrame": 8, "RFPhase": [0] * 8}, "MRF.RFPhase"),
        ({"EchoTime": [0.002, 0.002]}, "MRF.EchoTime"),
        ({"RepetitionTime": []}, "MRF.RepetitionTime"),
        ({"FatModel": {"ShiftsHz": [1.0], "Amplitudes": [1.0, 2.0]}}, "MRF.FatModel"),
        ({"FatModel": {"ShiftsHz": [1.0]}}, "MRF.FatModel.Amplitudes"),
        ({"RepetitionTime": 4.02}, "milliseconds"),
        ({"EchoTime": 2.39}, "milliseconds"),
        ({"RecoveryTime": 5000}, "MRF.RecoveryTime"),
        ({"InversionTime": 8.32}, "MRF.InversionTime"),
        ({"EchoTime": "0.002"}, "MRF.EchoTime"),
        ({"EchoTime": True}, "MRF.EchoTime"),
        ({"NFrames": 175.5}, "MRF.NFrames"),
        ({"NFrames": -1}, "MRF.NFrames"),
        ({"NFrames": 175, "SpokesPerFrame": 8, "NSpokes": 1399}, "NSpokes"),
        ({"FlipAngles": 5}, "MRF.FlipAngles"),
        ({"SchemaVersion": 2}, "MRF.SchemaVersion"),
        ({"PhaseSign": 0}, "MRF.PhaseSign"),
        ({"SHA256": "abc"}, "MRF.SHA256"),
        ({"FlipAngle": 5, "NominalFlipAngle": 5}, "NominalFlipAngle"),
    ],
)
def test_wrong_field_is_refused_by_name(with_sidecar, block, field):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(**block))
    assert caught.value.code == "bad-sidecar"
    assert field in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"MRF": {"SchemaVersion": 1, "EchoTime": NaN}}',
        '{"MRF": {"SchemaVersion": 1, "EchoTime": Infinity}}',
        '{"MRF": {"SchemaVersion": 1, "EchoTime": 1e999}}',
        '{"MRF": {"SchemaVersion": 1, "AngleIncrement": 1e999}}',
        '{"MRF": {"SchemaVersion": 1, "SchemaVersion": 1}}',
        '{"MRF": {"SchemaVersion": 1}, "MRF": {"SchemaVersion": 1}}',
        '{"MRF": {"SchemaVersion": 1}',
        '{"MRF": {"SchemaVersion": ' + "9" * 5000 + "}}",
        '{"MRF": ' + "[" * 100000 + "]" * 100000 + "}",
        '{"Manufacturer": "x", "RepetitionTime"',
        '{"Units": "rad", "SAR": nan}',
        '{"MRF": []}',
        '{"MRF": null}',
        "[]",
        '{"Units": 3}',
        '{"NFrames": 175}',
    ],
)
def test_broken_text_is_refused(with_sidecar, text):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(text))
    assert caught.value.code in ("bad-json", "bad-sidecar")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_block_in_text_that_is_not_utf8_is_refused(with_sidecar, encoding):
    path = with_sidecar("{}")
    text = '{"InstitutionName": "Universität", "MRF": {"SchemaVersion": 1, "PhaseSign": 1}}'
    path.with_suffix(".json").write_bytes(text.encode(encoding))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "bad-json"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ('{"InstitutionName": "Universität"}'.encode("latin-1"), "not UTF-8"),
        (b'{"SAR": nan}', "not valid JSON"),
        (b'{"SAR": NaN}', "NaN"),
        (b'{"FrameDuration": [1200, ]}', "not valid JSON"),
        (rb'{"SequenceVariant": "SK\SP"}', "escape"),
        (b'{"EchoTime": 0.002, "EchoTime": 0.002}\n', "EchoTime"),
        (b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}", "not valid JSON"),
    ],
)
def test_broken_text_that_is_not_needed_is_left_alone_and_told(
    with_sidecar, sequence, image, content, cause
):
    path = with_sidecar("{}")
    path.with_suffix(".json").write_bytes(content)
    series = load_series(path, sequence)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    (remark,) = (text for text in series.warnings if "series.json" in text)
    assert cause in remark
    assert {Path(one["path"]).name for one in series.metadata["sources"]} == {
        "series.nii", "series.json"}  # fmt: skip


def test_sidecar_of_100_megabytes_is_refused_unread(with_sidecar):
    path = with_sidecar("{}")
    with path.with_suffix(".json").open("rb+") as file:
        file.truncate(100_000_000)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "file-too-large"


def test_other_bids_keys_are_left_alone(with_sidecar):
    # As dcm2niix writes them.
    text = (
        '{"Manufacturer": "x", "RepetitionTime": 0.004, "EchoTime": 2.4, "Custom": [1],'
        ' "SequenceName": "*fl2d1", "ScanningSequence": "GR", "FlipAngle": 5}'
    )
    series = load_series(with_sidecar(text))
    assert (series.sequence, series.warnings) == (None, ())


def test_sum_of_another_file_is_refused(with_sidecar):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(SHA256="0" * 64))
    assert caught.value.code == "sha256-mismatch"


def test_compressed_series_is_refused(with_sidecar):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(CompressedBasis={"Rank": 5}))
    assert caught.value.code == "compressed-series"


def test_layout_that_contradicts_the_file_is_refused(with_sidecar):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(ComplexLayout="magnitude"))
    assert caught.value.code == "layout-conflict"


def test_frames_that_contradict_the_file_are_refused(with_sidecar):
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(NFrames=174))
    assert caught.value.code == "frames-mismatch"


@pytest.mark.parametrize(
    ("signs", "conjugated"),
    [({}, False), ({"PhaseSign": -1}, False), ({"PhaseSign": 1}, True),
     ({"FrequencySign": -1}, True), ({"PhaseSign": 1, "FrequencySign": -1}, False)],
)  # fmt: skip
def test_declared_opposite_phase_is_conjugated_and_recorded(with_sidecar, image, signs, conjugated):
    series = load_series(with_sidecar(**signs))
    expected = image.T.conj() if conjugated else image.T
    np.testing.assert_array_equal(np.asarray(series.signal), expected)
    assert ("conjugated" in series.metadata) == conjugated


def test_order_of_the_sidecar_overrides_the_format(nifti, image, sequence):
    path = nifti(image.transpose(3, 2, 1, 0))
    with pytest.raises(MRFInputError) as caught:
        load_series(path, sequence)
    assert 'axes="TXYZ"' in caught.value.hint  # X, Y, Z as the format has them
    path.with_suffix(".json").write_text('{"MRF": {"SchemaVersion": 1, "AxisOrder": "TZYX"}}')
    np.testing.assert_array_equal(np.asarray(load_series(path, sequence).signal), image.T)


def test_overlapping_frames_of_a_block_make_a_sequence_of_such_frames(with_sidecar):
    block = t1ff_block(SpokesPerFrame=16, SpokesBetweenFrames=8, NSpokes=1408)
    for key in ("FlipAngle", "EchoTime", "RepetitionTime"):
        block[key] = block[key][0]
    sequence = load_series(with_sidecar(**block)).sequence
    assert (sequence.n_pulses, sequence.n_frames) == (1408, 175)
    assert (sequence.pulses_per_frame, sequence.pulses_between_frames) == (16, 8)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"SpokesPerFrame": 16, "NSpokes": 1400}, "SpokesBetweenFrames"),
        ({"SpokesPerFrame": None}, "SpokesPerFrame"),
        # Frames that overlap have no angle of their own.
        ({"SpokesPerFrame": 16}, "MRF.RepetitionTime"),
    ],
)
def test_impossible_overlap_is_refused_by_name(with_sidecar, changes, field):
    block = {key: value for key, value in t1ff_block(SpokesBetweenFrames=8, **changes).items()
             if value is not None}  # fmt: skip
    with pytest.raises(MRFInputError) as caught:
        load_series(with_sidecar(**block))
    assert caught.value.code == "bad-sidecar"
    assert field in str(caught.value)
