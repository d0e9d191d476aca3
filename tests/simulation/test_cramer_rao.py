"""The Cramér-Rao bound against finite differences and Monte Carlo."""

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.matching.refinement.prior import KEYS
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.simulation.cramer_rao import jacobian

TISSUE = {"FF": 0.3, "T1H2O": 1300.0, "T1fat": 320.0, "Df": 15.0, "B1": 0.8}


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


def numeric_bound(sequence, tissue, sigma, keys):
    """The same bound from central differences, written out."""

    def signal(**changed):
        point = {key: np.array([value]) for key, value in (tissue | changed).items()}
        return mrf.simulate(sequence, point, dtype="complex128")[0]

    rows = []
    for key in keys:
        step = 1e-4 * max(abs(tissue[key]), 1.0)
        up, down = signal(**{key: tissue[key] + step}), signal(**{key: tissue[key] - step})
        rows.append((up - down) / (2 * step))
    rows += [signal(), 1j * signal()]
    jacobian = np.array(rows)
    information = (jacobian.conj() @ jacobian.T).real / sigma**2
    return np.sqrt(np.diag(np.linalg.inv(information)))[: len(keys)]


def test_water_fat_bound_is_that_of_central_differences(sequence):
    found = mrf.crlb(sequence, TISSUE, 1e-3)
    expected = numeric_bound(sequence, TISSUE, 1e-3, KEYS)
    np.testing.assert_allclose([found[key][0] for key in KEYS], expected, rtol=1e-5)


def test_fisp_bound_is_that_of_central_differences():
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(80) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    tissue = {"T1": 1000.0, "T2": 80.0}
    found = mrf.crlb(sequence, tissue, 1e-3)
    expected = numeric_bound(sequence, tissue, 1e-3, ("T1", "T2"))
    np.testing.assert_allclose([found[key][0] for key in ("T1", "T2")], expected, rtol=1e-5)


def test_fast_derivatives_of_fisp_are_those_of_automatic_differentiation():
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(80) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
        rf_phases_deg=180.0 * (np.arange(80) % 2),
    )  # fmt: skip
    tissue = {"T1": [1000.0, 300.0, 4000.0], "T2": [80.0, 5.0, 2000.0], "PD": [1.0, 2.0, 0.5]}
    fast = jacobian(sequence, tissue)
    through_torch = jacobian(sequence, tissue | {"Df": 0.0})  # off resonance takes that way
    np.testing.assert_allclose(fast, through_torch, rtol=1e-8, atol=1e-9 * np.abs(fast).max())
    assert mrf.crlb(sequence, tissue, 1e-3)["PD"][1] > 0


def test_estimates_scatter_as_the_bound_says(sequence):
    rng = np.random.default_rng(0)
    clean = mrf.simulate(sequence, {k: [v] for k, v in TISSUE.items()}, dtype="complex128")
    sigma = 2e-3 * np.linalg.norm(clean)
    noise = rng.standard_normal((2, 4000, 175)) * sigma
    signals = (clean + noise[0] + 1j * noise[1]).astype(np.complex64)
    matcher = WaterFatMatcher(sequence, device="cpu", refine=True, prior="off")
    result = matcher.improve(signals, matcher.match(signals))
    bound = mrf.crlb(sequence, TISSUE, sigma)
    for key in KEYS:
        # The standard deviation of 4000 draws is known to 1.1 %.
        assert result.parameters[key].std() == pytest.approx(bound[key][0], rel=0.05), key


def test_bound_scales_with_noise_and_falls_with_a_prior(sequence):
    tissue = {key: [value] * 3 for key, value in TISSUE.items()} | {"PD": [1.0, 1.0, 4.0]}
    found = mrf.crlb(sequence, tissue, [1e-3, 2e-3, 1e-3])
    for values in found.values():
        assert values[1] == pytest.approx(2 * values[0])
        assert values[2] == pytest.approx(values[0] / 4)  # louder
    prior = mrf.crlb(sequence, TISSUE, 1e-3, prior_deviation={"T1H2O": 1e-3})
    assert prior["T1H2O"][0] == pytest.approx(1e-3, rel=1e-3)
    assert prior["FF"][0] <= found["FF"][0]


def test_what_cannot_be_estimated_has_an_infinite_bound(sequence):
    found = mrf.crlb(sequence, TISSUE | {"FF": 0.0}, 1e-3)
    assert np.isinf(found["T1fat"][0])
    assert np.isfinite(found["T1H2O"][0])


def test_prior_of_a_parameter_that_is_not_estimated_is_refused(sequence):
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.crlb(sequence, TISSUE, 1e-3, prior_deviation={"T2": 5.0})
    assert caught.value.code == "bad-parameter"
