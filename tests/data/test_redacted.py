"""Redaction of whole corpora: every field of every table, the same person everywhere, and nothing in what is kept."""

import json
from pathlib import Path

import pandas as pd
import pytest

from shared.data import Rejected, read_turns, redacted, redaction_report
from shared.runs import Run

# Long enough that no digest holds one by chance, as digests do hold "0134".
CANARIES = [
    "thandiwe", "okafor", "zsofia", "415 555", "5550134", "555 0134", "555-0134", "jdoe42", "old mill", "example.org",
]  # fmt: skip


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    folder = tmp_path / "jdoe42"
    folder.mkdir()
    path = folder / "calls of thandiwe okafor.csv"
    rows = [
        ("okafor-1", "Thandiwe Okafor", "caller", "my name is Thandiwe Okafor, 415 555 0134"),
        ("okafor-1", "zsofia@example.org", "operator", "Thanks thandiwe, 14 Old Mill Road? I am Zsofia."),
        ("2", "D0012", "caller", "tell zsofia it is in /home/jdoe42/x, see jdoe42"),
        ("okafor-3", "", "Zsofia", "unknown role okafor"),
    ]
    pd.DataFrame(rows, columns=["conversation_id", "author_id", "speaker", "text"]).to_csv(path, index=False)
    return path


@pytest.fixture
def run(corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LOGNAME", "jdoe42")
    parameters = {
        "run_version": "v1", "upstream": [], "seed": 0, "redact": True, "corpus": str(corpus_file),
        "roles": {"caller": "donor"}, "about": "calls of Thandiwe Okafor",
    }  # fmt: skip
    return Run("explore", parameters)


def everything(home: Path) -> str:
    files = [path for path in home.rglob("*") if path.is_file()]
    tables = [pd.read_parquet(path).to_json(force_ascii=False) for path in files if path.suffix == ".parquet"]
    return "\n".join([*(f"{p.name} {p.read_bytes().decode('utf-8', 'replace')}" for p in files), *tables]).lower()


def test_nothing_of_the_originals_is_in_tables_results_manifest_or_what_is_remembered(run, corpus_file, home):
    found = redacted(read_turns(corpus_file, roles=run.parameters["roles"]), run, on=True)
    run.input(str(corpus_file))
    run.write_table("turns", found.turns)
    run.write_table("conversations", found.conversations)
    run.write_csv("turns.csv", found.turns)
    run.write_jsonl("rejected.jsonl", [row._asdict() for row in found.rejected])
    run.finish()
    kept = everything(home)
    assert [canary for canary in CANARIES if canary in kept] == []
    assert str(corpus_file.parent).lower() not in kept


def test_the_same_person_has_one_placeholder_as_author_in_texts_and_across_stages(run, corpus_file):
    turns = redacted(read_turns(corpus_file, roles=run.parameters["roles"]), run, on=True).turns
    person = turns["author_id"][0]
    assert turns["text"][0].startswith(f"my name is {person}, [PHONE_")
    assert turns["text"][1].startswith(f"Thanks {person}, [ADDRESS_")
    later = Run("feedback", run.parameters)
    assert redacted(["so thandiwe said"], later, on=True) == [f"so {person} said"]


def test_ids_are_replaced_as_a_whole_and_two_stay_two_while_plain_ones_stay(run, corpus_file):
    found = redacted(read_turns(corpus_file, roles=run.parameters["roles"]), run, on=True)
    ids = list(found.conversations["conversation_id"])
    assert ids[1] == "2" and ids[0].startswith("[ID_") and set(ids) == set(found.turns["conversation_id"])
    two = pd.DataFrame({"conversation_id": ["4155550134", "415-555-0134"]})
    assert redacted(two, run, on=True)["conversation_id"].nunique() == 2


def test_a_rejected_row_keeps_file_placeholder_line_and_reason_and_loses_its_excerpt(run, corpus_file):
    rejected = redacted(read_turns(corpus_file, roles=run.parameters["roles"]), run, on=True).rejected
    assert isinstance(rejected[0], Rejected) and rejected[0].line == 5 and rejected[0].excerpt == ""
    assert rejected[0].file.startswith("[FILE_") and rejected[0].file.endswith(".csv")
    assert "is unknown; known:" in rejected[0].reason and "Zsofia" not in rejected[0].reason


def test_nested_values_keep_their_shape_and_types(run):
    value = {"messages": [{"role": "user", "content": "Hi Zsofia", "n": 3}], "score": 0.5, "none": None, "t": ("a", 1)}
    result = redacted(value, run, on=True)
    assert result["messages"][0]["content"].startswith("Hi [PERSON_")
    assert (result["messages"][0]["n"], result["score"], result["none"], result["t"]) == (3, 0.5, None, ("a", 1))


def test_a_field_that_is_called_name_holds_one_if_it_looks_like_one(run):
    value = {"clerk": {"name": "Ikechukwu Nagy"}, "topic": {"name": "joy"}, "first_name": "quill", "said": "nagy knows"}
    result = redacted(value, run, on=True)
    person = result["clerk"]["name"]
    assert person.startswith("[PERSON_") and result["said"] == f"{person} knows"
    assert result["topic"]["name"] == "joy" and result["first_name"].startswith("[PERSON_")


def test_missing_values_and_dtypes_stay(run):
    frame = pd.DataFrame({"text": pd.array(["Hi Maria", None], dtype="string"), "turn": [0, 1]})
    result = redacted(frame, run, on=True)
    assert result.dtypes.equals(frame.dtypes)
    assert result["text"].isna().tolist() == [False, True]


def test_without_redaction_the_value_itself_comes_back(run):
    value = ["Hi Maria"]
    assert redacted(value, run, on=False) is value


def test_the_report_records_recall_by_kind_with_interval_and_precision(run, home):
    redacted(["Hi Maria, 415 555 0134"], run, on=True)
    table = redaction_report(run)
    run.finish()
    rows = {r["name"]: r for r in json.loads((home / "runs/v1/explore/results.json").read_text())}
    assert list(table["kind"]) == ["address", "card", "email", "local", "person", "phone"]
    assert [rows[f"redacted_{kind}"]["value"] for kind in ("person", "phone", "card")] == [1, 1, 0]
    recall = rows["redaction_recall_person"]
    assert recall["n"] == 300 and recall["interval"][0] < recall["value"] < recall["interval"][1]
    assert rows["redaction_precision"]["n"] > 1000


def test_a_run_that_does_not_redact_reports_nothing_about_it():
    run = Run("explore", {"run_version": "v1", "upstream": [], "seed": 0, "redact": False})
    assert redaction_report(run) is None


def test_what_an_earlier_stage_replaced_stays_as_it_is_in_every_field(run):
    before = {"author_id": "Thandiwe Okafor", "conversation_id": "okafor-1", "name": "Zsofia Nagy", "text": "Hi Zsofia"}
    once = redacted(before, run, on=True)
    assert redacted(once, Run("feedback", run.parameters), on=True) == once
