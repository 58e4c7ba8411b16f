"""Files in int8: small, and near to those in float32."""

from __future__ import annotations

import pytest

from sleepkit.export import OnnxStager, quantize


@pytest.mark.parametrize("calibrated", [False, True])
def test_quantized_convolutions_and_products(powers_file, nights, tmp_path, calibrated):
    out = tmp_path / "int8.onnx"
    quantize(powers_file, out, calibrate=nights if calibrated else None)
    near, exact = (OnnxStager(path, n_threads=1) for path in (out, powers_file))
    assert near.about.pop("int8") == ("calibrated" if calibrated else "dynamic")
    assert near.about == exact.about
    change = abs(near.predict_proba(nights) - exact.predict_proba(nights)).max()
    # products of activations, and of the steps, are not quantised
    assert 0 < change < 0.2 if calibrated else change == 0
