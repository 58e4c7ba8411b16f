"""Links from the HTML of estimators to their pages in our documentation."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata
from typing import Final

_DISTRIBUTION: Final = "sleepkit-learn"


class DocumentationLinkMixin:
    """Estimator whose HTML links to its page, where the distribution names a site.

    scikit-learn reads the attributes. The address is the Documentation URL of the
    installed distribution; without one there is no link.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sleepkit.utils import DocumentationLinkMixin
    >>> class Own(DocumentationLinkMixin, BaseEstimator):
    ...     pass
    >>> Own()._get_doc_link()  # of another package
    ''
    """

    _doc_link_module = "sleepkit"

    @property
    def _doc_link_template(self) -> str:
        """Address of a page, with the placeholders of scikit-learn; may be empty."""
        kind, site = type(self), documentation_site()
        package = ".".join(kind.__module__.split(".")[:2])
        is_public = package.startswith("sleepkit.") and (
            getattr(import_module(package), kind.__name__, None) is kind
        )
        if not site or not is_public:
            return ""
        return f"{site}/generated/{{estimator_module}}.{{estimator_name}}.html"


@cache
def documentation_site() -> str:
    """Address of the documentation by the metadata of the distribution, else empty.

    Returns
    -------
    str
        The address without a slash at its end.

    Examples
    --------
    >>> from sleepkit.utils import documentation_site
    >>> documentation_site().endswith("/")
    False
    """
    try:
        urls = metadata(_DISTRIBUTION).get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a folder
        return ""
    for url in urls:
        label, _, address = url.partition(",")
        if label.strip().casefold() == "documentation":
            return str(address).strip().rstrip("/")
    return ""
