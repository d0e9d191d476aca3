"""The page for users says everything that the code says."""

import json
import re

import pytest
from places import REPOSITORY

from napari_mrf.io.formats.registry import FORMATS
from napari_mrf.io.series.sidecar import MRFBlock, load_sidecar
from napari_mrf.io.series.sidecar_sequence import sequence_of

PAGE = REPOSITORY / "docs" / "formats.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def test_every_error_code_is_explained(page):
    package = REPOSITORY / "napari_mrf" / "io"
    codes = set()
    for module in package.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        codes |= set(re.findall(r'MRFInputError\(\s*"([a-z0-9-]+)"', text))
        if module.name == "atomic.py":
            codes |= set(re.findall(r'errno\.\w+: \(\s*"([a-z-]+)"', text))
    assert len(codes) > 40
    assert not {code for code in codes if f"`{code}`" not in page}


def test_every_sidecar_key_and_suffix_is_explained(page):
    assert not {key for key in MRFBlock.model_fields if f"`{key}`" not in page}
    suffixes = {suffix for known in FORMATS for suffix in known.suffixes} - {".hdf"}
    assert not {suffix for suffix in suffixes if f"`{suffix}`" not in page}


def test_example_of_a_sidecar_is_valid(page, tmp_path):
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "series.json").write_text(example)
    sidecar = load_sidecar(tmp_path / "series.nii")
    sequence, _ = sequence_of(sidecar.block, sidecar.path)
    assert sequence.n_frames == json.loads(example)["MRF"]["NFrames"]
