"""The recipe for conda-forge is read by its own tool, and asks for what setup.cfg asks for."""

import configparser
import re

import pytest
from places import REPOSITORY

import napari_mrf

RECIPE = REPOSITORY / "packaging" / "recipe.yaml"

# Packages that conda-forge calls otherwise than PyPI, or offers in a part that suffices.
NAMES_OF_CONDA = {
    "dask": "dask-core",
    "ismrmrd": "ismrmrd-python",
    "matplotlib": "matplotlib-base",
    "napari": "napari-base",
    "torch": "pytorch",
}


@pytest.fixture(scope="module")
def settings():
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return parser


@pytest.fixture(scope="module")
def rendered():
    rattler_build = pytest.importorskip("rattler_build")
    text = RECIPE.read_text(encoding="utf-8")
    recipe = rattler_build.Stage0Recipe.from_yaml(text, recipe_dir=RECIPE.parent)
    return recipe.to_dict()


def test_recipe_is_read_by_the_tool_that_builds_it(rendered):
    assert rendered["package"]["name"] == "napari-mrf"


def test_unknown_key_is_refused_by_the_tool(tmp_path):
    rattler_build = pytest.importorskip("rattler_build")
    wrong = RECIPE.read_text(encoding="utf-8").replace("requirements:", "requirement:")
    with pytest.raises(rattler_build.RecipeParseError):
        rattler_build.Stage0Recipe.from_yaml(wrong, recipe_dir=tmp_path)


def test_recipe_asks_for_what_the_package_asks_for(settings):
    run = RECIPE.read_text(encoding="utf-8").partition("  run:\n")[2].partition("\n\n")[0]
    asked = dict(re.findall(r"^    - ([\w-]+) >=([\d.]+)$", run, re.MULTILINE))
    stated = {
        NAMES_OF_CONDA.get(name, name): bound
        for name, bound in re.findall(
            r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)$",
            settings["options"]["install_requires"],
            re.MULTILINE,
        )
    }
    assert asked == stated


def test_recipe_has_the_version_and_the_commands_of_the_package(settings):
    text = RECIPE.read_text(encoding="utf-8")
    assert f"version: {napari_mrf.__version__}\n" in text
    for line in settings["options.entry_points"]["console_scripts"].strip().splitlines():
        assert f"- {line}\n" in text
