"""Overlapping labels: the later-starting one counts."""

from __future__ import annotations

import numpy as np

from sleepkit._stages import UNSCORED
from sleepkit._typing import FloatArray, IntArray

_Stack = list[tuple[int, int]]  # stops and codes of labels; the last one counts


def cover(
    edges: FloatArray, begins: FloatArray, ends: FloatArray, codes: IntArray
) -> tuple[IntArray, FloatArray]:
    """Code of each segment between edges, and the overlap of each label in seconds.

    The overlap is that with earlier labels of other codes. The labels are in the order
    of their begins, so that those which have begun are a stack, in which each stops
    before the ones below it: a label is visited twice at most.
    """
    segments = np.full(len(edges) - 1, UNSCORED)
    overlaps = np.zeros(len(codes))
    times = edges.tolist()
    spans = zip(
        np.searchsorted(edges, begins).tolist(),
        np.searchsorted(edges, ends).tolist(),
        codes.tolist(),
        strict=True,
    )
    stack: _Stack = []
    done = 0
    for i, (begin, end, code) in enumerate(spans):
        _write(segments, stack, done, begin)
        done = place = begin
        while stack and place < end:
            stop, other = stack[-1]
            reached = min(stop, end)
            if other != code:
                overlaps[i] += times[reached] - times[place]
            place = reached
            if stop <= end:
                stack.pop()
        if begin < end:
            stack.append((end, code))
    _write(segments, stack, done, len(segments))
    return segments, overlaps


def _write(segments: IntArray, stack: _Stack, done: int, until: int) -> None:
    """Write the codes of some segments; labels that stop there leave the stack."""
    while stack and done < until:
        stop, code = stack[-1]
        segments[done : min(stop, until)] = code
        done = min(stop, until)
        if stop <= until:
            stack.pop()
