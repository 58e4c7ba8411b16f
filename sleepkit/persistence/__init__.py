"""Model files: fitted estimators on disk, without pickle."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.persistence._model_file import load_model, model_info, save_model
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["load_model", "model_info", "save_model"]
