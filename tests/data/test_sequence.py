"""The sequence: published values, validation, JSON and CSV."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_mrf as mrf
from napari_mrf.data import strict_json
from napari_mrf.io import load_parameter_table


def spoiled(**fields):
    base = {
        "name": "x",
        "kind": "spoiled",
        "flip_angles_deg": [5, 10],
        "repetition_times_ms": 4.0,
        "echo_times_ms": 2.0,
        "water_t2_ms": 40,
        "fat_t2_ms": 80,
        "fat_shifts_hz": [0],
        "fat_amplitudes": [1],
    }
    return mrf.Sequence(**(base | fields))


def test_t1ff_is_the_published_sequence():
    sequence = mrf.sequences.t1ff()
    assert (sequence.n_pulses, sequence.n_frames) == (1400, 175)
    table = {
        0: (5, 2.39, 4.02), 599: (5, 2.39, 4.02), 600: (10, 2.39, 4.02), 800: (5, 3.45, 5.08),
        1000: (15, 3.45, 5.08), 1200: (5, 4.63, 6.26), 1399: (5, 4.63, 6.26),
    }  # fmt: skip
    for pulse, row in table.items():
        assert (
            sequence.flip_angles_deg[pulse],
            sequence.echo_times_ms[pulse],
            sequence.repetition_times_ms[pulse],
        ) == row
    assert sequence.inversion_time_ms == 8.32
    assert sequence.recovery_time_ms == 5000
    assert sequence.repetitions == 2
    assert sequence.fat_amplitudes.sum() == pytest.approx(0.9998)


def test_fisp_is_five_lobes_with_repetition_times_in_the_published_range():
    sequence = mrf.sequences.fisp()
    angles = sequence.flip_angles_deg.reshape(5, 200)
    np.testing.assert_allclose(angles.max(axis=1), [35, 43, 70, 45, 27])
    assert np.all(angles[:, 190:] == 0)
    assert angles[2, 49] == pytest.approx(5 + 65 * np.sin(50 * np.pi / 200))
    assert sequence.repetition_times_ms.min() == 11.67
    assert sequence.repetition_times_ms.max() == 14.33
    assert np.abs(np.diff(sequence.repetition_times_ms)).max() < 0.1  # smooth
    assert sequence.parameters == ("PD", "T1", "T2")
    assert sequence.repetitions == 1


def test_scalars_are_spread_and_arrays_are_frozen():
    sequence = spoiled()
    np.testing.assert_array_equal(sequence.repetition_times_ms, [4.0, 4.0])
    with pytest.raises(ValueError, match="read-only"):
        sequence.flip_angles_deg[0] = 1
    with pytest.raises(AttributeError):
        sequence.name = "y"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"echo_times_ms": [1, 2, 3]}, "differ in length"),
        ({"echo_times_ms": 5.0}, "echo time of pulse 0"),
        ({"repetition_times_ms": 0.0, "echo_times_ms": 0.0}, "positive"),
        ({"flip_angles_deg": [np.nan, 1]}, "NaN"),
        ({"flip_angles_deg": [[1, 2]]}, "vector"),
        ({"kind": "epi"}, "kind"),
        ({"fat_t2_ms": None}, "needs fat_t2_ms"),
        ({"fat_shifts_hz": [1, 2]}, "differ in length"),
        ({"pulses_per_frame": 3}, "multiple"),
        ({"repetitions": 0}, "whole number"),
        ({"repetitions": 1.5}, "whole number"),
        ({"inversion_time_ms": -1}, "0 or more"),
        ({"water_t2_ms": 0}, "positive"),
        ({"flip_angles_deg": "ten"}, "numeric"),
    ],
)
def test_impossible_sequence_is_refused_with_the_field_named(fields, words):
    with pytest.raises(mrf.MRFInputError, match=words) as caught:
        spoiled(**fields)
    assert caught.value.code == "bad-sequence"


def test_water_and_fat_are_needed_only_for_spoiled():
    sequence = mrf.Sequence(
        name="f", kind="fisp", flip_angles_deg=[1, 2], repetition_times_ms=10, echo_times_ms=2
    )
    assert sequence.water_t2_ms is None
    assert sequence.inversion_time_ms is None


@pytest.mark.parametrize("make", [mrf.sequences.t1ff, mrf.sequences.fisp])
def test_json_round_trip_keeps_the_physics(make, tmp_path):
    sequence = make()
    path = tmp_path / "a sequence ü.json"
    sequence.to_json(path)
    copy = mrf.Sequence.load(path)
    assert copy == sequence
    assert copy.fingerprint() == sequence.fingerprint()
    assert hash(copy) == hash(sequence)
    assert mrf.sequences.load(path) == sequence


def test_fingerprint_is_stable_and_sees_the_physics_but_not_the_name():
    sequence = spoiled()
    assert spoiled(name="other") == sequence
    assert spoiled(flip_angles_deg=np.array([5.0, 10.0], np.float32)) == sequence
    assert spoiled(recovery_time_ms=1.0) != sequence
    assert spoiled(flip_angles_deg=[5, 10.000001]) != sequence
    # Dictionaries and weights on disk carry this value: it must not move between versions.
    assert mrf.sequences.t1ff().fingerprint().startswith("e6a888a8")


@given(st.lists(st.floats(0, 180, allow_subnormal=False), min_size=1, max_size=9))
def test_any_flip_angle_train_survives_json(flip_angles):
    sequence = spoiled(flip_angles_deg=flip_angles)
    assert mrf.Sequence.from_json(sequence.to_json()) == sequence


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "bad-json"),
        ('{"a": NaN}', "bad-json"),
        ('{"a": 1, "a": 2}', "bad-json"),
        ("[" * 100000, "bad-json"),
        ("[]", "bad-sequence"),
        ('{"format": "napari-mrf sequence", "color": 1}', "bad-sequence"),
        ('{"format": "napari-mrf sequence", "name": "x"}', "bad-sequence"),
    ],
)
def test_broken_sequence_json_is_refused(text, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.Sequence.from_json(text)
    assert caught.value.code == code


def test_huge_sequence_file_is_refused_unread(tmp_path):
    path = tmp_path / "s.json"
    path.write_bytes(b" " * 5_000_001)
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.Sequence.load(path)
    assert caught.value.code == "file-too-large"


def test_strict_json_reads_what_json_writes():
    record = {"a": [1, 2.5, None, "x"], "b": {"c": True}}
    assert strict_json.loads(json.dumps(record)) == record


def test_csv_of_pulses_becomes_a_sequence(tmp_path):
    reference = mrf.sequences.t1ff()
    rows = zip(
        reference.flip_angles_deg, reference.echo_times_ms, reference.repetition_times_ms,
        strict=True,
    )  # fmt: skip
    path = tmp_path / "pulses.csv"
    path.write_text("FA,TE,TR\n" + "".join(f"{a},{e},{r}\n" for a, e, r in rows))
    assert mrf.sequences.load(path) == reference
    assert mrf.sequences.load(path).name == "pulses"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FA,TE\n1,2\n", "lacks a column"),
        ("", "no pulses"),
        ("FA,TE,TR\n5,2\n", "line 2 has a different number of cells"),
        ("FA,TE,TR\n5,2,x\n", "line 2, column TR"),
        ("FA,TE,TR\n5,4,2\n", "echo time of pulse 0"),
    ],
)
def test_bad_csv_names_the_place(tmp_path, text, words):
    path = tmp_path / "pulses.csv"
    path.write_text(text)
    with pytest.raises(mrf.MRFInputError, match=words) as caught:
        mrf.sequences.load(path)
    assert caught.value.path == str(path)


def pulses(sequence, **factors):
    """Return the pulse table of a sequence as CSV text, columns multiplied by factors."""
    columns = {
        "FA": sequence.flip_angles_deg,
        "TE": sequence.echo_times_ms,
        "TR": sequence.repetition_times_ms,
    }
    table = np.stack([values * factors.get(key, 1) for key, values in columns.items()], axis=1)
    return "FA,TE,TR\n" + "".join(f"{a:.9f},{b:.9f},{c:.9f}\n" for a, b, c in table)


@pytest.mark.parametrize("make", [mrf.sequences.t1ff, mrf.sequences.fisp])
@pytest.mark.parametrize(
    ("factors", "unit"),
    [
        ({"TE": 1e-3, "TR": 1e-3}, "in seconds"),
        ({"TE": 1e-3}, "in seconds"),
        ({"TE": 1e3, "TR": 1e3}, "in microseconds"),
        ({"TR": 1e3}, "in microseconds"),
        ({"FA": np.pi / 180}, "in radians"),
    ],
)
def test_sequence_files_in_other_units_are_refused_with_the_likely_one(
    make, factors, unit, tmp_path
):
    sequence, path = make(), tmp_path / "s.csv"
    path.write_text(pulses(sequence, **factors))
    with pytest.raises(mrf.MRFInputError, match=unit) as caught:
        mrf.sequences.load(path)
    assert (caught.value.code, caught.value.path) == ("bad-sequence", str(path))

    fields = {"FA": "flip_angles_deg", "TE": "echo_times_ms", "TR": "repetition_times_ms"}
    record = json.loads(sequence.to_json())
    for key, factor in factors.items():
        record[fields[key]] = [factor * value for value in record[fields[key]]]
    path = tmp_path / "s.json"
    path.write_text(json.dumps(record))
    for read in (mrf.sequences.load, mrf.Sequence.load):
        with pytest.raises(mrf.MRFInputError, match=unit) as caught:
            read(path)
        assert (caught.value.code, caught.value.path) == ("bad-sequence", str(path))


@pytest.mark.parametrize(
    ("field", "value", "unit"),
    [
        ("inversion_time_ms", 0.0206, "seconds"),
        ("inversion_time_ms", 20_640.0, "microseconds"),
        ("water_t2_ms", 0.04, "seconds"),
        ("recovery_time_ms", 5e6, "microseconds"),
        ("rf_phases_deg", [0.0, np.pi], "radians"),
        ("flip_angles_deg", [700.0, 900.0], "at most 360"),
    ],
)
def test_every_time_and_angle_of_a_sequence_file_has_its_unit(field, value, unit, tmp_path):
    spoiled(**{field: value}).to_json(tmp_path / "s.json")
    with pytest.raises(mrf.MRFInputError, match=unit):
        mrf.Sequence.load(tmp_path / "s.json")


@pytest.mark.parametrize(
    "fields",
    [
        {"echo_times_ms": 0.0},
        {"echo_times_ms": [0.05, 3.0]},
        {"rf_phases_deg": [0.0, 117.0]},
        {"inversion_time_ms": 0.0},
        {"repetition_times_ms": [1.5, 450.0], "echo_times_ms": 0.5},
    ],
)
def test_unusual_sequences_in_the_right_unit_are_read(fields, tmp_path):
    sequence = spoiled(**fields)
    sequence.to_json(tmp_path / "s.json")
    assert mrf.Sequence.load(tmp_path / "s.json") == sequence


def test_csv_has_the_rf_phases_and_knows_no_other_columns(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("FA,TE,TR,phase\n5,2,4,0\n10,2,4,180\n")
    sequence = mrf.sequences.load(path)
    np.testing.assert_array_equal(sequence.rf_phases_deg, [0, 180])
    path.write_text("FA,TE,TR\n5,2,4\n10,2,4\n")
    assert mrf.sequences.load(path) != sequence
    for header in ("FA,TE,TR,slice", "FA,TE,TR,Phase", "FA,TE,TR,FA"):
        path.write_text(f"{header}\n5,2,4,0\n")
        with pytest.raises(mrf.MRFInputError, match="FA,TE,TR, with phase and frame") as caught:
            mrf.sequences.load(path)
        assert caught.value.code == "bad-sequence"


def test_csv_of_pulses_that_all_differ_has_a_frame_for_each(tmp_path):
    # 1000 is a multiple of the eight spokes of a frame of MRF T1-FF.
    path = tmp_path / "s.csv"
    path.write_text(pulses(mrf.sequences.fisp()))
    assert (mrf.sequences.load(path).n_pulses, mrf.sequences.load(path).n_frames) == (1000, 1000)
    path.write_text("FA,TE,TR\n" + "5,2,4\n" * 16)
    assert mrf.sequences.load(path).n_frames == 2
    rows = [f"5,2,4,{pulse // 2}" for pulse in range(16)]
    path.write_text("\n".join(["FA,TE,TR,frame", *rows]))
    assert mrf.sequences.load(path).n_frames == 8
    path.write_text("\n".join(["FA,TE,TR,frame", *rows[1:]]))
    with pytest.raises(mrf.MRFInputError, match="frames of equally many pulses"):
        mrf.sequences.load(path)


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n , ,\n", "\r\n\r\n"])
def test_blank_lines_of_a_csv_count_for_nothing(end, tmp_path):
    (tmp_path / "s.csv").write_text(f"FA,TE,TR\n5,2,4\n10,2,4{end}")
    assert mrf.sequences.load(tmp_path / "s.csv").n_pulses == 2
    (tmp_path / "p.csv").write_text(f"T1,T2,B1\n900,80,1\n1000,70,0.9{end}")
    table = load_parameter_table(tmp_path / "p.csv")
    np.testing.assert_array_equal(table["T2"], [80, 70])


def test_unknown_sequence_name_lists_the_known_ones():
    with pytest.raises(mrf.MRFInputError, match="t1ff, fisp"):
        mrf.sequences.load("t2star")
    with pytest.raises(mrf.MRFInputError, match="does not exist"):
        mrf.sequences.load("missing.json")
