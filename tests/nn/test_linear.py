import pytest
import torch
from torch import nn

from sleepkit.nn._linear import Linear, onednn_is_faster

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN"
)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 5), (0, 5)])
def test_it_is_torchs_linear_layer(shape, bias):
    layer, plain = Linear(5, 4, bias=bias), nn.Linear(5, 4, bias=bias)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(shape)
    assert torch.equal(layer(x), plain(x))
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x))


@needs_onednn
def test_the_layout_stays():
    layer, x = Linear(5, 4), torch.randn(3, 5)
    with torch.no_grad():
        mapped = layer(x.to_mkldnn())
        assert mapped.is_mkldnn
        assert not layer(x).is_mkldnn
        torch.testing.assert_close(mapped.to_dense(), layer(x))


@needs_onednn
def test_only_float32_without_gradients_is_faster_elsewhere():
    x = torch.ones(3)
    assert not onednn_is_faster(x)
    with torch.no_grad():
        assert onednn_is_faster(x)
        assert not onednn_is_faster(x.double())
        assert not onednn_is_faster(x.bfloat16())
        assert not onednn_is_faster(x[:0])
        with torch.autocast("cpu", torch.bfloat16):
            assert not onednn_is_faster(x)
