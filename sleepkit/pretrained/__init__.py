"""Stagers that are trained already, and how they are trained and adapted."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.pretrained._adapt import adapt
    from sleepkit.pretrained._models import MODELS, card, load_stager, model_path
    from sleepkit.pretrained._pretrain import pretrain
    from sleepkit.pretrained._recipe import Recipe
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "MODELS",
    "Recipe",
    "adapt",
    "card",
    "load_stager",
    "model_path",
    "pretrain",
]
