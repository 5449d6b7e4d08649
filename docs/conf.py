"""Sphinx configuration."""

project = "indexsite"
author = "the indexsite authors"
copyright = "the indexsite authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "indexsite"
# Code blocks show shells and clients as they are; none of them is checked as Python.
highlight_language = "none"
