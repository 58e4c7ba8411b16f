"""Ready-made stagers: Pipelines that take nights."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.pipelines._stagers import make_stager
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["make_stager"]
