"""Writing of graphs as ONNX: small files, and what they say of themselves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

import torch
from numpy import base_repr

from sleepkit.utils import optional_import

OPSET: Final = 20
PRODUCTS: Final = ("Conv", "MatMul")  # what is computed in int8 within nets
STEP: Final = "step"  # begins the names of products before the nets
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
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=1),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.RemoveUnusedOpsetsPass(),
    ):
        each(model)
    shorten_names(model.graph)
    drop_defaults(model.graph)
    passes.ClearMetadataAndDocStringPass()(model)


def shorten_names(graph: Any) -> None:
    """Give what is between inputs and output a number, and no shape.

    Of a small net these would be a third of the file. Of the nodes only products before
    the nets keep a name, by which `quantize` leaves them out.
    """
    kept = {id(value) for value in (*graph.inputs, *graph.outputs)}
    taken = {value.name for value in (*graph.inputs, *graph.outputs)}
    produced = [value for node in graph for value in node.outputs]
    inner = [v for v in (*graph.initializers.values(), *produced) if id(v) not in kept]
    free = (name for number in count() if (name := _short(number)) not in taken)
    names = [next(free) for _ in inner]
    for before in ("was ", ""):  # no new name may be another's old one
        for name, value in zip(names, inner, strict=True):
            value.name = f"{before}{name}"
    for value in inner:
        value.metadata_props.clear()
        if value.const_value is None:
            value.shape = value.type = None
    for number, node in enumerate(graph):
        of_step = "sleepkit.export._steps" in node.metadata_props.get("namespace", "")
        named = of_step and node.op_type in PRODUCTS
        node.name = f"{STEP}{_short(number)}" if named else ""


def drop_defaults(graph: Any) -> None:
    """Remove the attributes of nodes that have their default."""
    onnx = optional_import("onnx", extra="onnx")
    for node in graph:
        schema = onnx.defs.get_schema(node.op_type, OPSET, node.domain)
        for name, attribute in list(node.attributes.items()):
            default = schema.attributes[name].default_value
            if default.type and (
                onnx.helper.get_attribute_value(default) == attribute.value
            ):
                del node.attributes[name]


def _short(number: int) -> str:
    """Shortest name for a number."""
    return base_repr(number, 36)


def to_bytes(model: Any, metadata: Mapping[str, str]) -> bytes:
    """Content of a file, with its metadata."""
    ir = optional_import("onnx_ir", extra="onnx")
    model.producer_name = "sleepkit"
    model.metadata_props.clear()
    model.metadata_props.update(metadata)
    proto = ir.to_proto(model)
    del proto.graph.value_info[:]  # of weights, which say it themselves
    content: bytes = proto.SerializeToString()
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
