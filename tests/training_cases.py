"""A small recipe, and work that runs to its end; shared by the tests of training."""

from napari_mrf.training.recipe import Recipe

MAPS = {"FF": {"lower": 0.0, "upper": 1.0}, "T1H2O": {"lower": 500.0, "upper": 3000.0},
        "T1fat": {"lower": 200.0, "upper": 400.0}}  # fmt: skip


def recipe(network="cohen", maps=MAPS, **optimisation):
    return Recipe.model_validate(
        {
            "network": network,
            "maps": maps,
            "data": {"tissues": 400, "validation_tissues": 60},
            "optimisation": {"epochs": 3, "batch": 50, **optimisation},
        }
    )


def toml(plan, extra=""):
    """The recipe as a file would have it."""
    lines = [f'network = "{plan.network}"', extra, "[maps]"]
    lines += [f"{key} = {{ lower = {one.lower}, upper = {one.upper} }}"
              for key, one in plan.maps.items()]  # fmt: skip
    data, optimisation = plan.data, plan.optimisation
    lines += ["[data]", f"tissues = {data.tissues}",
              f"validation_tissues = {data.validation_tissues}", "[optimisation]"]  # fmt: skip
    lines += [f"{key} = {value!r}" for key, value in optimisation.model_dump().items()
              if isinstance(value, int | float)]  # fmt: skip
    return "\n".join(lines)


def finish(work):
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


FEW_TESTS = """
from napari_mrf.training import finishing
from napari_mrf.training.data import tissue
few = {key: values[::50] for key, values in tissue.inn_test_grid().items()}
finishing.inn_test_grid = lambda: few
from napari_mrf.cli import main
"""
"""Begins the code of a process that trains: it tests on every 50th tissue of the grid."""
