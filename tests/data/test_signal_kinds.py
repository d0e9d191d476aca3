"""A kind of sequence is data and a line per registry: a toy kind walks through every room."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.cli.application import app
from napari_mrf.data import sequences
from napari_mrf.data.signal_kinds import SIGNAL_KINDS, ByKind, SignalKind
from napari_mrf.dictionary import grid as grids
from napari_mrf.io import load_series, save_series
from napari_mrf.matching.refinement.choice import REFINEMENTS, make_refinement
from napari_mrf.matching.refinement.relaxation import TableRefinement
from napari_mrf.matching.tables.relaxation import TissueAxis
from napari_mrf.networks.normalization import Normalization
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.by_kind import PHANTOMS
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.simulation.models import MODELS
from napari_mrf.simulation.signal_model import SignalModel
from napari_mrf.simulation.voxel_simulator import VoxelSimulator
from napari_mrf.training.data import phantom_subjects
from napari_mrf.training.physics.decoder import physics_of
from napari_mrf.training.recipe import MapRange

DECAY = SignalKind(
    key="decay", title="decay", ranges={"T2": (10.0, 500.0)}, required=("T2",), has_density=True
)
ECHO_TIMES_MS = np.linspace(5.0, 190.0, 24).round(3)


class Decay(SignalModel):
    """Echoes of one excitation each, after full relaxation."""

    def fingerprints(self, sequence, tissue, n_states):
        times_ms = torch.tensor(sequence.echo_times_ms).to(tissue["T2"])
        return -1j * torch.exp(-times_ms / tissue["T2"][:, None])


class DecayRefinement(TableRefinement):
    keys = ("T2",)
    axes = (TissueAxis(key="T2", low=4.0, high=1000.0, cells=24, scale=30.0),)


def decay_grid():
    return grids.ParameterGrid({"T2": np.geomspace(10, 500, 40)})


def draw(shape, *, seed=0):
    rng = np.random.default_rng(seed)
    maps = {"PD": rng.uniform(0.5, 1, shape), "T2": rng.uniform(30, 200, shape)}
    maps = {key: values.astype(np.float32) for key, values in maps.items()}
    return Phantom("tube", maps, maps["PD"], np.ones(shape, bool), np.ones(shape, np.uint16),
                   {1: "tube"}, {1: (255, 0, 0)}, np.eye(4))  # fmt: skip


def decay():
    return mrf.Sequence(name="Decay", kind="decay", flip_angles_deg=90.0,
                        repetition_times_ms=400.0, echo_times_ms=ECHO_TIMES_MS)  # fmt: skip


@pytest.fixture
def sequence(monkeypatch, tmp_path):
    """The toy kind, one line for each registry."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(MODELS, "decay", Decay())
    monkeypatch.setitem(grids.EXPLICIT_GRIDS, "decay", decay_grid)
    monkeypatch.setitem(REFINEMENTS, "decay", DecayRefinement)
    monkeypatch.setitem(methods.DEFAULTS, "decay", "exhaustive")
    monkeypatch.setitem(PHANTOMS, "decay", draw)
    monkeypatch.setitem(
        phantom_subjects.SUBJECTS, "decay", lambda rng, matrix: draw((1, matrix, matrix))
    )
    monkeypatch.setitem(sequences.NAMED, "decay", decay)
    with SIGNAL_KINDS.registered(DECAY):
        yield decay()
    assert "decay" not in SIGNAL_KINDS


def test_simulator_and_bound_are_the_closed_forms(sequence):
    assert sequence.parameters == ("PD", "T2")
    t2_ms, density, sigma = np.array([40.0, 120.0]), np.array([1.0, 0.5]), 0.01
    shape = np.exp(-ECHO_TIMES_MS / t2_ms[:, None])
    found = mrf.simulate(sequence, {"T2": t2_ms, "PD": density}, dtype="complex128")
    np.testing.assert_allclose(found, -1j * density[:, None] * shape, rtol=1e-14)
    voxels = VoxelSimulator(sequence).fingerprints({"T2": t2_ms, "PD": density})
    np.testing.assert_array_equal(voxels, found)
    slope = density[:, None] * shape * ECHO_TIMES_MS / t2_ms[:, None] ** 2
    left = np.sum(slope**2, 1) - np.sum(slope * shape, 1) ** 2 / np.sum(shape**2, 1)
    bound = mrf.crlb(sequence, {"T2": t2_ms, "PD": density}, sigma)
    np.testing.assert_allclose(bound["T2"], sigma / np.sqrt(left), rtol=1e-6)
    assert set(bound) == {"T2", "PD"}
    with pytest.raises(mrf.MRFInputError, match="does not use B1"):
        mrf.simulate(sequence, {"T2": 40.0, "B1": 1.0})


@pytest.mark.parametrize("name", ["exhaustive", "compressed", "group"])
def test_phantom_is_acquired_matched_refined_and_predicted(sequence, name, tmp_path):
    person = PHANTOMS["decay"]((1, 12, 12), seed=3)
    series = acquire(person, sequence, mode="noise-only", snr_db=None)
    save_series(series, tmp_path / "tube.nii")
    series = load_series(tmp_path / "tube.nii")
    assert series.sequence == sequence
    coarse = methods.get(name, sequence=sequence, device="cpu", refine=False)
    maps = coarse.reconstruct(series, person.foreground)
    step = np.log(50) / 39
    assert np.abs(np.log(maps["T2"] / person.maps["T2"])).max() < 0.55 * step
    fine = methods.get(name, sequence=sequence, device="cpu", refine=True, prior="off")
    maps = fine.reconstruct(series, person.foreground)
    for key in ("T2", "PD"):
        np.testing.assert_allclose(maps[key], person.maps[key], rtol=2e-3)
    measured = np.asarray(series.signal)[:, 0, 1, 2]
    predicted = Predictor.of("own", maps, series).at((0, 1, 2), measured)
    assert predicted.correlation > 0.999999
    assert not predicted.note


def test_training_knows_people_and_physics(sequence):
    assert set(phantom_subjects.random_subject("decay", np.random.default_rng(0), 8).maps) == {
        "PD", "T2"
    }  # fmt: skip
    maps = {"T2": MapRange(lower=10.0, upper=500.0)}
    reference = torch.full((24,), 24**-0.5 + 0j)
    normalization = Normalization(reference, [10.0], [500.0])
    scaled = torch.tensor([[0.1], [0.4]], dtype=torch.float64, requires_grad=True)
    found = physics_of(sequence, maps, normalization)(scaled)
    assert found.shape == (2, 2, 24)
    shape = np.exp(-ECHO_TIMES_MS / np.array([[59.0], [206.0]]))
    shape /= np.sqrt(np.mean(shape**2, axis=1, keepdims=True))  # of mean power 1
    np.testing.assert_allclose(np.hypot(*np.moveaxis(found.detach().numpy(), 1, 0)), shape,
                               rtol=1e-5)  # fmt: skip


def test_methods_are_listed_everywhere(sequence, qtbot):
    from napari_mrf.plugin.panels.shared.methods import MethodPicker

    rows = methods.available(sequence)
    assert [row.name for row in rows] == ["exhaustive", "compressed", "group"]
    with pytest.raises(mrf.MRFInputError, match="does not work for Decay"):
        methods.get("spatiotemporal", sequence=sequence)
    listed = json.loads(CliRunner().invoke(app, ["methods", "--json"]).output)
    assert [row["name"] for row in listed if row["sequence"] == "Decay" and not row["needs"]] == [
        "exhaustive", "compressed", "group"
    ]  # fmt: skip
    picker = MethodPicker()
    qtbot.addWidget(picker)
    picker.set_methods(rows, methods.default_name(sequence))
    assert picker.info().name == "exhaustive"
    assert "Decay" in {make().name for make in sequences.NAMED.values()}


def test_phantom_of_the_command_line_follows_the_sequence(sequence, tmp_path):
    asked = ["phantom", "--output", str(tmp_path / "p"), "--sequence", "decay", "--size", "32"]
    result = CliRunner().invoke(app, [*asked, "--mode", "noise-only"])
    assert result.exit_code == 0, result.output
    assert load_series(tmp_path / "p" / "series.nii").sequence == sequence


def test_what_a_room_has_not_registered_is_told(sequence, monkeypatch):
    monkeypatch.delitem(grids.EXPLICIT_GRIDS, "decay")
    with pytest.raises(mrf.MRFInputError, match="no dictionary grid for sequences of this kind"):
        methods.get("exhaustive", sequence=sequence, refine=False).prepare()
    monkeypatch.delitem(REFINEMENTS, "decay")
    with pytest.raises(ValueError, match="no refinement for sequences of kind decay"):
        make_refinement(sequence, Conditioning(), ["T2"])


def test_kinds_that_cannot_be_are_refused():
    with pytest.raises(mrf.MRFInputError, match="already"):
        SIGNAL_KINDS.register(SIGNAL_KINDS["fisp"])
    odd = SignalKind(key="odd", title="odd", ranges={"T1": (1.0, 2.0)}, required=("T2",))
    with pytest.raises(mrf.MRFInputError, match="does not depend on"):
        SIGNAL_KINDS.register(odd)
    with pytest.raises(mrf.MRFInputError, match=r"expected a or b, found c"):
        ByKind("line", {"a": 1, "b": 2})["c"]


@pytest.mark.parametrize("kind", SIGNAL_KINDS.values(), ids=SIGNAL_KINDS)
def test_every_kind_is_registered_in_every_room_that_needs_it(kind):
    for registry in (MODELS, grids.EXPLICIT_GRIDS, methods.DEFAULTS, PHANTOMS):
        assert kind.key in registry
    assert methods.DEFAULTS[kind.key] in methods.names()
    axes = grids.EXPLICIT_GRIDS[kind.key]().axes
    assert set(axes) == set(kind.tissue)
    assert set(REFINEMENTS[kind.key].keys) == set(kind.tissue)
    assert set(PHANTOMS[kind.key]((1, 64, 64), seed=0).maps) >= set(kind.parameters)


def _compared_kinds(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                if isinstance(side, ast.Constant) and side.value in SIGNAL_KINDS:
                    yield node.lineno


def test_nobody_asks_for_a_kind_by_name():
    root = Path(mrf.__file__).parent
    found = {
        f"{path.relative_to(root)}:{line}"
        for path in root.rglob("*.py")
        for line in _compared_kinds(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found
