"""Every error names its cure."""

import ast
from pathlib import Path

import pytest
from places import REPOSITORY

from napari_mrf import MRFInputError
from napari_mrf.errors import CURES

SHOWN_IN_PANELS = ("plugin", "io", "data", "analysis", "matching", "rois", "methods.py")
"""Where errors come from that panels show."""


def raised(part):
    """Yield place, code and whether a hint is given, for every error that is made in a room."""
    start = REPOSITORY / "napari_mrf" / part
    for path in [start] if start.is_file() else sorted(start.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "MRFInputError":
                if not call.args or not isinstance(call.args[0], ast.Constant):
                    continue
                given = any(key.arg in ("hint", None) for key in call.keywords)
                yield f"{Path(path).name}:{call.lineno}", call.args[0].value, given


@pytest.mark.parametrize("part", SHOWN_IN_PANELS)
def test_every_error_that_a_panel_can_show_has_a_cure(part):
    found = list(raised(part))
    assert found
    assert [one for one in found if not one[2] and one[1] not in CURES] == []


def test_a_cure_is_a_sentence():
    for code, cure in CURES.items():
        assert cure[0].isupper() and cure.endswith("."), code


def test_the_place_knows_better_than_the_code():
    code = "sha256-mismatch"
    assert MRFInputError(code, "it differs").sentence() == f"it differs. {CURES[code]}"
    assert "remove SHA256 from the sidecar" in CURES[code]
    assert MRFInputError(code, "it differs", hint="Do this.").sentence() == "it differs. Do this."
    assert MRFInputError(code, "it differs", hint="").sentence() == "it differs."
