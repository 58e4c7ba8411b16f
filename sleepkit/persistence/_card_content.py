"""Content of a model's card, from the description in its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sleepkit._messages import one_line, shortened
from sleepkit._stages import STAGES

_UNNAMED: Final = "model"
_FOREIGN: Final = "of scikit-learn"
_ESTIMATOR: Final = {"class", "foreign", "pipeline"}  # as a parameter of another
_UNKNOWN: Final = "The file does not say."
_ROW_NAMES: Final = ("estimator", "condition")  # in a row of scores
_MAX_ROWS: Final = 100


class Section(NamedTuple):
    """One section of a card: paragraphs, then a table whose first row is its header."""

    title: str
    paragraphs: list[str]
    table: list[list[str]]


def describe(info: Mapping[str, Any]) -> tuple[str, list[Section]]:
    """Name and sections of the card of a model, from `model_info`."""
    about = info["about"]
    parts = {
        "What it is": _what(info),
        "Trained on": (_trained_on(about), []),
        "Needs": (_needs(info), []),
        "Steps": ([], _steps(info)),
        "Reaches": _reaches(about),
        "Limits": (_texts(about, "limits"), []),
        "Made with": ([_versions(info)], []),
        "Licence": (_texts(about, "licence", "credit") or [_UNKNOWN], []),
    }
    name = _plain(about.get("method") or _UNNAMED)
    sections = [Section(title, *each) for title, each in parts.items() if any(each)]
    return name, sections


def _what(info: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Describe what the model is."""
    classes = info.get("classes")
    kind = "A fitted estimator of scikit-learn"
    if isinstance(classes, list):
        named = ", ".join(_stage(each) for each in classes[:_MAX_ROWS])
        kind = f"A stager of epochs into {named}"
    *_, (_, last, _) = _nodes(info.get("model"))
    if last == _FOREIGN and info.get("estimator") != "Pipeline":
        last = _plain(info.get("estimator"))
    return [f"{kind} ({last}), for research; not a medical device."], []


def _trained_on(about: Mapping[str, Any]) -> list[str]:
    """Describe what the model was trained on."""
    texts = [f"{text[:1].upper()}{text[1:]}." for text in _texts(about, "trained_on")]
    if not texts:
        counts = [f"{about[key]} {key}" for key in ("nights", "epochs") if key in about]
        if isinstance(about.get("subjects"), list):
            counts.append(f"{len(about['subjects'])} subjects")
        texts = [_plain(", ".join(counts)) + "."] if counts else [_UNKNOWN]
    if "adapted_on" in about:
        more = about["adapted_on"]
        pairs = more.items() if isinstance(more, dict) else [("unknown nights", "")]
        counts = [_plain(f"{value} {name}") for name, value in pairs]
        texts.append(f"Then adapted to {', '.join(counts)}.")
    return texts


def _needs(info: Mapping[str, Any]) -> list[str]:
    """Describe what the model takes."""
    texts = _texts(info["about"], "needs")
    modalities = info["about"].get("modalities")
    if isinstance(modalities, list | dict) and modalities:
        texts.append(f"Modalities: {', '.join(_plain(name) for name in modalities)}.")
    return texts or [_UNKNOWN]


def _steps(info: Mapping[str, Any]) -> list[list[str]]:
    """List the steps of the model, with parameters of the preprocessing."""
    rows = [
        [name, kind, ", ".join(parameters)]
        for name, kind, parameters in _nodes(info.get("model"))
    ]
    return [["step", "class", "parameters"], *rows[:_MAX_ROWS]]


def _nodes(model: Any) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name, class and parameters of each step, of which there is one."""
    named = model.get("pipeline") if isinstance(model, dict) else None
    steps = named if isinstance(named, list) and named else [["model", model]]
    for step in steps:
        name, node = step if isinstance(step, list) and len(step) == 2 else ("?", None)
        if node == "passthrough":
            continue
        about: dict[str, Any] = node if isinstance(node, dict) else {}
        package, _, short = _plain(about.get("class", "")).rpartition(".")
        given = about.get("parameters") if package == "preprocessing" else None
        pairs = given.items() if isinstance(given, dict) else ()
        values = [f"{_plain(key)}={_value(value)}" for key, value in pairs if value]
        yield _plain(name), short or _FOREIGN, values


def _value(value: Any) -> str:
    """Parameter of a step, without the types that the file notes."""
    if isinstance(value, dict) and value.keys() & _ESTIMATOR:
        return "; ".join(dict.fromkeys(kind for _, kind, _ in _nodes(value)))
    if isinstance(value, dict) and isinstance(value.get("dict"), list):
        pairs = [pair for pair in value["dict"] if isinstance(pair, list)]
        return _plain("; ".join(" ".join(map(_value, pair)) for pair in pairs))
    if isinstance(value, dict) and "tuple" in value:
        value = value["tuple"]
    if isinstance(value, list):
        between = "/" if value and isinstance(value[0], str) else "-"
        return _plain(between.join(map(_value, value)))
    return _plain(value)


def _reaches(about: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Scores, a column for each condition."""
    texts = [f"On {text}:" for text in _texts(about, "scored_on")]
    protocol = about.get("protocol")
    if not texts and isinstance(protocol, dict):
        window = _plain(protocol.get("scoring_window", "unknown"))
        texts = [f"On held-out subjects in cross-validation; scored: {window}."]
    held = about.get("scores")
    held = held[:_MAX_ROWS] if isinstance(held, list) else []
    rows = [row for row in held if isinstance(row, dict)]
    if not rows:
        return ["The file holds no scores."], []
    header = ["score", *(_plain(row.get("condition", "all")) for row in rows)]
    names = [name for name in rows[0] if name not in _ROW_NAMES][:_MAX_ROWS]
    body = [[_plain(name), *(_number(row.get(name)) for row in rows)] for name in names]
    return texts, [header, *body]


def _versions(info: Mapping[str, Any]) -> str:
    """Versions that the model was made with, and when."""
    names = ("sleepkit", "scikit-learn", "torch")
    versions = ", ".join(f"{name} {info.get(name)}" for name in names)
    return _plain(f"{versions}; {info.get('created')}; format {info.get('format')}.")


def _texts(about: Mapping[str, Any], *names: str) -> list[str]:
    """Texts of the card that the file has."""
    return [_plain(about[name]) for name in names if about.get(name)]


def _stage(code: Any) -> str:
    """Name of a stage; other classes are as they are."""
    known = isinstance(code, int) and 0 <= code < len(STAGES)
    return STAGES[code] if known else _plain(code)


def _number(value: Any) -> str:
    """Score with three decimals, or a count."""
    return f"{value:.3f}" if isinstance(value, float) else _plain(value)


def _plain(value: Any) -> str:
    """Text of anything in the file, in one line that a terminal does not obey."""
    return shortened(one_line(value))
