"""The absolute error of maps in units of usual errors, by numbers that are worked out by hand."""

import math

import pytest
import torch
from pydantic import ValidationError

from napari_mrf.networks.normalization import Normalization
from napari_mrf.training.loop.absolute_error import AbsoluteError
from napari_mrf.training.recipe import ERROR_SCALES, Recipe

MAPS = {"FF": (0.0, 1.0), "T1H2O": (400.0, 3100.0), "T1fat": (180.0, 500.0),
        "Df": (-150.0, 150.0), "B1": (0.25, 1.25)}  # fmt: skip


def error_of(maps=MAPS, *, logarithmic=False, network="cohen", **optimisation):
    plan = Recipe.model_validate(
        {
            "network": network,
            "maps": {key: {"lower": low, "upper": high, "logarithmic": logarithmic}
                     for key, (low, high) in maps.items()},
            "optimisation": {"loss": "absolute", **optimisation},
        }
    )  # fmt: skip
    lower, upper = zip(*maps.values(), strict=True)
    normalization = Normalization(torch.ones(4) + 0j, lower, upper, [logarithmic] * len(maps))
    return AbsoluteError(plan, normalization), normalization


def values(normalization, **given):
    return normalization.scaled(torch.tensor([list(given.values())]))


@pytest.mark.parametrize(
    ("ff", "water", "fat"),
    [(0.0, 1.0, 0.15), (0.05, 1.0, 0.2), (0.5, 0.65, 0.65), (0.9, 0.25, 1.0), (1.0, 0.15, 1.0)],
)
def test_maps_count_by_their_usual_error_and_by_what_carries_them(ff, water, fat):
    error, normalization = error_of()
    true = values(normalization, FF=ff, T1H2O=1300.0, T1fat=320.0, Df=10.0, B1=0.7)
    found = values(normalization, FF=ff - 0.0107, T1H2O=1333.5, T1fat=304.3, Df=13.74, B1=0.7143)
    expected = (1.0 + water + fat + 2.0 + 1.0) / 5
    assert error(found, true, None).item() == pytest.approx(expected, rel=1e-4)


def test_scales_of_the_recipe_replace_the_usual_ones():
    error, normalization = error_of({"Df": (-150.0, 150.0)}, scales={"Df": 5.0})
    assert error(values(normalization, Df=20.0), values(normalization, Df=10.0), None).item() == (
        pytest.approx(2.0, rel=1e-5)
    )


def test_logarithmic_maps_have_relative_errors():
    maps = {"T1": (100.0, 5000.0), "T2": (10.0, 3000.0)}
    error, normalization = error_of(maps, logarithmic=True)
    for t1, t2 in ((200.0, 20.0), (4000.0, 2000.0)):
        true = values(normalization, T1=t1, T2=t2)
        found = values(normalization, T1=t1 * math.exp(0.03), T2=t2 * math.exp(-0.1))
        assert error(found, true, None).item() == pytest.approx((1 + 2) / 2, rel=1e-3)


def test_a_map_without_a_usual_error_needs_one():
    with pytest.raises(ValidationError, match=r"scales\.T1H2O"):
        error_of({"T1H2O": (400.0, 3100.0)}, logarithmic=True)
    error_of({"T1H2O": (400.0, 3100.0)}, logarithmic=True, scales={"T1H2O": 0.03})
    assert all(scale > 0 for scale in ERROR_SCALES.values())


def test_what_does_not_count_leaves_no_trace_even_where_it_is_not_a_number():
    error, _ = error_of()
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand((2, 5, 3, 4), generator=generator)
    counted = torch.rand((2, 3, 4), generator=generator) > 0.4
    estimated = torch.rand(maps.shape, generator=generator)
    known = [
        error(estimated[one, :, y, x][None], maps[one, :, y, x][None], None)
        for one, y, x in torch.argwhere(counted).tolist()
    ]
    maps[~counted[:, None].expand_as(maps)] = math.nan
    estimated.requires_grad_()
    loss = error(estimated, maps, counted)
    assert loss.item() == pytest.approx(torch.stack(known).mean().item(), rel=1e-5)
    loss.backward()
    assert torch.isfinite(estimated.grad).all()
    assert (estimated.grad[~counted[:, None].expand_as(maps)] == 0).all()
    nothing = error(estimated, maps, torch.zeros_like(counted))
    assert nothing.item() == 0
