"""ONNX files in int8."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sleepkit._messages import quoted
from sleepkit._typing import Array
from sleepkit.exceptions import ModelFileError
from sleepkit.export._metadata import to_metadata
from sleepkit.export._onnx_file import PRODUCTS, STEP, shorten_names, to_bytes
from sleepkit.export._onnx_stager import OnnxStager
from sleepkit.recording import EpochArray, as_epoch_array
from sleepkit.utils import optional_import, write_atomically

_DYNAMIC: Final = ("MatMul",)


def quantize(
    path: str | PathLike[str], out: str | PathLike[str], *, calibrate: Any = None
) -> None:
    """Write an ONNX file of `to_onnx` with weights and products in int8.

    Parameters
    ----------
    path : path-like
        The file to read, in float32.
    out : path-like
        The file to write; an existing one is replaced.
    calibrate : EpochArray, Recording or list of Recording, default=None
        Nights, as `OnnxStager` takes them, by which the range of the activations is
        fixed. None measures it whenever the graph runs, of matrix products alone: so
        convolutions stay in float32.

    Raises
    ------
    ModelFileError
        If the file was not written by `to_onnx`, or is in int8.
    ValueError
        If `calibrate` has no night.
    ImportError
        If the packages of the extra ``onnx`` are not installed.

    See Also
    --------
    to_onnx : Writes the file.
    OnnxStager : Stages nights by the file.

    Notes
    -----
    Each column of a matrix of weights has a scale of its own, and takes seven of the
    eight bits, so that no processor rounds further where it adds up products.
    Products of activations, normalisation and read-out stay in float32, and so do the
    steps before the net. Compare stages with those of the file in float32 on nights of
    your own before use.

    Examples
    --------
    >>> from sleepkit.export import quantize
    >>> quantize("stager.onnx", "stager-int8.onnx")        # doctest: +SKIP
    """
    onnx = optional_import("onnx", extra="onnx")
    ir = optional_import("onnx_ir", extra="onnx")
    stager = OnnxStager(path)
    if "int8" in stager.about:
        msg = f"{quoted(fspath(path))} is in int8: quantize takes a file in float32."
        raise ModelFileError(msg)
    nights = None if calibrate is None else as_epoch_array(calibrate)
    if nights is not None and not len(nights):
        msg = "The 'calibrate' parameter of quantize must have a night. Got none."
        raise ValueError(msg)
    tidy = ir.from_proto(_quantize(onnx.load(fspath(path)), stager, nights))
    shorten_names(tidy.graph)
    kind = "dynamic" if nights is None else "calibrated"
    write_atomically(out, to_bytes(tidy, to_metadata(stager.about | {"int8": kind})))


def _quantize(model: Any, stager: OnnxStager, nights: EpochArray | None) -> Any:
    """Quantise a model by ONNX Runtime, calibrated on nights or dynamically."""
    onnx = optional_import("onnx", extra="onnx")
    quantization = optional_import("onnxruntime.quantization", extra="onnx")
    names = [node.name for node in model.graph.node]
    # else it logs an advice to users who cannot follow it
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    options = {
        "nodes_to_exclude": [name for name in names if name.startswith(STEP)],
        "per_channel": True,
        "weight_type": quantization.QuantType.QInt8,
        # seven bits: sums of two products in 16 bits overflow on older processors
        "reduce_range": True,
    }
    with TemporaryDirectory(prefix="sleepkit-") as folder:
        part = fspath(Path(folder, "int8.onnx"))
        if nights is None:
            options["op_types_to_quantize"] = list(_DYNAMIC)
            quantization.quantize_dynamic(model, part, **options)
        else:
            quantization.quantize_static(
                model,
                part,
                _reader(stager, nights),
                op_types_to_quantize=list(PRODUCTS),
                extra_options={
                    "MatMulConstBOnly": True,
                    "OpTypesToExcludeOutputQuantization": list(PRODUCTS),
                },
                **options,
            )
        return onnx.load(part)


def _reader(stager: OnnxStager, X: EpochArray) -> Any:
    """Reader of the inputs of the graph, one night after the other."""
    calibration: Any = optional_import("onnxruntime.quantization", extra="onnx")

    class Nights(calibration.CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[dict[str, Array]] = map(stager.inputs, X.recordings)

        def get_next(self) -> dict[str, Array] | None:
            """Return the inputs of the next night; None behind the last one."""
            return next(self.left, None)

    return Nights()
