"""Sphinx settings; the API pages are generated from the packages' public lists."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import sleepkit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from command_page import write_commands  # noqa: E402

project = "sleepkit"
author = "sleepkit contributors"
copyright = "2026, sleepkit contributors"  # noqa: A001 (Sphinx names it so)
version = release = sleepkit.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sleepkit"
html_show_sourcelink = False
default_role = "py:obj"

autodoc_typehints = "none"  # the docstrings state types, shapes and units
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "abort_on_example_error": True,
    "show_memory": False,
}


def package_section(name: str) -> str:
    """Title, sentence and table of the public names of one package."""
    title = f"sleepkit.{name}"
    package = import_module(title)
    lines = [title, "-" * len(title), "", package.__doc__, ""]
    lines += [f".. module:: {title}", ""]
    lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
    lines += [f"   {public}" for public in package.__all__]
    return "\n".join([*lines, ""])


def write_api(*_: object) -> None:
    """Write the pages of API and command before Sphinx looks for its sources."""
    page = HERE / "generated" / "index.rst"
    page.parent.mkdir(exist_ok=True)
    sections = map(package_section, sleepkit.__all__)
    page.write_text("\n".join(["API", "===", "", *sections]), encoding="utf-8")
    write_commands(page.parent)


def setup(app) -> None:
    """Connect the generated pages to the start of a build."""
    app.connect("config-inited", write_api)
