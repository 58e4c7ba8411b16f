"""Reports opened in Chromium, where there is one."""

from __future__ import annotations

import re

import pytest

from sleepkit.report import index_report
from tests.report.browser import Browser, find_browser
from tests.report.test_index_report import ROWS

LAPTOP, PHONE = 1280, 390
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
BROKEN = "[...document.images].filter(i => !i.naturalWidth || !i.alt).length"
A4_POINTS = (595, 842)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    path = find_browser()
    if path is None:
        pytest.skip("There is no Chromium here (Debian: apt-get install chromium)")
    opened = Browser(path, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pages(page, tmp_path_factory):
    """The files of a report and of an index."""
    folder = tmp_path_factory.mktemp("pages")
    files = {"night": folder / "night.html", "index": folder / "index.html"}
    files["night"].write_text(page, encoding="utf-8")
    files["index"].write_text(index_report(ROWS), encoding="utf-8")
    return files


@pytest.mark.parametrize("name", ["night", "index"])
@pytest.mark.parametrize("width", [LAPTOP, PHONE])
def test_on_a_laptop_and_a_phone(browser, pages, name, width):
    browser.open(pages[name], width)
    assert browser.evaluate("document.querySelectorAll('table').length") >= 1
    assert not browser.evaluate(TOO_WIDE)
    assert browser.evaluate(BROKEN) == 0
    assert browser.messages == []


def test_a_phone_gets_the_narrow_picture(browser, pages):
    sizes = []
    for width in (LAPTOP, PHONE):
        browser.open(pages["night"], width)
        sizes.append(browser.evaluate("document.images[0].naturalWidth"))
    assert sizes[1] < sizes[0] / 2


def test_print_on_a4(browser, pages):
    browser.open(pages["night"])
    printed = browser.print_to_pdf()
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert 2 <= len(boxes) <= 6
    assert {tuple(round(float(side)) for side in box) for box in boxes} == {A4_POINTS}


def test_these_checks_see_a_bad_page(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<img src=no.png><pre style='width: 3000px'>x</pre><script>f(</script>"
    )
    browser.open(bad, LAPTOP)
    assert browser.evaluate(TOO_WIDE)
    assert browser.evaluate(BROKEN) == 1
    assert any("SyntaxError" in text or "Uncaught" in text for text in browser.messages)
