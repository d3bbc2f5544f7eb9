"""Memory that reading a million turns takes, beside `pandas.read_csv`. Run: python tests/benchmarks/bench_data.py.

Each reader runs in a process of its own, whose peak resident size is what counts: ours must stay under 1.5 GiB,
although it cleans every text, checks every row and keeps the reasons; pandas only parses.
"""

import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNS = 1_000_000
TURNS_EACH = 20
LIMIT = 1.5  # GiB
_WORDS = ["we", "could", "give", "some", "money", "to", "the", "children", "of", "this", "town", "today"]

_OURS = """
from pathlib import Path
from shared.data import read_turns
corpus = read_turns(Path(FILE))
assert len(corpus.turns) + len(corpus.rejected) == corpus.rows == ROWS, (len(corpus.turns), corpus.rows)
assert len(corpus.rejected) == ROWS // 1000
"""
_PEER = """
import pandas as pd
assert len(pd.read_csv(FILE)) == ROWS
"""
_PEAK = """
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def write_turns(path: Path) -> None:
    """A million turns of about 80 characters; one in a thousand has no text and must be rejected."""
    generator = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as content:
        table = csv.writer(content)
        table.writerow(["conversation_id", "turn", "speaker", "text", "outcome"])
        for row in range(TURNS):
            text = "" if row % 1000 == 0 else " ".join(generator.choices(_WORDS, k=18))
            place, turn = divmod(row, TURNS_EACH)
            table.writerow([f"conversation-{place:06d}", turn, ("agent", "donor")[turn % 2], text, "donated"])


def measure(work: str, path: Path) -> tuple[float, float]:
    """Peak GiB and seconds of a process that does `work`."""
    code = work.replace("FILE", repr(str(path))).replace("ROWS", str(TURNS)) + _PEAK
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout), time.perf_counter() - started


def main() -> dict[str, object]:
    """Measure both readers on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turns.csv"
        write_turns(path)
        size = path.stat().st_size / 2**20
        ours, seconds = measure(_OURS, path)
        peer, _ = measure(_PEER, path)
    name = f"read {TURNS:,} turns ({size:.0f} MiB), peak memory; {seconds:.0f} s"
    return {"name": name, "ratio": LIMIT / ours, "target": 1.0, "ours": ours, "peer": peer, "unit": "GiB"}


if __name__ == "__main__":
    print(json.dumps(main()))
