import threading
import time

import pytest
import torch

from sleepkit.training._parallel import inference_workers
from sleepkit.training._runtime import threads

CPU = torch.device("cpu")


def test_results_come_in_the_order_of_the_items():
    def slow_at_first(number):
        time.sleep(0.02 / (1 + number))
        return number

    with threads(4), inference_workers(CPU) as each:
        assert list(each(slow_at_first, range(20))) == [*range(20)]


def test_items_run_side_by_side_without_gradients():
    together = threading.Barrier(3, timeout=10)  # nobody passes alone

    def run(_):
        together.wait()
        return torch.is_inference_mode_enabled(), torch.get_num_threads()

    with threads(3), inference_workers(CPU) as each:
        assert list(each(run, range(6))) == [(True, 1)] * 6


@pytest.mark.parametrize(("n_threads", "n_workers", "share"), [(2, 2, 1), (20, 8, 2)])
def test_workers_share_out_the_threads(n_threads, n_workers, share):
    def run(_):
        time.sleep(0.01)
        return threading.get_ident(), torch.get_num_threads()

    with threads(n_threads), inference_workers(CPU) as each:
        found = set(each(run, range(32)))
        assert torch.get_num_threads() == n_threads
    assert len(found) == n_workers
    assert {n for _, n in found} == {share}


@pytest.mark.parametrize(("n_threads", "device"), [(1, "cpu"), (4, "meta")])
def test_one_thread_and_other_devices_need_no_workers(n_threads, device):
    with threads(n_threads), inference_workers(torch.device(device)) as each:
        assert set(each(lambda _: threading.get_ident(), range(8))) == {
            threading.get_ident()
        }


def test_a_single_item_gets_all_threads():
    def run(_):
        return torch.get_num_threads(), threading.get_ident()

    with threads(3), inference_workers(CPU) as each:
        assert list(each(run, ["item"])) == [(3, threading.get_ident())]
        assert list(each(run, [])) == []


def test_who_comes_while_others_work_has_a_thread_of_their_own():
    with threads(4), inference_workers(CPU), inference_workers(CPU) as second:
        assert second is map
    with threads(4), inference_workers(CPU) as third:
        assert third is not map


def test_few_items_are_drawn_ahead_of_time():
    drawn = []
    with threads(2), inference_workers(CPU) as each:
        results = each(lambda number: number, map(drawn.append, range(100)))
        next(results)
    assert len(drawn) < 10


def test_an_error_ends_it_and_threads_are_put_back():
    def run(number):
        return 1 / (number - 3)

    before, seen = torch.get_num_threads(), []
    with threads(2):
        with pytest.raises(ZeroDivisionError), inference_workers(CPU) as each:
            seen += each(lambda number: seen.append(run(number)), range(100))
        assert torch.get_num_threads() == 2
        new = []
        thread = threading.Thread(target=lambda: new.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert new == [2]
    assert torch.get_num_threads() == before
    assert len(seen) < 20
