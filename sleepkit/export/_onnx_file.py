"""Writing of graphs as ONNX: small files, and what they say of themselves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch

from sleepkit.export._metadata import to_metadata
from sleepkit.utils import optional_import

OPSET: Final = 20
STEP: Final = "step"  # begins the names of nodes before the nets
_SMALL: Final = 64  # elements: larger constants are computed when a file is opened


def trace(module: torch.nn.Module, inputs: Mapping[str, Any], shapes: Any) -> Any:
    """Trace a module into an ONNX model of onnx-ir.

    `inputs` are mappings of example tensors by argument, and `shapes` has their
    dynamic dimensions.
    """
    optional_import("onnxscript", extra="onnx")
    names = [
        name if argument == "values" else _joined(argument, name)
        for argument, tensors in inputs.items()
        for name in tensors
    ]
    with torch.no_grad(), _quiet():
        program: Any = torch.onnx.export(
            module.eval(),
            (),
            kwargs=dict(inputs),
            dynamo=True,
            dynamic_shapes=shapes,
            optimize=False,
            opset_version=OPSET,
            input_names=names,
            output_names=["probabilities"],
            verbose=False,
        )
    return program.model


def shrink(model: Any) -> None:
    """Keep one copy of each weight, and nothing that only the tracing needs."""
    passes = optional_import("onnx_ir.passes.common", extra="onnx")
    folding = optional_import("onnxscript.optimizer", extra="onnx")
    for each in (passes.InlinePass(), passes.CommonSubexpressionEliminationPass()):
        each(model)
    folding.fold_constants(model, onnx_shape_inference=False, output_size_limit=_SMALL)
    for each in (
        passes.IdentityEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=False),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.RemoveUnusedOpsetsPass(),
    ):
        each(model)
    _shorten_names(model.graph)
    passes.ClearMetadataAndDocStringPass()(model)


def _shorten_names(graph: Any) -> None:
    """Give what is between inputs and output a number, and no shape.

    Of a small net these would be a third of the file.
    """
    kept = {id(value) for value in (*graph.inputs, *graph.outputs)}
    produced = [value for node in graph for value in node.outputs]
    for number, value in enumerate([*graph.initializers.values(), *produced]):
        value.metadata_props.clear()
        if id(value) not in kept:
            value.name = str(number)
            if value.const_value is None:
                value.shape = value.type = None
    for number, node in enumerate(graph):
        of_step = "sleepkit.export._steps" in node.metadata_props.get("namespace", "")
        node.name = f"{STEP if of_step else ''}{number}"


def to_bytes(model: Any, about: Mapping[str, Any]) -> bytes:
    """Content of a file, with facts about it as JSON values."""
    ir = optional_import("onnx_ir", extra="onnx")
    model.producer_name = "sleepkit"
    model.metadata_props.update(to_metadata(about))
    content: bytes = ir.to_proto(model).SerializeToString()
    return content


def _joined(argument: str, name: str) -> str:
    """Name of an input that is not the values of a modality."""
    return f"{name}_present" if argument == "present" else name


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says about operators that no stager has."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
