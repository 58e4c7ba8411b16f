"""Import of optional packages, with an error that names the extra to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def optional_import(name: str, *, extra: str) -> ModuleType:
    """Import an optional package.

    Parameters
    ----------
    name : str
        The module to import, such as ``"matplotlib.pyplot"``.
    extra : str
        The extra of ``sleepkit-learn`` that installs it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If it is not installed; the message names what to install.

    Examples
    --------
    >>> from sleepkit.utils import optional_import
    >>> optional_import("json", extra="plot").dumps([1])
    '[1]'
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        msg = (
            f"This needs the package {package!r}, which is not installed: "
            f"pip install 'sleepkit-learn[{extra}]'."
        )
        raise ImportError(msg) from error
