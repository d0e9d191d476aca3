"""Warnings of maps: as values, in records, and in records of old files."""

import json

import numpy as np
import pytest

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.maps_warning import MapsWarning

A_MAP = {"T1": np.ones((1, 2, 3), np.float32)}


def test_a_warning_comes_back_from_its_record():
    given = (
        MapsWarning("on-edge", "T1 lies on the edge.", voxels=12),
        MapsWarning("phase-sign", "The sign seems reversed.", ("phase-sign", "time-reversed")),
    )
    record = json.loads(json.dumps([one.as_dict() for one in given]))
    assert record[0] == {
        "code": "on-edge", "causes": [], "message": "T1 lies on the edge.", "voxels": 12,
    }  # fmt: skip
    assert ParameterMaps(A_MAP, provenance={"warnings": record}).warnings == given
    assert str(given[0]) == "T1 lies on the edge."


@pytest.mark.parametrize("record", [None, 5, "text", {}, [None, 3, {}, {"message": 1}]])
def test_a_record_that_holds_no_warnings_gives_none(record):
    assert ParameterMaps(A_MAP, provenance={"warnings": record}).warnings == ()


def test_sentences_of_old_records_are_warnings_without_a_code():
    maps = ParameterMaps(A_MAP, provenance={"warnings": ["Read me."]})
    assert maps.warnings == (MapsWarning("", "Read me."),)
