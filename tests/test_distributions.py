"""Wheels and sdists hold every file of their package, and an sdist makes the same wheel."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from places import REPOSITORY

DISTRIBUTIONS = {"napari_mrf": REPOSITORY, "napari_mrf_weights": REPOSITORY / "weights"}


@pytest.fixture(scope="module", params=DISTRIBUTIONS)
def built(request, tmp_path_factory):
    """Return name and folder of a distribution that was built from a copy of its sources.

    Weights are empty in the copy: 80 MB that take ten seconds to pack would show no more.
    """
    name, source = request.param, DISTRIBUTIONS[request.param]
    copy = tmp_path_factory.mktemp(name)
    shutil.copytree(
        source / name, copy / name, copy_function=_copy_small,
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source / file, copy / file)
    build(copy, "sdist", "wheel")
    return name, copy


def _copy_small(source, target):
    if source.endswith(".safetensors"):
        return Path(target).touch()
    return shutil.copy2(source, target)


def build(folder, *kinds):
    """Build as pip does, in one process, and without the network."""
    calls = "; ".join(f"build_meta.build_{kind}('dist')" for kind in kinds)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"from setuptools import build_meta; {calls}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def wheel_files(folder):
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_holds_every_file_of_the_package_and_no_other(built):
    name, folder = built
    packed = {one for one in wheel_files(folder) if ".dist-info/" not in one}
    there = {
        path.relative_to(folder).as_posix() for path in (folder / name).rglob("*") if path.is_file()
    }
    assert packed == there


def test_wheel_has_license_and_entry_points(built):
    name, folder = built
    files = {one.partition(".dist-info/")[2]: data for one, data in wheel_files(folder).items()}
    assert files["licenses/LICENSE"] == (REPOSITORY / "LICENSE").read_bytes()
    points = files["entry_points.txt"].decode()
    expected = {
        "napari_mrf": [
            "[napari.manifest]\nnapari-mrf = napari_mrf:napari.yaml",
            "napari-mrf = napari_mrf.cli:run",
            "napari-mrf-bids = napari_mrf.cli.bids_app:run",
        ],
        "napari_mrf_weights": ["[napari_mrf.weights]\nnapari-mrf-weights = napari_mrf_weights"],
    }[name]
    assert all(line in points for line in expected)


def test_wheel_of_the_sdist_is_that_of_the_sources(built, tmp_path):
    _, folder = built
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build(unpacked, "wheel")
    assert wheel_files(unpacked) == wheel_files(folder)
