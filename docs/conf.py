"""How sphinx makes the site: the pages of this folder and the docstrings of the public names."""

import sys

import napari_mrf

# The public name of this module, for autodoc, which imports by path.
sys.modules["napari_mrf.sequences"] = napari_mrf.sequences

project = "napari-mrf"
author = "the napari-mrf contributors"
project_copyright = f"2026, {author}"
version = release = napari_mrf.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project

myst_heading_anchors = 4  # links to headings as in Markdown files
autosummary_generate = True
autodoc_typehints = "none"  # docstrings give types with shapes and units
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
