"""Methods are offered by their errors on in-vivo maps, for the kind of images that are there."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reconstruction import in_vivo
from napari_mrf.reconstruction.in_vivo import (
    NOISE_ONLY,
    SCANS,
    SUBSPACE,
    UNDERSAMPLED,
    in_order,
    in_vivo_errors,
    scan_of,
    with_errors,
)  # fmt: skip
from napari_mrf.reconstruction.method import MethodInfo

T1FF = mrf.sequences.t1ff()
MATCHING = {"FF": 0.02, "T1H2O": 50.0}


def table(scan, weights=None, **errors):
    return {
        "fingerprint": T1FF.fingerprint(), "scan": scan, "matching": "water-fat",
        "errors": {"water-fat": MATCHING, **errors}, "weights": weights or {},
    }  # fmt: skip


@pytest.fixture
def measured(monkeypatch):
    """A network that is better than matching with noise alone, and worse undersampled."""
    tables = [
        table(NOISE_ONLY, {"net": "a" * 64}, net={"FF": 0.01, "T1H2O": 50.0}),
        table(UNDERSAMPLED, {"net": "a" * 64}, net={"FF": 0.08, "T1H2O": 50.0},
              group={"FF": 0.02, "T1H2O": 50.4}),
    ]  # fmt: skip
    monkeypatch.setattr(in_vivo, "_tables", lambda: tables)


def row(name, kind="network"):
    return MethodInfo(name, "", kind, (), "")


def test_ratio_is_the_geometric_mean_over_the_maps(measured):
    found = in_vivo_errors(T1FF.fingerprint(), "net", "a" * 64)
    assert found[NOISE_ONLY].ratio == pytest.approx(np.sqrt(0.5))
    assert found[UNDERSAMPLED].ratio == pytest.approx(2.0)


def test_other_weights_and_other_sequences_have_not_been_measured(measured):
    assert in_vivo_errors(T1FF.fingerprint(), "net", "b" * 64) == {}
    assert in_vivo_errors(T1FF.fingerprint(), "net") == {}
    assert in_vivo_errors(mrf.sequences.fisp().fingerprint(), "net", "a" * 64) == {}
    assert with_errors(row("net"), T1FF, "b" * 64) == row("net")


def test_words_say_what_is_worse_and_where(measured):
    assert with_errors(row("net"), T1FF, "a" * 64).details == (
        "worse than matching on undersampled patients: errors x 2.00 (FF 0.08, T1H2O 50 ms)",
        "better than matching on patients with noise alone: errors x 0.71 (FF 0.01, T1H2O 50 ms)",
    )
    assert with_errors(row("water-fat"), T1FF).details[0] == (
        "on undersampled patients: mean errors FF 0.02, T1H2O 50 ms"
    )
    assert with_errors(row("group"), T1FF).details[0].startswith("as good as matching on")


def test_order_follows_the_images_and_what_was_not_measured_comes_last(measured):
    rows = [
        row("other"),
        with_errors(row("net"), T1FF, "a" * 64),
        with_errors(row("water-fat"), T1FF),
    ]
    assert [one.name for one in in_order(rows, UNDERSAMPLED)] == ["water-fat", "net", "other"]
    assert [one.name for one in in_order(rows, NOISE_ONLY)] == ["net", "water-fat", "other"]
    assert [one.name for one in in_order(rows, SUBSPACE)] == ["other", "net", "water-fat"]


def test_images_are_undersampled_unless_it_is_known_otherwise():
    def series(**metadata):
        signal = np.ones((175, 1, 2, 2), np.complex64)
        return mrf.MRFSeries(signal, sequence=T1FF, metadata=metadata)

    assert scan_of(series()) == scan_of(None) == UNDERSAMPLED
    assert scan_of(series(simulated="radial")) == UNDERSAMPLED
    assert scan_of(series(simulated="noise-only")) == NOISE_ONLY
    assert scan_of(series(images="subspace")) == SUBSPACE
    assert scan_of(series(images="gridded")) == UNDERSAMPLED


def test_the_shipped_table_is_of_methods_and_maps_that_there_are():
    text = Path(in_vivo.__file__).with_name(in_vivo.FILE).read_text(encoding="utf-8")
    tables = tomllib.loads(text)["table"]
    sequences = {one.fingerprint(): one for one in (T1FF, mrf.sequences.fisp())}
    assert T1FF.fingerprint() in {one["fingerprint"] for one in tables} <= set(sequences)
    for one in tables:
        keys = set(sequences[one["fingerprint"]].parameters) - {"PD"}
        assert one["scan"] in SCANS
        for name, errors in one["errors"].items():
            assert set(errors) == keys
            assert (name in NETWORKS) == (name in one["weights"])
            assert min(errors.values()) > 0


def test_matching_stands_for_itself_and_rows_come_in_order():
    rows = mrf.methods.available(T1FF)
    assert [one.kind for one in rows] == sorted(one.kind for one in rows)  # matchers first
    assert rows[0].name == "water-fat"
    assert rows[0].in_vivo[UNDERSAMPLED].ratio == pytest.approx(1.0)
    for scan in (UNDERSAMPLED, NOISE_ONLY):
        networks = [one for one in mrf.methods.available(T1FF, scan=scan) if one.kind == "network"]
        ratios = [one.in_vivo[scan].ratio for one in networks if scan in one.in_vivo]
        assert ratios == sorted(ratios)
        assert len(ratios) > 5
