"""Files in int8: small, and near to those in float32."""

from __future__ import annotations

import numpy as np
import pytest

from sleepkit.exceptions import ModelFileError
from sleepkit.export import OnnxStager, quantize

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("calibrated", [False, True])
def test_quantized_convolutions_and_products(
    powers_file, nights, tmp_path, calibrated, caplog
):
    out = tmp_path / "int8.onnx"
    quantize(powers_file, out, calibrate=nights if calibrated else None)
    assert not caplog.records
    near, exact = (OnnxStager(path, n_threads=1) for path in (out, powers_file))
    assert near.about.pop("int8") == ("calibrated" if calibrated else "dynamic")
    assert near.about == exact.about
    change = abs(near.predict_proba(nights) - exact.predict_proba(nights)).max()
    # products of activations, and of the steps, are not quantised
    assert 0 < change < 0.2 if calibrated else change == 0
    graph = onnx.load(out).graph
    arrays = [onnx.numpy_helper.to_array(x) for x in graph.initializer]
    ranges = [
        abs(x.astype(int)).max() for x in arrays if x.dtype == np.int8 and x.ndim > 1
    ]
    assert max(ranges, default=0) <= 64  # wider, processors without VNNI overflow
    # of a small net, names would take more than its weights
    assert not graph.value_info
    assert max(len(x.name) for x in graph.initializer) < 4
    assert not any(node.name for node in graph.node)


def test_what_cannot_be_quantized(powers_file, tmp_path):
    out = tmp_path / "out.onnx"
    with pytest.raises(ValueError, match=r"'calibrate' .* must have a night"):
        quantize(powers_file, out, calibrate=[])
    quantize(powers_file, tmp_path / "int8.onnx")
    with pytest.raises(ModelFileError, match=r"int8\.onnx' is in int8"):
        quantize(tmp_path / "int8.onnx", out)
    assert not out.exists()
