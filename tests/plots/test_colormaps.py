"""Colors of the parameters; the remap is checked against what the recommendation states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.colormaps import color_table, logarithmic_position, valid_colors


@pytest.mark.parametrize("key", PARAMETERS)
def test_every_parameter_has_opaque_colors(key):
    table = color_table(key)
    assert table.shape == (256, 4)
    assert table.dtype == np.float32
    assert np.all((table >= 0) & (table <= 1))
    assert np.all(table[:, 3] == 1)


@pytest.mark.parametrize("key", ["T1", "T2", "T1H2O", "T1fat"])
def test_black_stands_for_no_value_and_the_darkest_valid_color_is_not_black(key):
    assert np.array_equal(color_table(key)[0, :3], [0, 0, 0])
    assert valid_colors(key)[0, :3].sum() > 0.1
    assert len(valid_colors(key)) == 255


def test_relaxometry_maps_are_lipari_and_navia_at_the_upper_end():
    import cmcrameri.cm

    assert np.allclose(color_table("T1")[-1], cmcrameri.cm.lipari(1.0), atol=1e-6)
    assert np.allclose(color_table("T2")[-1], cmcrameri.cm.navia(1.0), atol=1e-6)


def test_diverging_map_is_neutral_in_the_middle():
    table = color_table("Df")
    low, high = PARAMETERS["Df"].display_limits
    assert low == -high
    assert np.ptp(table[127:129, :3].mean(axis=0)) < 0.05


@given(st.floats(1.0, 5000.0), st.floats(1.01, 1.6))
def test_equal_ratios_are_equal_steps_above_the_joint(upper, ratio):
    start = upper / np.e
    values = start * ratio ** np.arange(3)
    positions = logarithmic_position(values[values <= upper], (0.0, upper))
    if len(positions) == 3:
        assert np.diff(positions, 2) == pytest.approx(0, abs=1e-9)


@given(st.floats(0.0, 0.9), st.floats(1.0, 5000.0))
def test_the_curve_is_monotonic_smooth_and_spans_the_table(lower_share, upper):
    limits = (lower_share * upper, upper)
    values = np.linspace(*limits, 2001)
    positions = logarithmic_position(values, limits)
    assert positions[0] == 0
    assert positions[-1] == pytest.approx(1)
    slopes = np.diff(positions)
    assert np.all(slopes > 0)
    assert np.abs(np.diff(slopes)).max() < 0.01 * slopes.max()


def test_from_zero_half_of_the_table_is_linear_below_upper_over_e():
    joint = 1000 / np.e
    positions = logarithmic_position(np.array([0, joint / 2, joint, 1000]), (0.0, 1000.0))
    assert positions == pytest.approx([0, 0.25, 0.5, 1])


def test_negative_limits_are_refused():
    with pytest.raises(ValueError, match="0 <= lower < upper"):
        logarithmic_position(np.zeros(1), (-1.0, 1.0))
