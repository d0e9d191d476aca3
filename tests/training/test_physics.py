"""The physics that `blochnet` is trained with: against the simulator, and its gradient."""

import numpy as np
import pytest
import torch

from napari_mrf import Sequence, simulate
from napari_mrf.data import sequences
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.training.data.tissue import random_tissues
from napari_mrf.training.physics.decoder import physics_of
from napari_mrf.training.physics.spline_table import Axis, SplineTable
from napari_mrf.training.recipe import MapRange, Recipe, load_recipe
from napari_mrf.training.run import prepare

BRAIN = {
    "T1": MapRange(lower=300, upper=2000, logarithmic=True),
    "T2": MapRange(lower=30, upper=300, logarithmic=True),
}


def short_fisp(n=120, phases=0.0):
    whole = sequences.fisp()
    return Sequence(
        name="short",
        kind="fisp",
        flip_angles_deg=whole.flip_angles_deg[:n],
        repetition_times_ms=whole.repetition_times_ms[:n],
        echo_times_ms=np.array(1.908),
        rf_phases_deg=np.array(phases),
        inversion_time_ms=20.64,
    )


def normalization_of(sequence, maps):
    signals = simulate(sequence, random_tissues(maps, 200, 0))
    return Normalization(
        reference_of(signals),
        [one.lower for one in maps.values()],
        [one.upper for one in maps.values()],
        [one.logarithmic for one in maps.values()],
    ).double()


def simulated(sequence, maps, normalization, scaled):
    """What the physics should give, by the simulator in float64, for (N, M) scaled maps."""
    values = normalization.values(torch.from_numpy(scaled)).numpy()
    signals = simulate(sequence, dict(zip(maps, values.T, strict=True)), dtype="complex128")
    unit = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    reference = torch.view_as_complex(normalization.reference).numpy()
    product = unit @ reference.conj()
    canonical = unit * (product.conj() / abs(product))[:, None] * np.sqrt(signals.shape[1])
    return np.stack([canonical.real, canonical.imag], axis=1)


def muscle(**less):
    ranges = {key: one for key, one in load_recipe("t1ff-blochnet").maps.items() if key not in less}
    return sequences.t1ff(), ranges


CASES = {
    "t1ff": muscle(),
    "t1ff without Df and B1": muscle(Df=0, B1=0),
    "fisp": (short_fisp(), BRAIN),
    "fisp with B1": (short_fisp(40), {**BRAIN, "B1": MapRange(lower=0.8, upper=1.2)}),
    "fisp with turning RF phase": (short_fisp(30, 90.0), BRAIN),
    # Off-resonance is in no table: the simulator itself is called.
    "fisp with Df": (short_fisp(20), {**BRAIN, "Df": MapRange(lower=-20, upper=20)}),
}


@pytest.mark.parametrize("case", CASES)
def test_physics_is_the_simulator_and_its_gradient_the_difference(case):
    sequence, maps = CASES[case]
    normalization = normalization_of(sequence, maps)
    physics = physics_of(sequence, maps, normalization)
    scaled = np.random.default_rng(0).uniform(0.02, 0.98, (12, len(maps)))
    leaf = torch.from_numpy(scaled).requires_grad_()
    found = physics(leaf)
    expected = simulated(sequence, maps, normalization, scaled)
    assert found.shape == (12, 2, sequence.n_frames)
    norm = np.sqrt(sequence.n_frames)
    error = np.linalg.norm((found.detach().numpy() - expected).reshape(12, -1), axis=1)
    assert error.max() < 3e-5 * norm
    # The derivative along a random direction of fingerprints, map by map.
    direction = np.random.default_rng(1).standard_normal(expected.shape)
    (found * torch.from_numpy(direction)).sum().backward()
    step = 1e-4
    for column in range(len(maps)):
        ahead, behind = scaled.copy(), scaled.copy()
        ahead[:, column] += step
        behind[:, column] -= step
        difference = (
            simulated(sequence, maps, normalization, ahead)
            - simulated(sequence, maps, normalization, behind)
        ) / (2 * step)
        slope = np.linalg.norm(difference.reshape(12, -1), axis=1)
        expected_slope = (difference * direction).reshape(12, -1).sum(axis=1)
        # A random direction sees a share of about 1 in the norm of the derivative.
        assert np.all(abs(leaf.grad[:, column].numpy() - expected_slope) < 3e-3 * slope + 1e-3)


@pytest.mark.slow
def test_physics_of_the_shipped_fisp_recipe_is_the_simulator():
    plan = load_recipe("fisp-blochnet")
    sequence = sequences.fisp()
    normalization = normalization_of(sequence, plan.maps)
    physics = physics_of(sequence, plan.maps, normalization)
    scaled = np.random.default_rng(0).uniform(0, 1, (100, 2))
    error = physics(torch.from_numpy(scaled)).numpy() - simulated(
        sequence, plan.maps, normalization, scaled
    )
    assert np.linalg.norm(error.reshape(100, -1), axis=1).max() < 3e-5 * np.sqrt(1000)


def test_beyond_the_ranges_the_gradient_is_zero():
    sequence, maps = CASES["fisp"]
    physics = physics_of(sequence, maps, normalization_of(sequence, maps))
    scaled = torch.tensor([[1.5, 0.5], [0.5, -0.5]], dtype=torch.float64, requires_grad=True)
    physics(scaled).square().sum().backward()
    assert torch.isfinite(scaled.grad).all()
    assert scaled.grad[0, 0] == 0
    assert scaled.grad[1, 1] == 0


def test_spline_table_gives_cubic_polynomials_exactly():
    def cubic(points):
        x, y = points.T
        return np.stack([x**3 - 2 * x * y**2, y**3 + 1.0], axis=1)

    table = SplineTable([Axis(-1.0, 2.0, 5), Axis(0.5, 1.5, 3)], cubic)
    points = np.random.default_rng(0).uniform((-1.0, 0.5), (2.0, 1.5), (50, 2))
    found = table(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(found, cubic(points), atol=1e-9)
    corners = np.array([[-1.0, 0.5], [2.0, 1.5]])
    np.testing.assert_allclose(table(torch.from_numpy(corners)).numpy(), cubic(corners), atol=1e-9)


def test_blochnet_is_built_with_its_physics_and_keeps_it_out_of_the_weights():
    plan = Recipe.model_validate(
        {
            "network": "blochnet",
            "maps": {key: one.model_dump() for key, one in load_recipe("t1ff-fc").maps.items()},
            "data": {"tissues": 100, "validation_tissues": 10},
        }
    )
    _, trained, training, _ = prepare(plan)
    clean = trained.normalization.canonical(training.signals)
    with torch.no_grad():
        again = trained.network.simulate(training.maps)
    # Single precision.
    assert (again - clean).abs().max() < 1e-3
    assert all(key.startswith(("network.layers", "normalization")) for key in trained.state_dict())
