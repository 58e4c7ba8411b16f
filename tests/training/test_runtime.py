from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sleepkit.training._runtime import find_device, seeded, threads

CPU = torch.device("cpu")


def draw(seed):
    """Random numbers in small portions, so that threads would mix them."""
    with seeded(seed, CPU):
        return [torch.rand(1).item() for _ in range(200)]


def test_seeded_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = torch.rand(1)
    draw(0)
    torch.testing.assert_close(torch.cat([first, torch.rand(1)]), expected)


def test_threads_do_not_mix_their_random_numbers():
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(draw, [1, 2, 1, 2, 1, 2]))
    assert drawn == [draw(1), draw(2)] * 3


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), threads(before + 1):
        _ = 1 / 0
    assert torch.get_num_threads() == before


def test_none_leaves_the_threads():
    before = torch.get_num_threads()
    with threads(None):
        assert torch.get_num_threads() == before


def test_other_devices_keep_their_generators(monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda _: 1 / 0)
    draw(0)


def test_find_device():
    assert find_device("cpu") == CPU
    assert find_device("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("device", ["cuda:99", "meta", "gpu", 99])
def test_devices_that_are_not_there(device):
    words = rf"'device' parameter must be 'auto', .*cpu\. Got {device!r} instead"
    with pytest.raises(ValueError, match=words):
        find_device(device)


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == torch.device("cuda")
    assert find_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=r"has: cuda, cuda:0, cuda:1, .*cpu\. Got"):
        find_device("cuda:2")
