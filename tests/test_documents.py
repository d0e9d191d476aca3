"""The README and the documents say what is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_python_example_of_the_readme_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) <= 10
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    milliseconds = int(re.fullmatch(r"water T1 of muscle: (\d+) ms\n", output)[1])
    assert 1100 < milliseconds < 1500  # muscle at 3 T
    assert (tmp_path / "maps" / "FF.nii.gz").exists()


def test_commands_of_the_readme_exist():
    from napari_mrf.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"^    napari-mrf (\w+)", README, re.MULTILINE))
    assert named
    assert named <= known
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^    make (\w+)", README, re.MULTILINE)) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_of_documents_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_screenshot_is_small_enough_for_a_readme():
    assert (ROOT / "docs" / "images" / "plugin.png").stat().st_size < 300_000


def test_version_stands_in_one_place():
    import importlib.metadata

    import napari_mrf

    assert importlib.metadata.version("napari-mrf") == napari_mrf.__version__
    found = [
        path
        for path in (ROOT / "napari_mrf").rglob("*.py")
        if f'"{napari_mrf.__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert found == [ROOT / "napari_mrf" / "_version.py"]
    assert napari_mrf.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
