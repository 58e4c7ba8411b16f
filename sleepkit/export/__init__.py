"""Stagers as ONNX files: their graphs, in float32 or int8, and staging by them."""

from typing import TYPE_CHECKING

from sleepkit._lazy import lazy_attributes

if TYPE_CHECKING:
    from sleepkit.export._onnx_stager import OnnxStager
    from sleepkit.export._quantize import quantize
    from sleepkit.export._to_onnx import to_onnx
else:
    __getattr__, __dir__ = lazy_attributes(__name__)

__all__ = ["OnnxStager", "quantize", "to_onnx"]
