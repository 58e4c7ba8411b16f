"""Model files: fitted estimators on disk, without pickle."""

from sleepkit.persistence._model_file import load_model, model_info, save_model

__all__ = ["load_model", "model_info", "save_model"]
