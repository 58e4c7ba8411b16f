import pytest

from sleepkit.training import TrainingStage

SIZES = {"lr": 0.1, "batch_size": 4, "max_epochs": 2}
IN_ORDER = {"sampler": "in_order", "carry_state": True, "sequence_length": 3}


def test_defaults():
    stage = TrainingStage(**SIZES)
    assert (stage.sampler, stage.sequence_length) == ("shuffled", None)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"lr": 0}, "'lr' parameter of TrainingStage"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"max_epochs": 1.5}, "'max_epochs' parameter"),
        ({"sequence_length": 0}, "'sequence_length' parameter"),
        ({"validate_every": -1}, "'validate_every' parameter"),
        ({"sampler": "random"}, "'sampler' parameter .* 'random'"),
        (
            {"sampler": "balanced", "sequence_length": 3},
            "of TrainingStage takes epochs alone. Got sequences of 3",
        ),
        ({"carry_state": True}, "sampler='in_order' and sequences. Got .* alone"),
        (
            IN_ORDER | {"sampler": "shuffled"},
            "Got sampler='shuffled' and sequences of 3",
        ),
        (IN_ORDER | {"validate_every": 2}, "needs validate_every=None: .* Got .*=2"),
    ],
)
def test_what_cannot_be_used(params, words):
    with pytest.raises(ValueError, match=words):
        TrainingStage(**SIZES | params)
