"""Refinement as plain Python: what is compiled is what is written."""

import os
import subprocess
import sys

import numpy as np
import pytest
from matching_cases import measured, random_tissue, small_grid
from numba import config

import napari_mrf as mrf
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher

N = 4
PLAIN = """
import sys
import numpy as np
from numba import config
from napari_mrf.matching.refinement import relaxation_kernel, water_fat_refine_kernel
from napari_mrf.matching.refinement.levenberg_marquardt_kernel import refine_voxels
assert config.DISABLE_JIT
with np.load(sys.argv[1]) as file:
    given = [file[f"given {n}"][()] for n in range(int(file["n_given"]))]
    model = tuple(file[f"table {n}"] for n in range(int(file["n_tables"])))
refine_voxels(*given[:6], model, *given[6:])
np.savez(sys.argv[2], *given[-4:])
"""
pytestmark = pytest.mark.skipif(
    bool(config.DISABLE_JIT), reason="there is nothing compiled to compare with"
)


def water_fat(rng):
    sequence = mrf.sequences.t1ff()
    tissue = random_tissue(N, rng, df_hz=60)
    return WaterFatMatcher(sequence, device="cpu", grid=small_grid(), prior="range"), tissue


def relaxation(rng):
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    grid = ParameterGrid({"T1": np.arange(400.0, 2000, 60), "T2": np.arange(20.0, 200, 10)})
    dictionary = Dictionary.build(sequence, grid)
    tissue = {"T1": rng.uniform(500, 1900, N), "T2": rng.uniform(25, 190, N)}
    return ExhaustiveMatcher(sequence, device="cpu", dictionary=dictionary, prior="range"), tissue


@pytest.mark.parametrize("case", [water_fat, relaxation])
def test_plain_python_gives_the_numbers_of_the_compiled_kernel(case, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    matcher, tissue = case(rng)
    matcher.prepare()
    calls = []
    compiled = matcher._refinement._refine_voxels

    def watched(*arguments):
        before = [np.copy(one) if isinstance(one, np.ndarray) else one for one in arguments]
        compiled(*arguments)
        calls.append((before, arguments[-4:]))

    monkeypatch.setattr(matcher._refinement, "_refine_voxels", watched)
    matcher.threads = 1
    signals = measured(matcher.sequence, tissue, 25, rng)
    matcher.improve(signals, matcher.match(signals))
    ((arguments, expected),) = calls
    model, rest = arguments[6], [*arguments[:6], *arguments[7:]]
    np.savez(
        tmp_path / "given.npz", n_given=len(rest), n_tables=len(model),
        **{f"given {n}": one for n, one in enumerate(rest)},
        **{f"table {n}": one for n, one in enumerate(model)},
    )  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", PLAIN, tmp_path / "given.npz", tmp_path / "found.npz"],
        check=True, env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    with np.load(tmp_path / "found.npz") as found:
        for name, values in zip(found, expected, strict=True):
            assert np.all(np.isfinite(values))
            np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-12)
