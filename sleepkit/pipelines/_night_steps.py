"""The steps of a stager that a store of nights has behind it, and the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sleepkit import preprocessing
from sleepkit._messages import one_line
from sleepkit.exceptions import StepError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def night_steps(steps: Iterable[tuple[str, Any]]) -> Pipeline:
    """Select the steps before the first that is scaled by the training nights.

    They compute the same for every fold, so a store can hold what comes out of them.
    The step that keeps results is left out, and so must be the classifier.
    """
    from sklearn.pipeline import Pipeline

    chosen = []
    for name, step in steps:
        if getattr(step, "per", None) == "training":
            break
        if not _keeps(step):
            chosen.append((name, step))
    return Pipeline(chosen)


def without_steps(stager: Any, taken: Pipeline | None) -> Any:
    """Return what is left of a stager for nights that have taken its first steps."""
    if taken is None:
        return stager
    # A stager that is no Pipeline has no such steps.
    steps = night_steps(getattr(stager, "steps", [])[:-1]).steps
    if len(steps) != len(taken.steps) or not all(
        _is_same(own, other)
        for (_, own), (_, other) in zip(steps, taken.steps, strict=True)
    ):
        msg = (
            f"The nights are stored behind {_names(taken.steps)}, but the stager "
            f"begins with {_names(steps)}: `sleepkit prepare` with the method and the "
            "size of the stager writes the nights that it takes."
        )
        raise StepError(msg)
    names = {name for name, _ in steps}
    rest = [(n, step) for n, step in stager.steps if not _keeps(step)]
    return type(stager)([(n, step) for n, step in rest if n not in names])


def with_steps(taken: Pipeline | None, rest: Any) -> Any:
    """Join the steps that stored nights have taken and the fitted others."""
    return rest if taken is None else type(rest)([*taken.steps, *rest.steps])


def _is_same(own: Any, taken: Any) -> bool:
    """Whether a step, fitted or not, computes what another that is fitted does."""
    import joblib

    if str(own) != str(taken):
        return False
    fitted = _fitted(own)
    return not fitted or joblib.hash(fitted) == joblib.hash(_fitted(taken))


def _fitted(step: Any) -> dict[str, Any]:
    """Fitted attributes of a step."""
    return {name: value for name, value in vars(step).items() if name.endswith("_")}


def _names(steps: list[tuple[str, Any]]) -> str:
    """Name steps with the parameters that are not the default."""
    return ", ".join(one_line(step) for _, step in steps) or "no such step"


def _keeps(step: Any) -> bool:
    """Whether a step changes no value, and at most keeps them."""
    return step == "passthrough" or isinstance(step, preprocessing.Cache)
