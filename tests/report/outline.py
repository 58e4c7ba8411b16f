"""What a page of HTML holds, read by the standard library."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "img", "link", "meta", "source"}


class Outline(HTMLParser):
    """Elements with their attributes, and the rows of each table by its caption."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.tables = {}
        self._open = []
        self._text = ""
        self.feed(page)
        assert not self._open

    def all(self, tag):
        """Attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, words):
        """Rows of the table whose caption holds these words."""
        (found,) = [rows for caption, rows in self.tables.items() if words in caption]
        return found

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"caption", "td", "th"}:
            self._text = ""

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        text = " ".join(self._text.split())
        if tag == "caption":
            self.tables[text] = self._rows
        elif tag in {"td", "th"}:
            self._rows[-1].append(text)

    def handle_data(self, data):
        self._text += data
