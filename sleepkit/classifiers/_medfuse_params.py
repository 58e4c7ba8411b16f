"""Parameters of MedFuseSleepClassifier: what each may be, and what goes together."""

from __future__ import annotations

from typing import Any, Final

from sleepkit.utils import check_count, check_fraction, check_option, check_positive

_OPTIONS: Final = {
    "fusion": ("coordinated", "early", "mid-late"),
    "missing": ("auto", "unimodal_head", "fused_head"),
    "subset_head": ("auto", True, False),
    "leave_out_noise": (True, False),
    "negatives": ("sequence", "batch"),
    "schedule": ("cosine", "released", "constant"),
}


def check_medfuse_params(stager: Any) -> None:
    """Refuse parameters that cannot be used."""
    owner = type(stager).__name__
    for name, options in _OPTIONS.items():
        check_option(name, getattr(stager, name), options, owner=owner)
    for name in ("multi_view", "alignment", "warmup"):
        check_positive(name, getattr(stager, name), owner=owner, zero=True)
    if stager.temperature != "learned":
        check_positive("temperature", stager.temperature, owner=owner)
    check_fraction("modality_dropout", stager.modality_dropout, owner=owner)
    check_count("sequence_length", stager.sequence_length, owner=owner)
    if stager.validate_every is not None:
        check_count("validate_every", stager.validate_every, owner=owner)
    if stager.warm_start_from is stager:
        msg = (
            f"The 'warm_start_from' parameter of {owner} must be another stager: "
            "warm_start=True starts from its own weights. Got itself."
        )
        raise ValueError(msg)
    _check_combinations(stager, owner)


def _check_combinations(stager: Any, owner: str) -> None:
    """Refuse parameters that do not go together."""
    if stager.missing == "unimodal_head" and not stager.multi_view:
        msg = (
            f"missing='unimodal_head' of {owner} needs multi_view > 0, which "
            "trains these heads. Got multi_view=0."
        )
        raise ValueError(msg)
    if stager.unimodal_weights and not stager.multi_view:
        msg = (
            f"The 'unimodal_weights' parameter of {owner} needs multi_view > "
            "0, which trains the unimodal heads. "
            f"Got {stager.unimodal_weights!r} and multi_view=0."
        )
        raise ValueError(msg)
