"""Speed and memory of fine-tuning at a vocabulary of 151,936, one thread. Run: python tests/benchmarks/bench_sft.py.

Two comparisons, each variant in a process of its own, on the same Qwen2 model (random weights, frozen bf16 base, LoRA)
and the same batches of 4 x 256 tokens of which a quarter is supervised:

- the loss alone, forward and backward: ours against the full-logits loss of transformers;
- a whole training: `shared.sft.train` against trl's `SFTTrainer.train()`, each with its data loading, optimiser, logs.

Processor seconds are counted, so that other programs on the machine do not decide. Each comparison prints a line of
JSON, `{name, ratio, target, ours, peer, unit}`; a ratio above the target is good.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 3
TOKENS, SUPERVISED, ROWS = 256, 64, 4
_COMMON = f"""
import json, resource, sys, time, torch, transformers
from pathlib import Path
torch.set_num_threads(1)
folder, steps = Path(sys.argv[1]), {STEPS}
torch.manual_seed(0)
ids = torch.randint(3, 151_936, (steps * {ROWS}, {TOKENS}))
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def tell(seconds):
    print(json.dumps({{"seconds": seconds, "peak": peak(), "tokens": {ROWS * TOKENS}}}))
def timed(train):
    def run(*args, **kwargs):
        start = time.process_time()
        result = train(*args, **kwargs)
        tell((time.process_time() - start) / steps)
        return result
    return run
"""
_MODEL = """
from transformers import Qwen2Config, Qwen2ForCausalLM
torch.set_default_dtype(torch.bfloat16)
model = Qwen2ForCausalLM(Qwen2Config(
    vocab_size=151_936, hidden_size=512, intermediate_size=1536, num_hidden_layers=4, num_attention_heads=8,
    num_key_value_heads=2, tie_word_embeddings=True))
model.save_pretrained(folder)
from shared.models import load_tokenizer
load_tokenizer("data/models/chat").save_pretrained(folder)
"""
_LOSS = f"""
from peft import LoraConfig, get_peft_model
from shared.sft import supervised_loss
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
peft = get_peft_model(model, LoraConfig(r=16, target_modules=TARGETS, task_type="CAUSAL_LM"))
times = []
for rows in ids.split({ROWS}):
    labels = rows.clone()
    labels[:, : {TOKENS - SUPERVISED}] = -100
    start = time.process_time()
    LOSS.backward()
    peft.zero_grad()
    times.append(time.process_time() - start)
tell(min(times))
"""
_OURS = "supervised_loss(model.model(input_ids=rows).last_hidden_state, model.lm_head, labels, None)"
_FULL = "peft(input_ids=rows, labels=labels).loss"
_OUR_TRAINING = f"""
import pandas as pd
from shared.sft import BaseModel, Training, train
transformers.Trainer.train = timed(transformers.Trainer.train)
prompt = {TOKENS - SUPERVISED}
table = pd.DataFrame([{{
    "source": "chat", "input_ids": row, "attention_mask": [1] * {TOKENS}, "labels": [-100] * prompt + row[prompt:],
    "weights": [0.0] * prompt + [1.0] * {SUPERVISED}, "prompt_length": prompt, "emotion_label": -100,
    "strategy_label": -100, "valence_arousal": [float("nan")] * 2}} for row in ids.tolist()])
settings = Training(
    steps=steps, batch_size={ROWS}, lora_dropout=0.0, loss_weights={{"lm": 1.0}}, log_every=steps, learning_rate=1e-4)
train(BaseModel(str(folder), "none", "bf16"), settings, table, padding=0, folder=folder / "ours")
"""
_TRL_TRAINING = f"""
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
transformers.Trainer.train = timed(transformers.Trainer.train)
mask = [0] * {TOKENS - SUPERVISED} + [1] * {SUPERVISED}
rows = [
    {{"input_ids": row, "labels": [t if kept else -100 for t, kept in zip(row, mask)]}} for row in ids.tolist()
]
trainer = SFTTrainer(
    model=transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16),
    args=SFTConfig(
        output_dir=str(folder / "trl"), max_steps=steps, per_device_train_batch_size={ROWS}, max_length={TOKENS},
        completion_only_loss=True, gradient_checkpointing=False, bf16=True, use_cpu=True, report_to=[],
        logging_steps=steps, learning_rate=1e-4, save_strategy="no", dataset_kwargs={{"skip_prepare_dataset": True}}),
    train_dataset=Dataset.from_list(rows),
    processing_class=transformers.AutoTokenizer.from_pretrained(folder),
    peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=TARGETS, task_type="CAUSAL_LM"))
trainer.train()
"""
VARIANTS = {
    "ours": _LOSS.replace("LOSS", _OURS),
    "full logits": _LOSS.replace("LOSS", _FULL),
    "our training": _OUR_TRAINING,
    "trl's training": _TRL_TRAINING,
}


def run(code: str, folder: Path) -> str:
    """The last line that a fresh process prints before its trainer's summary, if it has one."""
    command = [sys.executable, "-c", _COMMON + code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return next((line for line in reversed(done.stdout.splitlines()) if line.startswith('{"seconds"')), "")


def tell(name: str, ours: float, peer: float, target: float, unit: str, *, more_is_better: bool) -> None:
    """One line of JSON; the ratio is that by which ours is better."""
    ratio = ours / peer if more_is_better else peer / ours
    print(json.dumps({"name": name, "ratio": ratio, "target": target, "ours": ours, "peer": peer, "unit": unit}))


def main() -> None:
    """Measure all variants in turn, print a line for people for each, then the comparisons."""
    with tempfile.TemporaryDirectory() as name:
        run(_MODEL, Path(name))
        found = {variant: json.loads(run(code, Path(name))) for variant, code in VARIANTS.items()}
    for variant, row in found.items():
        print(
            f"{variant:<15} {row['seconds']:.2f} processor seconds a step, "
            f"{row['tokens'] / row['seconds']:,.0f} tokens a second, peak {row['peak'] / 2**20:,.0f} MiB"
        )
    ours, full = found["ours"], found["full logits"]
    rates = [found[name]["tokens"] / found[name]["seconds"] for name in ("our training", "trl's training")]
    tell("sft: step of the LM loss", ours["seconds"], full["seconds"], 2.5, "s a step", more_is_better=False)
    tell("sft: peak of the LM loss", ours["peak"] / 2**20, full["peak"] / 2**20, 2.0, "MiB", more_is_better=False)
    tell("sft: whole training against trl's SFTTrainer", *rates, 3.0, "tokens a second", more_is_better=True)


if __name__ == "__main__":
    main()
