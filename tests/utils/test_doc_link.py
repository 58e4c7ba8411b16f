"""The HTML of estimators links to our pages, where the distribution names a site."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest
from sklearn.base import BaseEstimator

from sleepkit.classifiers import LogPoolClassifier, MedFuseSleepClassifier
from sleepkit.preprocessing import BandPower, FitOnSelected
from sleepkit.utils import DocumentationLinkMixin, _doc_link, documentation_site

PUBLIC = [
    (MedFuseSleepClassifier(), "classifiers.MedFuseSleepClassifier"),
    (LogPoolClassifier([]), "classifiers.LogPoolClassifier"),
    (BandPower(), "preprocessing.BandPower"),
    (FitOnSelected(BandPower()), "preprocessing.FitOnSelected"),
]


@pytest.fixture
def site(monkeypatch):
    """``site(url, ...)``: the distribution has these Project-URLs."""

    def describe(*urls):
        found = Message()
        for url in urls:
            found["Project-URL"] = url
        monkeypatch.setattr(_doc_link, "metadata", {"sleepkit-learn": found}.get)
        documentation_site.cache_clear()

    yield describe
    documentation_site.cache_clear()


@pytest.mark.parametrize(("estimator", "name"), PUBLIC)
def test_a_public_class_has_its_page(site, estimator, name):
    site("Source, https://other.org", "Documentation, https://docs.org/sleepkit/")
    page = f"https://docs.org/sleepkit/generated/sleepkit.{name}.html"
    assert estimator._get_doc_link() == page
    assert page in (html := estimator._repr_html_())
    assert f"Documentation for {type(estimator).__name__}" in html


def test_without_a_site_there_is_no_link(site):
    site("Source, https://other.org")
    for estimator, _ in PUBLIC:
        assert estimator._get_doc_link() == ""
    assert "Documentation for BandPower" not in BandPower()._repr_html_()


def test_where_sleepkit_is_not_installed(monkeypatch):
    def fail(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_doc_link, "metadata", fail)
    documentation_site.cache_clear()
    assert documentation_site() == ""
    documentation_site.cache_clear()


def test_other_classes_have_no_page_here(site):
    site("Documentation, https://docs.org")

    class Own(DocumentationLinkMixin, BaseEstimator):
        pass

    assert Own()._get_doc_link() == ""
    Own.__module__ = "sleepkit.preprocessing._own"  # a class that is not public
    assert Own()._get_doc_link() == ""
