"""Step speed and peak memory of the LM loss at a vocabulary of 151,936. Run: python tests/benchmarks/bench_sft.py.

The same Qwen2 model (random weights, frozen bf16 base, LoRA), the same batch (4 x 256 tokens, a quarter of them
supervised), each variant in a process of its own: ours, the full-logits loss of transformers, and the fused LM head
of trl's SFTTrainer.
Wanted: ours at least 2.5 times as fast as full logits at half its peak or less, and 3 times trl's tokens a second.
"""

import json
import subprocess
import sys

STEPS = 3
_COMMON = """
import json, resource, time, torch
from torch.nn import functional as F
from transformers import Qwen2Config, Qwen2ForCausalLM
from shared.sft import supervised_loss
torch.manual_seed(0)
torch.set_default_dtype(torch.bfloat16)
config = Qwen2Config(vocab_size=151_936, hidden_size=512, intermediate_size=1536, num_hidden_layers=4,
                     num_attention_heads=8, num_key_value_heads=2, tie_word_embeddings=True)
model = Qwen2ForCausalLM(config)
torch.set_default_dtype(torch.float32)
from peft import LoraConfig, get_peft_model
peft = get_peft_model(model, LoraConfig(r=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
ids = torch.randint(0, 151_936, (4, 256))
labels = ids.clone()
labels[:, :192] = -100
floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
_STEPS = {
    "ours": "loss = supervised_loss(model.model(input_ids=ids).last_hidden_state, model.lm_head, labels, None)",
    "full logits": "loss = peft(input_ids=ids, labels=labels).loss",
    "trl": "loss = -peft(input_ids=ids, labels=labels, fused_lm_head=True).log_probs[:, 191:].mean()",
}
_SETUP = {"trl": "from trl.trainer.utils import add_fused_lm_head; add_fused_lm_head(model)"}
_LOOP = """
times = []
for _ in range({steps}):
    start = time.perf_counter()
    {step}
    loss.backward()
    peft.zero_grad()
    times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({{"seconds": min(times), "peak": peak * 1024, "floor": floor * 1024, "loss": float(loss)}}))
"""


def measure(name: str) -> dict[str, float]:
    """Fastest step, peak resident size and loss of one variant, in a fresh process."""
    code = _COMMON + _SETUP.get(name, "") + _LOOP.format(steps=STEPS, step=_STEPS[name])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure all variants in turn and print ratios."""
    found = {name: measure(name) for name in _STEPS}
    for name, row in found.items():
        rate = 4 * 256 / row["seconds"]
        peak = row["peak"] / 2**20
        print(f"{name:<12} {row['seconds']:.2f} s a step  {rate:,.0f} tokens/s  peak {peak:,.0f} MiB")
    ours, full, trl = found["ours"], found["full logits"], found["trl"]
    print(f"speed over full logits {full['seconds'] / ours['seconds']:.1f}x, peak {ours['peak'] / full['peak']:.2f}x")
    print(f"tokens a second over trl {trl['seconds'] / ours['seconds']:.1f}x")


if __name__ == "__main__":
    main()
