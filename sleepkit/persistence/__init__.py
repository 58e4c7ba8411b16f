"""Model files: fitted estimators on disk, without pickle; their cards, and sharing."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.persistence._card import ModelCard, model_card
    from sleepkit.persistence._model_file import load_model, model_info, save_model
    from sleepkit.persistence._push import push_model
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = [
    "ModelCard",
    "load_model",
    "model_card",
    "model_info",
    "push_model",
    "save_model",
]
