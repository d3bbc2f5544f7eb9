"""Several processes through accelerate: the same training as one process with a batch as large as all of theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shared.runs import project

SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from safetensors.torch import save_file
import torch
from shared.sft import BaseModel, SafetyTeacher, Training, predict_heads, train

folder, batch, fitted = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rank = __import__("os").environ.get("RANK", "0")
nothing = [float("nan")] * 2
rows = [
    {
        "source": "chat", "input_ids": [5 + (7 * i + 3 * j) % 240 for j in range(16)], "attention_mask": [1] * 16,
        "labels": [-100] * 10 + [5 + (7 * i + 3 * j) % 240 for j in range(10, 16)], "weights": [0.0] * 10 + [1.0] * 6,
        "prompt_length": 10, "emotion_label": i % 4, "strategy_label": i % 5, "valence_arousal": [0.1, -0.2],
    }
    for i in range(16)
]
safe = {"input_ids": list(range(5, 15)), "labels": [-100] * 5 + list(range(10, 15))}
teacher = SafetyTeacher([safe], padding=0, batch_size=1)
settings = Training(steps=4, batch_size=batch, learning_rate=1e-2, lora_rank=4, lora_dropout=0.0, log_every=2,
                    save_every=2, safety_weight=1.0, head_examples=fitted)
base = BaseModel(str(folder / "base"), "nf4", "fp32", n_emotions=4, n_strategies=5)
trained = train(base, settings, pd.DataFrame(rows), padding=0, folder=folder / f"run{batch}", safety=teacher)
weights = {n: p.detach().clone() for n, p in trained.model.named_parameters() if p.requires_grad}
weights["answers of the heads"] = torch.from_numpy(predict_heads(trained.model, pd.DataFrame(rows), padding=0).strategy)
save_file(weights, folder / f"weights-{batch}-{rank}.safetensors")
"""


def launch(folder: Path, processes: int, batch: int, fitted: int) -> None:
    script = folder / "script.py"
    script.write_text(SCRIPT)
    several = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "29571"]
    command = [sys.executable, *(several if processes > 1 else []), str(script), str(folder)]
    command += [str(batch), str(fitted)]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project())}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fitted", [0, 16], ids=["random heads", "fitted heads"])
def test_two_processes_train_what_one_with_twice_the_batch_trains(tmp_path, fitted):
    from shared.sources import write_new_chat_model

    (tmp_path / "base").mkdir()
    write_new_chat_model(tmp_path / "base", ["I feel sad.", "Why?"] * 5, vocabulary=600, width=64, layers=1, seed=0)
    launch(tmp_path, processes=1, batch=4, fitted=fitted)
    launch(tmp_path, processes=2, batch=2, fitted=fitted)
    alone, first, second = (load_file(tmp_path / f"weights-{n}.safetensors") for n in ("4-0", "2-0", "2-1"))
    assert len(alone) > 10
    for name, weight in alone.items():
        assert torch.equal(first[name], second[name]), name
        # Fitted heads leave next to no gradient, and Adam makes whole steps of what rounding leaves: then weights that
        # say the same may differ, so what the heads say is compared.
        if not fitted or name == "answers of the heads":
            torch.testing.assert_close(first[name], weight, atol=1e-2 if fitted else 1e-4, rtol=1e-3)
    # Checkpoints and metrics were written once, by the first process.
    assert sorted(p.name for p in (tmp_path / "run2").glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-4"]
    assert (tmp_path / "run2" / "checkpoint-4" / "complete").exists()
    assert len((tmp_path / "run2" / "train_metrics.jsonl").read_text().splitlines()) == 2
