"""What two processes of one training are shown, as Lightning starts them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = '''
import json, sys
from functools import partial
from pathlib import Path
import pytorch_lightning as pl
import torch
import torch.distributed
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.dataset.task import Task
from vpnet.models.lstm import LSTM
from vpnet.simulation.simulated_study import simulate_recordings
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss
from vpnet.runtime.trainer import make_trainer

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
task = Task("tiny", 5, 1.0, [0.2, 1.0], [0.2, 1.0], 1.0, 1.0, 0.4)
recordings = simulate_recordings(users=3, videos=4, duration_s=11.0)
data = ViewportDataModule(
    recordings, CrossVideo(0.25, 0.25), task, batch_size=16, eval_batch_size=4, run_length=2,
    seed=seed,
)

class Watch(pl.Callback):
    """Keeps which windows each epoch shows this process."""

    def __init__(self):
        self.seen, self.drawn = [], []

    def on_train_epoch_start(self, trainer, pl_module):
        self.seen.append([])

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen[-1] += zip(batch.recording_index.tolist(), batch.anchor_step.tolist())
        if batch_idx == 0:
            self.drawn.append(torch.rand(()).item())

torch.manual_seed(0)
model = LSTM(data.spec, hidden=8, layers=1)
module = ForecastingModule(model, ForecastLoss(2), partial(torch.optim.SGD, lr=0.0))
trainer = make_trainer(
    folder, loggers=[], progress_bar=False, devices=2, strategy="ddp", max_epochs=2
)
watch = Watch()
trainer.callbacks.append(watch)
trainer.fit(module, datamodule=data)
errors = {name: value.item() for name, value in trainer.callback_metrics.items()}
held = {"seen": watch.seen, "drawn": watch.drawn, "errors": errors,
        "windows": [len(data.train_windows), len(data.val_windows)]}
# Else the metrics of one process would wait for those of the other, which has ended.
torch.distributed.destroy_process_group()
if trainer.global_rank == 0:
    alone = make_trainer(folder, loggers=[], progress_bar=False)
    held["alone"] = alone.validate(module, datamodule=data, verbose=False)[0]
(folder / f"{trainer.global_rank}.json").write_text(json.dumps(held))
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Function that trains with two processes and a seed, and gives what each has seen."""

    def train(seed: int) -> list[dict]:
        folder: Path = tmp_path_factory.mktemp("run")
        program = folder / "program.py"
        program.write_text(PROGRAM)
        subprocess.run(
            [sys.executable, program, folder, str(seed)],
            check=True,
            capture_output=True,
            timeout=300,
        )
        return [json.loads((folder / f"{process}.json").read_text()) for process in (0, 1)]

    return train


@pytest.mark.slow
def test_seed_and_epoch_decide_which_windows_each_process_is_shown(run):
    processes = run(seed=0)
    windows = processes[0]["windows"][0]
    for epoch in (0, 1):
        shares = [[tuple(key) for key in process["seen"][epoch]] for process in processes]
        shown = [*shares[0], *shares[1]]
        assert len(set(shown)) == windows
        assert len(shown) <= windows + 1, "at most one is repeated, so that both have as many"
        for share in shares:
            pairs = list(zip(share[::2], share[1::2], strict=False))
            torn = [a for a, b in pairs if (a[0], a[1] + 2) != b]
            assert len(torn) <= len({key[0] for key in shown}), "runs of two stay together"
    assert processes[0]["seen"][0] != processes[0]["seen"][1]
    assert processes[0]["drawn"] != processes[1]["drawn"], "each has its own noise"
    again, other = run(seed=0), run(seed=1)
    assert again[0]["seen"] == processes[0]["seen"]
    assert again[0]["drawn"] == processes[0]["drawn"]
    assert other[0]["seen"] != processes[0]["seen"]


@pytest.mark.slow
def test_validation_counts_every_window_once(run):
    processes = run(seed=0)
    assert processes[0]["windows"][1] % 2 == 1, "one window is shown to both"
    alone = processes[0]["alone"]
    for process in processes:
        for name, value in alone.items():
            assert process["errors"][name] == pytest.approx(value, rel=1e-6), name
