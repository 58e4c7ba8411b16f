"""Sphinx settings; the API pages are generated from the packages' public lists."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import sleepkit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from api_pages import write_api  # noqa: E402
from command_page import write_commands  # noqa: E402
from source_links import link_to_source, source_address  # noqa: E402

project = "sleepkit"
author = "sleepkit contributors"
copyright = "2026, sleepkit contributors"  # noqa: A001 (Sphinx names it so)
version = release = sleepkit.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sleepkit"
html_static_path = ["_static"]
html_css_files = ["sleepkit.css"]
html_show_sourcelink = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_sidebars = {"index": []}
default_role = "py:obj"

autodoc_typehints = "none"  # the docstrings state types, shapes and units
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sleepkit",),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

# Without a public repository there is nothing to link to.
if source_address() is not None:
    extensions.append("sphinx.ext.linkcode")
    linkcode_resolve = link_to_source

# Names of other projects link to their pages. Without a network an empty inventory is
# read in place of theirs, so that the build neither fails nor warns.
NO_NAMES = "generated/none.inv"
intersphinx_mapping = {
    name: (address, (None, NO_NAMES))
    for name, address in {
        "python": "https://docs.python.org/3/",
        "joblib": "https://joblib.readthedocs.io/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "mne": "https://mne.tools/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "sklearn": "https://scikit-learn.org/stable/",
        "skorch": "https://skorch.readthedocs.io/en/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}
intersphinx_timeout = 10  # seconds
linkcheck_timeout = 20
linkcheck_ignore = [r"https://doi\.org/"]  # publishers refuse programs


def write_sources(*_: object) -> None:
    """Write what is generated before Sphinx looks for its sources."""
    folder = HERE / "generated"
    folder.mkdir(exist_ok=True)
    write_api(folder)
    write_commands(folder)
    header = "# Sphinx inventory version 2\n# Project: none\n# Version:\n# zlib\n"
    (HERE / NO_NAMES).write_bytes(header.encode() + zlib.compress(b""))


def drop_docstring_of_type(_app, what, _name, _value, _options, lines) -> None:
    """Leave out what Python says of all tuples where a constant is one."""
    if what == "data":
        lines.clear()


def setup(app) -> None:
    """Connect the generated sources and docstrings to a build."""
    app.connect("config-inited", write_sources)
    app.connect("autodoc-process-docstring", drop_docstring_of_type)
