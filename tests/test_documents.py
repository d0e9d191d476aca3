"""The README and the documents say what is true."""

import ast
import configparser
import re
import subprocess
import sys

import pytest
import yaml
from places import REPOSITORY

import napari_mrf

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]


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


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_targets_that_documents_name_exist(text):
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"^    make (\w+)", text, re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def _yaml(path):
    return yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))


def _workflows():
    return sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def test_targets_and_files_that_workflows_name_exist():
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert len(_workflows()) == 3
    for path in _workflows():
        jobs = _yaml(path)["jobs"]
        for step in [step for job in jobs.values() for step in job["steps"]]:
            assert ("run" in step) != ("uses" in step)
            command = step.get("run", "")
            assert set(re.findall(r"\bmake (\w+)", command)) <= set(targets)
            for file in re.findall(r"\b(?:tests|weights)/[\w/.]+", command):
                assert (REPOSITORY / file).exists(), file


def test_forms_for_issues_ask_for_something():
    forms = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 3
    for form in map(_yaml, forms):
        assert form["name"]
        assert form["description"]
        assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_hooks_before_a_commit_call_tools_of_the_lint_extra():
    (repository,) = _yaml(".pre-commit-config.yaml")["repos"]
    extras = (REPOSITORY / "setup.cfg").read_text()
    extra = re.search(r"^lint =\n((?:    .*\n)+)", extras, re.MULTILINE)[1]
    for hook in repository["hooks"]:
        assert hook["entry"].split()[0].removeprefix(".venv/bin/") in extra.split()


def test_citation_names_this_version():
    citation = _yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == napari_mrf.__version__
    assert citation["authors"]
    assert citation["license"] == "BSD-3-Clause"


def test_page_of_the_api_lists_every_public_name():
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^(?:   |\.\. py:data:: )([\w.]+)$", page, re.MULTILINE))
    public = set(napari_mrf.__all__) - {"__version__", "sequences"}
    public.remove("methods")
    public |= {f"methods.{name}" for name in napari_mrf.methods.__all__ if name != "DEFAULTS"}
    assert public <= listed
    for name in listed:
        found = napari_mrf
        for part in name.split("."):
            found = getattr(found, part)


def test_site_holds_every_page():
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (REPOSITORY / "docs").glob("*.md")} - {"index"}
    assert pages == set(re.findall(r"^(\w+)$", index, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_of_documents_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_screenshot_is_small_enough_for_a_readme():
    assert (REPOSITORY / "docs" / "images" / "plugin.png").stat().st_size < 300_000


def test_version_stands_in_one_place():
    import importlib.metadata

    assert importlib.metadata.version("napari-mrf") == napari_mrf.__version__
    found = [
        path
        for path in (REPOSITORY / "napari_mrf").rglob("*.py")
        if f'"{napari_mrf.__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert found == [REPOSITORY / "napari_mrf" / "_version.py"]
    assert napari_mrf.__version__ in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_first_line_of_a_module_names_the_thing_and_is_no_riddle():
    root = REPOSITORY / "napari_mrf"
    riddles, n_modules = [], 0
    for path in sorted(root.rglob("*.py")):
        n_modules += 1
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split()[:1]
        if first and first[0].rstrip(",:") in {"What", "How", "Where", "Why", "Which", "When"}:
            riddles.append(str(path.relative_to(root)))
    assert n_modules > 100
    assert riddles == []


def test_lowest_versions_that_are_tested_are_the_bounds_that_are_stated():
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    extras = settings["options.extras_require"]
    of_users = ["cluster", "dicom", "onnx", "pulseq", "registration"]
    lines = [settings["options"]["install_requires"], *(extras[extra] for extra in of_users)]
    text = "\n".join(lines).lower()
    stated = re.findall(r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)$", text, re.MULTILINE)
    assert len(stated) == len(text.split())
    pins = (REPOSITORY / ".github" / "lowest.txt").read_text(encoding="utf-8")
    tested = dict(re.findall(r"^([\w-]+)==([\d.]+)$", pins, re.MULTILINE))
    assert tested.keys() == dict(stated).keys()
    for name, bound in stated:
        assert re.fullmatch(re.escape(bound) + r"(\.0)*", tested[name]), name
