"""The API pages: one for each package, in groups, with its public names."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import sleepkit

GROUPS = {
    "Nights": ("recording", "io", "hypnogram", "datasets"),
    "Features": ("preprocessing", "signal"),
    "Stagers": ("classifiers", "pipelines", "pretrained", "persistence"),
    "Use": ("live", "export"),
    "Evaluation": ("model_selection", "evaluation", "metrics", "plotting", "report"),
    "Parts": ("nn", "training", "utils", "exceptions"),
}


def write_api(folder: Path) -> None:
    """Write the page of the groups, ``index.rst``, and one for each package."""
    lines = ["API", "===", "", ".. module:: sleepkit", "", sleepkit.__doc__, ""]
    for title, names in GROUPS.items():
        lines += [title, "-" * len(title), "", *table(names), *contents(names)]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")
    for name in sleepkit.__all__:
        page = folder / f"sleepkit.{name}.rst"
        page.write_text(package_page(f"sleepkit.{name}"), encoding="utf-8")


def table(names: tuple[str, ...]) -> list[str]:
    """List packages with their first sentences."""
    lines = [".. list-table::", "   :widths: 25 75", ""]
    for name in names:
        (first, *_) = import_module(f"sleepkit.{name}").__doc__.splitlines()
        literal = first.replace("`", "``")  # names that are known on the page only
        lines += [f"   * - :doc:`sleepkit.{name}`", f"     - {literal}"]
    return [*lines, ""]


def contents(names: tuple[str, ...]) -> list[str]:
    """Tell Sphinx of the pages, which the table shows."""
    lines = [".. toctree::", "   :hidden:", "", *(f"   sleepkit.{x}" for x in names)]
    return [*lines, ""]


def package_page(title: str) -> str:
    """Title, docstring and public names of one package, by kind."""
    package = import_module(title)
    kinds: dict[str, list[str]] = {"Classes": [], "Functions": [], "Constants": []}
    for name in package.__all__:
        kinds[kind_of(getattr(package, name))].append(name)
    lines = [title, "=" * len(title), "", f".. module:: {title}", ""]
    lines += [package.__doc__, ""]
    for kind, names in kinds.items():
        if names:
            lines += [kind, "-" * len(kind), ""]
            lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
            lines += [*(f"   {name}" for name in names), ""]
    return "\n".join(lines)


def kind_of(public: object) -> str:
    """Return the heading of a public name."""
    if inspect.isclass(public):
        return "Classes"
    return "Functions" if inspect.isfunction(public) else "Constants"
