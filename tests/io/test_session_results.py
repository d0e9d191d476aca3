"""Results beside a session: the same to the last bit, and damage is told, never run."""

import numpy as np
import pytest

from napari_mrf import MRFInputError
from napari_mrf.io.session.results import StoredResult, read_result, write_result

WORDS = {"name": "größer", "list": [1, None, True, 0.1], "nothing": {}}
ARRAYS = {
    "numbers": np.array([[0.1, np.nan], [np.inf, -0.0]]),
    "turned": np.arange(12, dtype=np.uint16).reshape(3, 4).T,
    "empty": np.empty((0, 3), np.float32),
    "flags": np.array([True, False]),
}


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    write_result(tmp_path / "a.npz", StoredResult(WORDS, ARRAYS))
    read = read_result(tmp_path / "a.npz")
    assert read.words == WORDS and read.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert read.arrays[name].dtype == array.dtype and read.arrays[name].shape == array.shape
        assert read.arrays[name].tobytes() == array.tobytes()
    assert read.digest() == StoredResult(WORDS, ARRAYS).digest()


@pytest.mark.parametrize(
    "other",
    [
        StoredResult({**WORDS, "nothing": {"a": 1}}, ARRAYS),
        StoredResult(WORDS, {**ARRAYS, "flags": np.array([True, True])}),
        StoredResult(WORDS, {**ARRAYS, "flags": np.array([1, 0], np.uint8)}),
        StoredResult(WORDS, {**ARRAYS, "turned": ARRAYS["turned"].reshape(3, 4)}),
    ],
)
def test_another_result_has_another_digest(other):
    assert other.digest() != StoredResult(WORDS, ARRAYS).digest()


def bytes_of(text):
    return np.frombuffer(text.encode(), np.uint8)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"numbers": np.ones(2)}, "bad-session"),
        ({"record": bytes_of("{}")}, "bad-session"),
        ({"record": bytes_of('{"words": {}, "empty": {"a": ["<f4", 3]}}')}, "bad-session"),
        ({"record": bytes_of('{"words": 1, "empty": {}}')}, "bad-session"),
        ({"record": bytes_of("{")}, "bad-json"),
        ({"record": bytes_of('{"a": NaN}')}, "bad-json"),
        ({"record": np.array([255, 254], np.uint8)}, "bad-json"),
        ({"record": bytes_of("{}"), "objects": np.array([{}], object)}, "security-pickle"),
    ],
)
def test_what_no_version_wrote_is_refused(tmp_path, content, code):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(MRFInputError) as caught:
        read_result(tmp_path / "a.npz")
    assert caught.value.code == code


def test_damage_is_told(tmp_path):
    path = tmp_path / "a.npz"
    write_result(path, StoredResult(WORDS, ARRAYS))
    whole = path.read_bytes()
    for content, codes in ((whole[: len(whole) // 2], {"truncated", "corrupt-zip"}),
                           (whole.replace(b"\x9a\x99", b"\x9a\x98"), {"corrupt-zip"})):  # fmt: skip
        assert content != whole
        path.write_bytes(content)
        with pytest.raises(MRFInputError) as caught:
            read_result(path)
        assert caught.value.code in codes
