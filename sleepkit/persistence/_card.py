"""Card of a model: what its file says of it, as Markdown or HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from os import PathLike
from typing import Final

from sleepkit.exceptions import ModelFileError
from sleepkit.persistence._card_content import Section, describe
from sleepkit.persistence._model_file import model_info

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}"
)


@dataclass(frozen=True)
class ModelCard:
    """Card of a model, as data with two renderings.

    Parameters
    ----------
    name : str
        The name of the model.
    sections : sequence of Section
        For each section a title, paragraphs, and the rows of a table, whose first row
        is its header.

    See Also
    --------
    model_card : Makes the card of a model file.

    Examples
    --------
    >>> from sleepkit.persistence import ModelCard
    >>> print(ModelCard("my model", []).to_markdown())
    # my model
    """

    name: str
    sections: list[Section]

    def to_markdown(self) -> str:
        """Render the card as Markdown.

        Returns
        -------
        str
            The card; what the file says is in it as plain text.
        """
        lines = [f"# {_literal(self.name)}"]
        for section in self.sections:
            lines += ["", f"## {section.title}"]
            for paragraph in section.paragraphs:
                lines += ["", _literal(paragraph)]
            if section.table:
                header, *rows = ([_literal(cell) for cell in r] for r in section.table)
                rule = ["---"] * len(header)
                lines += ["", *(f"| {' | '.join(r)} |" for r in (header, rule, *rows))]
        return "\n".join(lines)

    def to_html(self) -> str:
        """Render the card as a page of HTML.

        Returns
        -------
        str
            A whole page, which loads nothing.
        """
        body = [f"<h1>{escape(self.name)}</h1>"]
        for section in self.sections:
            body.append(f"<h2>{escape(section.title)}</h2>")
            body += [f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs]
            if section.table:
                header, *rows = section.table
                lines = [_row("th", header), *(_row("td", row) for row in rows)]
                body += ["<table>", *lines, "</table>"]
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en">',
                '<head><meta charset="utf-8">',
                f"<title>{escape(self.name)}</title>",
                f"<style>{_STYLE}</style></head>",
                "<body>",
                *body,
                "</body>",
                "</html>",
            ]
        )


def model_card(path: str | PathLike[str], *, unpinned: bool = False) -> ModelCard:
    """Make the card of a model: what it is, was trained on, needs and reaches.

    Parameters
    ----------
    path : path-like
        A file that `save_model` wrote, or the address of one, as `load_model` takes it.
    unpinned : bool, default=False
        As of `load_model`.

    Returns
    -------
    ModelCard
        The card.

    Raises
    ------
    ModelFileError
        If the file is no model file, is damaged, or was written by a later sleepkit.
    HubError
        If the address is wrong, or its hub does not give the file.

    See Also
    --------
    model_info : All that is in the file.

    Notes
    -----
    Texts of the card are those of the `about` of `save_model`: ``"method"``,
    ``"trained_on"``, ``"needs"``, ``"scored_on"``, ``"limits"``, ``"licence"`` (as
    named by SPDX, such as ``"BSD-3-Clause"``) and ``"credit"``; ``"scores"`` is a list
    of mappings of scores. What is missing there is described by what else the file
    holds, or called unknown. The model itself is not loaded.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sleepkit.persistence import model_card, save_model
    >>> stager = LogisticRegression().fit([[0.0], [1.0]], [0, 2])
    >>> about = {"method": "logistic", "licence": "CC0-1.0"}
    >>> with TemporaryDirectory() as folder:
    ...     save_model(stager, Path(folder, "my.model"), about=about)
    ...     card = model_card(Path(folder, "my.model"))
    >>> card.to_markdown().splitlines()[0]
    '# logistic'
    """
    info = model_info(path, unpinned=unpinned)
    try:
        name, sections = describe(info)
    except Exception as error:  # a damaged file can raise any
        msg = f"{path} is damaged: there is no card of what it says ({error!r})."
        raise ModelFileError(msg) from error
    return ModelCard(name, sections)


def _literal(text: str) -> str:
    """Escape what Markdown would take for a table, HTML, code or a link."""
    for char in "\\|`*[]<":
        text = text.replace(char, f"\\{char}")
    return text


def _row(tag: str, cells: list[str]) -> str:
    """Row of a table in HTML."""
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"
