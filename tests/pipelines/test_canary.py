"""Originals are planted everywhere that a study reads, and none may come out anywhere that it writes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines._cli import main

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
    content = {
        "study": "canary",
        "run_version": "canary",
        "redact": True,
        "description": "Calls of Maria Oyelaran, 415-555-0134, kept in /home/jdoe42/calls.",
        "stages": {
            "explore": {
                "params": {
                    "corpus": str(_write_turns(private)),
                    "kind": "turns",
                    "columns": {"conversation_id": "call", "text": "What Mrs. Okafor said", "author_id": "who"},
                    "roles": {"caller": "donor", "Bartholomew Vandermeer": "agent"},
                    "max_rejected_fraction": 0.5,
                }
            },
            "labels": {"params": {"ways": ["synthetic", "human"], "label_studio_export": str(_write_labels(private))}},
            "feedback": {
                "params": {
                    "chats": str(_write_chats(private)),
                    "recogniser": "off",
                    "test_size": 2,
                    "max_rejected_fraction": 0.5,
                }
            },
        },
    }  # fmt: skip
    path = root / "canary.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def _write_broken_study(root: Path, private: Path) -> Path:
    # Its columns are not renamed, so it fails with a message that quotes the header, before it has read a single name.
    path = root / "broken.yaml"
    params = {"corpus": str(private / "calls of thandiwe_okafor.csv"), "kind": "turns"}
    study = {"run_version": "broken", "redact": True, "stages": {"explore": {"params": params}}}
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def _write_turns(private: Path) -> Path:
    import pandas as pd

    people = {"caller": "Thandiwe Okafor", "operator": "zsofia.nagy@post.example"}
    rows = [
        {
            "call": f"okafor-{number}" if number % 2 else f"4155550134-{number}",
            "who": people[role],
            "speaker": role,
            "What Mrs. Okafor said": f"{text}, call {number}",
            "outcome": "gave, says Ikechukwu Nagy" if number % 3 else "refused",
        }
        for number in range(12)
        for role, text in OPENING
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
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p != own):
        name = path.relative_to(home).as_posix()
        content = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content = f"{table.schema} {json.dumps(table.to_pylist(), ensure_ascii=False, default=str)}"
        escaped = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), content)  # as JSON writes `ó`
        yield name, f"{name} {escaped}".lower()


def test_no_original_is_in_any_file_that_the_study_wrote(exported: Path):
    found = {name: [c for c in CANARIES if c in text] for name, text in _texts(exported)}
    assert {name: canaries for name, canaries in found.items() if canaries} == {}
    kinds = {Path(name).suffix for name in found}
    assert {".html", ".ipynb", ".json", ".jsonl", ".csv", ".parquet"} <= kinds, "every kind of export was looked at"


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
