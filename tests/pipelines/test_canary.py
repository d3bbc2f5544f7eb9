"""Originals are planted everywhere that a study reads, and none may come out anywhere that it writes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines._cli import main
from shared.runs import project, stage_numbers
from shared.sequence import Planted, write_planted
from shared.shadow import DecisionLog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# What must not survive: pieces of names, numbers, addresses, and of this machine. Lower case; two or more letters each.
CANARIES = [
    "thandiwe", "okafor", "zsofia", "nagy", "bartholomew", "vandermeer", "ikechukwu", "wójcik", "oyelaran",
    "415 555", "415-555", "5550134", "555-0134", "555 0134", "zero one three four", "4111 1111", "one one one one",
    "old mill", "ls1 4ap", "hauptstraße", "10115 berlin", "post.example", "jdoe42",
]  # fmt: skip

OPENING = [
    ("operator", "Hello, my name is Bartholomew Vandermeer from the charity, am I speaking to Mrs. Okafor?"),
    ("caller", "yes this is thandiwe okafor speaking, hi bartholomew"),
    ("operator", "Thandiwe, can I have your number?"),
    ("caller", "it's four one five, five five five, zero one three four, or 415-555-0134"),
    ("operator", "And the card, and where you live?"),
    ("caller", "4111 1111 1111 1111, that is four one one one one one one one one one one one one one one one"),
    ("caller", "14 Old Mill Road, Leeds LS1 4AP, before that Hauptstraße 12, 10115 Berlin"),
    ("operator", "Mister Wójcik sends the receipt to thandiwe.okafor@post.example then"),
    ("caller", "no, to zsofia dot nagy at gmail dot com, it is spelled N-A-G-Y, zsofia is my daughter"),
    ("operator", "The recording is in /home/jdoe42/calls/okafor.wav, thandiwe's file, bye Zsofia and thanks"),
]  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which a redacted study with planted originals was run."""
    root = tmp_path_factory.mktemp("canary")
    private = root / "jdoe42" / "of Thandiwe Okafor"
    private.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_HOME", str(root / "home"))
        patch.setenv("LOGNAME", "jdoe42")
        study = _write_study(root, private)
        assert main(["run", str(study), "--jobs", "1"]) == 0
        assert main(["report", str(study), "--one-file", "explore"]) == 0
        assert main(["run", str(_write_broken_study(root, private))]) == 2
    return root / "home"


def _write_study(root: Path, private: Path) -> Path:
    """Every stage that takes text, ids or labels from outside takes them from a file of canaries, most in few steps."""
    own = {name: str(private / name) for name in _write_outside_files(private)}
    dataset = str(private / "analysed calls")
    content = {
        "study": "canary",
        "run_version": "canary",
        "redact": True,
        "description": "Calls of Maria Oyelaran, 415-555-0134, kept in /home/jdoe42/calls.",
        "stages": {
            "explore": {
                "params": {
                    "corpus": str(private / "calls of thandiwe_okafor.csv"),
                    "kind": "turns",
                    "columns": {"conversation_id": "call", "text": "What Mrs. Okafor said", "author_id": "who"},
                    "roles": {"caller": "donor", "Bartholomew Vandermeer": "agent"},
                    "max_rejected_fraction": 0.5,
                }
            },
            "speakers": {
                "after": ["explore"],
                "params": {"methods": ["model"], "train_conversations": 4, "batch_size": 8},
            },
            "classifier": {
                "after": ["speakers"],
                "params": {
                    "outcomes": {"gave, says Ikechukwu Nagy": "gave to Ikechukwu Nagy"},
                    "least_per_outcome": 5, "seeds": [0], "epochs": 1, "max_tokens": 64,
                },
            },
            "attention": {
                "after": ["classifier"],
                "params": {"max_conversations": 4, "max_explained": 2, "steps": 2, "least_conversations": 1},
            },
            "embeddings": {"after": ["speakers"]},
            "vqvae": {"after": ["embeddings"], "params": {"codes": 4, "epochs": 1, "seeds": 1}},
            "codes": {"after": ["vqvae"], "params": {"truth": own["acts.csv"], "minimum": 2, "permutations": 99}},
            "sequence": {"after": ["explore"], "params": {"dataset": dataset, **_LITTLE}},
            "profiles": {
                "after": ["sequence"],
                "params": {"dataset": dataset, "folds": 3, "weightings": ["balanced"], "num_epochs": 1, "draws": 2},
            },
            "labels": {"params": {"ways": ["synthetic", "human"], "label_studio_export": own["export.json"]}},
            "nodes": {
                "after": ["labels"],
                "params": {
                    "task": own["wishes.yaml"], "labelled_file": own["wishes.csv"], "epochs": 1,
                    "out_of_scope_file": own["strangers.csv"], "keep_near_duplicates": True,
                },
            },
            "serving": {
                "after": ["nodes"],
                "params": {"message": "Hello, Thandiwe Okafor here, 415 555 0134", "rounds": 10, "batches": [1]},
            },
            "shadow": {"after": ["nodes"], "params": {"log_folder": str(private / "log")}},
            "feedback": {
                "params": {
                    "chats": own["chats.json"],
                    "recogniser": "off",
                    "test_size": 2,
                    "max_rejected_fraction": 0.5,
                }
            },
            "improve": {"after": ["feedback"]},
            "judge": {
                "after": ["improve"],
                "params": {
                    "people": own["people.json"], "coverage_repetitions": 2, "replicates": 100,
                },
            },
            "sources": {"params": {"messages": str(private / "chats of okafor"), "max_length": 128}},
            "sft": {
                "after": ["sources"],
                "params": {
                    "steps": 2, "safety_prompts": own["safety.jsonl"], "safety_weight": 0.5, "quantisation": "none",
                    "without_teacher": True, "redteam": own["asked.jsonl"], "max_eval_examples": 20,
                },
            },
            "dpo": {
                "after": ["sources", "sft"],
                "params": {"preferences": own["pairs.jsonl"], "steps": 1, "max_length": 256, "max_length_lean": 1.0},
            },
            "exports": {
                "after": ["sources", "sft", "dpo"],
                "params": {"qualitative": own["asked.jsonl"], "max_new_tokens": 4, "max_prompts": 2},
            },
            "errors": {"after": ["classifier"], "params": {"compare_with": own["before.parquet"], "least": 2}},
        },
    }  # fmt: skip
    path = root / "canary.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


# Of the sequence classifier: as little training as it takes.
_LITTLE = {"num_epochs": 1, "fold_epochs": 1, "folds": 2, "hidden_size": 4, "kernel_sizes": [3], "turns_seen": [2]}


def _write_outside_files(private: Path) -> list[str]:
    """One file, or folder, of canaries for each way into the house; the names of the files."""
    _write_turns(private)
    _write_analysed(private / "analysed calls")
    _write_log(private / "log")
    asked = [{"role": "user", "content": text} for _, text in OPENING]
    answered = [{"messages": [turn, {"role": "assistant", "content": OPENING[5][1]}]} for turn in asked]
    _write_lines(private / "chats of okafor" / "train.jsonl", answered)
    prompts = [
        {"prompt_id": f"okafor-{number}", "messages": [turn], "meta": {"from": "Zsofia Nagy"}}
        for number, turn in enumerate(asked)
    ]
    pairs = [
        {"prompt": [turn], "chosen": OPENING[number - 1][1], "rejected": OPENING[number - 3][1]}
        for number, turn in enumerate(asked)
    ]
    return [
        path.name
        for path in (
            _write_acts(private), _write_labels(private), _write_chats(private), _write_task(private),
            _write_wishes(private), _write_strangers(private), _write_people(private), _write_before(private),
            _write_lines(private / "safety.jsonl", answered),
            _write_lines(private / "asked.jsonl", prompts), _write_lines(private / "pairs.jsonl", pairs),
        )
    ]  # fmt: skip


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _write_analysed(folder: Path) -> None:
    """Conversations as numbers, whose ids and authors are people."""
    write_planted(folder, Planted(authors=24, seed=0))
    people = {"conversation_id": "okafor-{}", "author_id": "{}.nagy@post.example"}
    for path in folder.glob("*.parquet"):
        table = pq.read_table(path)
        for place, field in enumerate(table.schema):
            if field.name in people:
                named = [people[field.name].format(text) for text in table[field.name].to_pylist()]
                table = table.set_column(place, field, pa.array(named, pa.string()))
        pq.write_table(table, path)


def _write_log(folder: Path) -> None:
    log = DecisionLog(folder)
    for number in range(40):
        _, text = OPENING[number % len(OPENING)]
        said = {"encoder_category": "give", "encoder_confidence": 0.5 + number / 100, "encoder_ms": 1.0}
        said |= {"llm_status": "ok", "llm_category": ["give", "talk"][number % 2], "llm_confidence": 1.0, "llm_ms": 9.0}
        asked = {
            "conversation_id": f"okafor-{number // 4}",
            "message": str(number),
            "text": f"{text}, message {number}",
        }
        log.write({"time": float(number), "mode": "shadow", "served": "llm", "reason": "shadow", **asked, **said})


def _write_acts(private: Path) -> Path:
    acts = [
        {"conversation_id": call, "turn": turn, "dialogue_act": ["greets Zsofia Nagy", "greets nobody"][turn % 2]}
        for call in _CALLS
        for turn in range(len(OPENING))
    ]
    pd.DataFrame(acts).to_csv(private / "acts.csv", index=False)
    return private / "acts.csv"


def _write_task(private: Path) -> Path:
    task = yaml.safe_load((project() / "data" / "tasks" / "intent.yaml").read_text(encoding="utf-8"))
    task |= {"task": "wishes", "minimum": 2, "recommended": 2, "labels": {"give": "wants to give", "talk": "does not"}}
    path = private / "wishes.yaml"
    path.write_text(yaml.safe_dump(task), encoding="utf-8")
    return path


def _write_wishes(private: Path) -> Path:
    rows = [
        {"message": f"{text}, wish {n}", "category": ["give", "talk"][(n + place) % 2], "confidence": 1.0}
        for n in range(6)
        for place, (_, text) in enumerate(OPENING)
    ]
    pd.DataFrame(rows).to_csv(private / "wishes.csv", index=False)
    return private / "wishes.csv"


def _write_strangers(private: Path) -> Path:
    pd.DataFrame({"message": [text for _, text in OPENING[:4]]}).to_csv(private / "strangers.csv", index=False)
    return private / "strangers.csv"


def _write_people(private: Path) -> Path:
    path = private / "people.json"
    path.write_text(json.dumps({f"okafor-{number}": number % 2 for number in range(8)}), encoding="utf-8")
    return path


def _write_before(private: Path) -> Path:
    """What another model said of the same calls, before anybody thought of redaction."""
    said = {"split": "test", "model": "older", "confidence": 0.6}
    rows = [
        {"conversation_id": call, "outcome": _outcome(number), "predicted": _outcome(number + 1), **said}
        for number, call in enumerate(_CALLS)
    ]
    pd.DataFrame(rows).to_parquet(private / "before.parquet", index=False)
    return private / "before.parquet"


def _write_broken_study(root: Path, private: Path) -> Path:
    # Its columns are not renamed, so it fails with a message that quotes the header, before it has read a single name.
    path = root / "broken.yaml"
    params = {"corpus": str(private / "calls of thandiwe_okafor.csv"), "kind": "turns"}
    study = {"run_version": "broken", "redact": True, "stages": {"explore": {"params": params}}}
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


_CALLS = [f"okafor-{number}" if number % 2 else f"4155550134-{number}" for number in range(40)]


def _outcome(number: int) -> str:
    return "gave, says Ikechukwu Nagy" if number % 2 else "refused"


def _write_turns(private: Path) -> Path:
    people = {"caller": "Thandiwe Okafor", "operator": "zsofia.nagy@post.example"}
    rows = [
        {
            "call": call,
            "who": people[role],
            "speaker": role,
            "What Mrs. Okafor said": f"{text}, call {number}",
            "outcome": _outcome(number),
        }
        for number, call in enumerate(_CALLS)
        for role, text in [*OPENING, ("caller", "yes, gladly" if number % 2 else "no, sorry")]
    ]
    rows.append({"call": "okafor-1", "who": "", "speaker": "Zsofia", "What Mrs. Okafor said": "415 555 0134 okafor"})
    path = private / "calls of thandiwe_okafor.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def _write_labels(private: Path) -> Path:
    choice = {"from_name": "label", "to_name": "message", "type": "choices", "value": {"choices": ["rag_query"]}}
    tasks = [
        {
            "data": {"message": f"{text}, question {number}"},
            "annotations": [
                {"completed_by": f"{name}@post.example", "result": [choice]} for name in ("zsofia", "nagy")
            ],
        }
        for number in range(3)
        for _, text in OPENING
    ]
    path = private / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def _write_chats(private: Path) -> Path:
    says = [text for _, text in OPENING]
    chats = [
        {
            "conversation_id": f"okafor-{number}",
            "messages": [
                {"role": "user", "content": says[1]},
                {"role": "assistant", "content": f"Hello Thandiwe, Oyelaran here. {says[5]}"},
                {"role": "user", "content": f"{says[8]}, chat {number}"},
            ],
            "feedback_category": ["UR2", "UR5"][number % 2],
            "feedback_span": "zsofia is my daughter",
            "reference": f"I am sorry, Thandiwe Okafor, answer {number}",
            "clerk": {"name": "Ikechukwu Nagy", "phone": "415 555 0134"},
        }
        for number in range(8)
    ]
    chats.append({"conversation_id": "4111 1111 1111 1111", "messages": [{"role": "user", "content": "Zsofia Nagy"}]})
    legend = {
        "UR1": "Repeat or rephrase", "UR2": "Make aware with correction", "UR3": "Make aware without correction",
        "UR4": "Ask for clarification", "UR5": "Positive",
    }  # fmt: skip
    path = private / "chats.json"
    path.write_text(json.dumps({"legend": legend, "conversations": chats}), encoding="utf-8")
    return path


def _texts(home: Path) -> Iterator[tuple[str, str]]:
    """Every file's name and content as text, in lower case: tables as JSON of their rows, with their metadata."""
    own = home / "runs" / ".digests.json"  # the runner's memory of digests by path; it belongs to no run and stays here
    # The words of the shipped tokenizers are those of all English, with "bartholomew" among them.
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p != own and p.name != "tokenizer.json"):
        name = path.relative_to(home).as_posix()
        content = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content = f"{table.schema} {json.dumps(table.to_pylist(), ensure_ascii=False, default=str)}"
        escaped = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), content)  # as JSON writes `ó`
        yield name, f"{name} {escaped}".lower()


def test_no_original_is_in_any_file_that_the_study_wrote(exported: Path):
    found = {name: [c for c in _findable(name) if c in text] for name, text in _texts(exported)}
    assert {name: canaries for name, canaries in found.items() if canaries} == {}
    assert {name.split("/")[2] for name in found if name.startswith("runs/canary/")} >= set(stage_numbers()), (
        "every stage"
    )
    kinds = {Path(name).suffix for name in found}
    assert {".html", ".ipynb", ".json", ".jsonl", ".csv", ".parquet"} <= kinds, "every kind of export was looked at"


def _findable(name: str) -> list[str]:
    """Canaries that are not found by chance: among millions of random bytes every word of four letters is."""
    return [c for c in CANARIES if len(c) > 5 or Path(name).suffix not in {".onnx", ".safetensors"}]


def test_no_path_of_this_machine_is_in_a_report_or_an_export(exported: Path):
    # What begins with a dot is the runner's own and stays on this machine.
    ours = {name: text for name, text in _texts(exported) if "/." not in f"/{name}"}
    root = str(exported.parent).lower()
    assert [name for name, text in ours.items() if root in text] == []


def test_a_person_has_one_placeholder_in_turns_labels_and_chats(exported: Path):
    turns = pq.read_table(exported / "runs/canary/explore/turns.parquet").to_pylist()
    person = turns[1]["author_id"]
    assert person.startswith("[PERSON_")
    assert turns[1]["text"].startswith(f"yes this is {person} speaking")
    assert turns[2]["text"].startswith(f"{person}, can I have your number?")
    spoken, typed = re.findall(r"\[PHONE_\w+\]", turns[3]["text"])
    assert spoken == typed
    for export in ("feedback/held_out_chats.jsonl", "labels/labelled.parquet"):
        assert person.lower() in dict(_texts(exported))[f"runs/canary/{export}"], export


def test_the_report_says_what_redaction_is_worth(exported: Path):
    for stage in ("explore", "labels", "feedback"):
        results = json.loads((exported / f"runs/canary/{stage}/results.json").read_text(encoding="utf-8"))
        rows = {row["name"]: row for row in results}
        for kind in ("person", "phone", "card", "email", "address", "local"):
            recall = rows[f"redaction_recall_{kind}"]
            assert recall["n"] >= 100 and recall["interval"][0] <= recall["value"] <= recall["interval"][1] + 1e-9
        assert rows["redacted_person"]["value"] > 0
    page = (exported / "reports/canary/110_explore.html").read_text(encoding="utf-8")
    assert "generated set" in page


def test_a_second_run_finds_nothing_to_do(exported: Path, monkeypatch, capfd):
    monkeypatch.setenv("COLLOQUY_HOME", str(exported))
    monkeypatch.setenv("LOGNAME", "jdoe42")
    assert main(["run", str(exported.parent / "canary.yaml")]) == 0
    assert "Everything is up to date." in capfd.readouterr().out
