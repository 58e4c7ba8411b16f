"""The graph of a fitted stager, and the input that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sklearn.pipeline import Pipeline

from sleepkit.classifiers import LogPoolClassifier, SleepClassifier
from sleepkit.exceptions import StepError
from sleepkit.export._facts import Facts, Layout
from sleepkit.export._graph import Graph, NetGraph, PipelineGraph, PoolGraph
from sleepkit.export._sequences import Sequences
from sleepkit.export._steps import convert_steps


class Built(NamedTuple):
    """A graph, and the sequences of each of its nets that stages sequences."""

    graph: Graph
    sequences: dict[str, Sequences]


def build(stager: Any, layout: Layout, name: str = "sequences") -> Built:
    """Build the graph of a stager for modalities of a layout.

    `name` is that of its sequences.
    """
    if isinstance(stager, Pipeline):
        steps, after = convert_steps(stager.steps[:-1], _of(stager, layout))
        last = build(stager.steps[-1][1], after, name)
        return Built(PipelineGraph(steps, last.graph), last.sequences)
    if isinstance(stager, LogPoolClassifier):
        names = [f"{name}_{member}" for member, _ in stager.estimators]
        built = [
            build(member, layout, each)
            for each, member in zip(names, stager.estimators_, strict=True)
        ]
        pool = PoolGraph([each.graph for each in built], stager.weights_)
        merged = {n: s for each in built for n, s in each.sequences.items()}
        return Built(pool, merged)
    if isinstance(stager, SleepClassifier):
        layout = _of(stager, layout)
        _check_shapes(stager, layout)
        rule = Sequences.of(stager)
        graph = NetGraph(stager, None if rule is None else name, layout)
        return Built(graph, {} if rule is None else {name: rule})
    raise _no_graph(stager)


def modalities_of(stager: Any) -> tuple[str, ...]:
    """Modalities that a stager takes; its last step must have a graph."""
    if isinstance(stager, Pipeline):
        return modalities_of(stager.steps[-1][1])
    if isinstance(stager, LogPoolClassifier):
        return tuple(stager.modalities_)
    if isinstance(stager, SleepClassifier):
        return tuple(stager.layout_)
    raise _no_graph(stager)


def _no_graph(stager: Any) -> StepError:
    """Error of a classifier that has no graph."""
    msg = f"{type(stager).__name__} has no graph: sleepkit's nets and their pools have."
    return StepError(msg)


def _of(stager: Any, layout: Layout) -> dict[str, Facts]:
    """Layout of the modalities that a stager takes."""
    return {name: layout[name] for name in modalities_of(stager)}


def _check_shapes(stager: Any, layout: Mapping[str, Facts]) -> None:
    """Require that the steps give the epochs that the net was trained on."""
    for name, shape in stager.layout_.items():
        facts = layout[name]
        found = facts.shape if facts.sfreq is None else (*facts.shape, facts.n_times)
        if found != shape:
            msg = (
                f"{type(stager).__name__} was fitted on {name!r} epochs of shape "
                f"{shape}; the input of the graph gives {found}. See n_channels and "
                "sfreq of to_onnx."
            )
            raise StepError(msg)
