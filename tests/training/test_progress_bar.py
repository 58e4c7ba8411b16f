import pickle
from types import SimpleNamespace

from sleepkit.training import ProgressBar


def test_progress_bar(capsys):
    class History(list):
        pass

    net = SimpleNamespace(max_epochs=2, history=[{"train_loss": 1.5}])
    bar = ProgressBar()
    bar.on_train_begin(net)
    bar.on_epoch_end(net)
    bar.on_train_end(net)
    shown = capsys.readouterr().err
    assert "training" in shown
    assert "train_loss=1.500" in shown
    assert pickle.loads(pickle.dumps(bar))
