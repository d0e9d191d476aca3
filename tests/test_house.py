"""The house is as docs/architecture.md draws it, and as its rules say."""

import ast
import re

import grimp
from places import REPOSITORY

PACKAGE = REPOSITORY / "napari_mrf"
MOST_MODULES = 19
SMALL_LINES = 80


def folders():
    return {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}


def test_tree_in_the_documents_is_that_of_the_package():
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = re.search(r"```\nnapari_mrf/\n(.*?)```", text, re.DOTALL)[1]
    drawn, above = set(), {}
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        first = re.split(r" {2,}", line.strip())[0]
        # A line names one room and tells of it, or names several; `panels/` tells of its own.
        named = re.findall(r"([a-z_]+)/", first)
        for name in named:
            above[depth] = name
            drawn.add("/".join([*(above[d] for d in range(1, depth)), name]))
        if first == "panels/":
            drawn |= {f"plugin/panels/{name}" for name in re.findall(r"([a-z]+)/", line)[1:]}
    real = {folder.relative_to(PACKAGE).as_posix() for folder in folders()}
    assert drawn == real


def test_no_folder_is_crowded():
    crowded = {
        str(folder.relative_to(PACKAGE)): count
        for folder in folders()
        if (count := sum(path.name != "__init__.py" for path in folder.glob("*.py"))) > MOST_MODULES
    }
    assert not crowded


def test_no_modules_import_each_other_in_a_circle():
    graph = grimp.build_graph("napari_mrf", cache_dir=None, exclude_type_checking_imports=True)
    # Modules that nothing imports, or that import nothing, are taken away until none is left.
    left = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    while True:
        ends = {name for name, imported in left.items() if not imported & left.keys()}
        if not ends:
            break
        left = {name: imported for name, imported in left.items() if name not in ends}
    assert not left


def test_a_small_module_with_one_importer_beside_it_says_why():
    graph = grimp.build_graph("napari_mrf", cache_dir=None)
    unexplained = []
    for name in sorted(graph.modules):
        path = REPOSITORY / (name.replace(".", "/") + ".py")
        importers = graph.find_modules_that_directly_import(name)
        beside = {one for one in importers if one.rpartition(".")[0] == name.rpartition(".")[0]}
        if not path.is_file() or len(importers) != 1 or not beside:
            continue
        text = path.read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(text)) or ""
        if len(text.splitlines()) < SMALL_LINES and "Apart" not in doc:
            unexplained.append(name)
    assert not unexplained
