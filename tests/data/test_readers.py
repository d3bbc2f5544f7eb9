import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.data import (
    CONVERSATIONS_SCHEMA,
    TURNS_SCHEMA,
    Corpus,
    check_rejected,
    read_chats,
    read_corpus,
    read_transcripts,
    read_turns,
)
from shared.runs import UserError


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str | bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def reasons(corpus: Corpus) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in corpus.rejected]


def one_reason(corpus: Corpus) -> str:
    assert len(corpus.rejected) == 1
    return corpus.rejected[0].reason


# Transcripts


def test_a_transcript_becomes_a_conversation_and_its_lines_turns(file):
    path = file('conversation_id,conversation,agent_channel,outcome\nc1,"Hello.\nWho is this?",hello,donated\n')
    corpus = read_transcripts(path)
    assert corpus.turns["text"].tolist() == ["Hello.", "Who is this?"]
    assert corpus.turns["speaker"].isna().all()
    row = corpus.conversations.iloc[0]
    assert (row["outcome"], row["agent_channel"], row["source"]) == ("donated", "hello", "file")
    assert pd.isna(row["donor_channel"])
    assert not corpus.rejected


def test_tables_have_the_declared_schemas(file):
    corpus = read_transcripts(file("conversation_id,conversation\nc1,Hello\n"))
    pa.Table.from_pandas(corpus.conversations, schema=CONVERSATIONS_SCHEMA, preserve_index=False)
    pa.Table.from_pandas(corpus.turns, schema=TURNS_SCHEMA, preserve_index=False)


def test_columns_can_be_renamed(file):
    path = file("call,transcript\nc1,Hello\n")
    corpus = read_transcripts(path, columns={"conversation_id": "call", "conversation": "transcript"})
    assert corpus.conversations["conversation_id"].tolist() == ["c1"]


def test_a_missing_column_names_the_likeliest_one(file):
    with pytest.raises(UserError, match=r"Found: conversation_id, conversatoin. Did you mean .conversatoin. for conv"):
        read_transcripts(file("conversation_id,conversatoin\nc1,Hello\n"))


def test_a_column_that_was_named_has_to_be_there_even_if_it_may_be_left_out(file):
    # A misspelt outcome would else be a corpus without outcomes.
    path = file("id;said;Result\n1;hello;gave\n")
    columns = {"conversation_id": "id", "text": "said", "outcome": "Resullt"}
    with pytest.raises(UserError, match=r"column 'Resullt' is missing.*Did you mean 'Result' for outcome"):
        read_turns(path, columns=columns)
    lines = file('{"id": "1", "said": "hello"}\n{"id": "1", "said": "bye", "Result": "gave"}\n', "calls.jsonl")
    assert read_turns(lines, columns=columns | {"outcome": "Result"}).conversations["outcome"].tolist() == ["gave"]


def test_too_many_rejected_rows_are_told_by_reason_the_commonest_first(file):
    path = file("conversation_id,text\n1,\n,hello\n2,\n3,\n")
    with pytest.raises(UserError) as error:
        check_rejected(read_turns(path), 0.05)
    assert "4 of 4 rows" in str(error.value)
    reasons = "line 2: the text is empty (3 rows); line 3: conversation_id is empty"
    assert f"Reasons: {reasons}." in str(error.value)


def test_renaming_an_unknown_column_is_refused(file):
    with pytest.raises(UserError, match="renames outcom"):
        read_transcripts(file("conversation_id,conversation\nc1,x\n"), columns={"outcom": "result"})


def test_empty_and_repeated_conversations_are_rejected_with_their_line(file):
    corpus = read_transcripts(file("conversation_id,conversation\nc1,Hi\nc2, \nc1,Again\n,No id\n"))
    assert reasons(corpus) == [
        (3, "the conversation is empty"),
        (4, "conversation_id 'c1' was there before"),
        (5, "conversation_id is empty"),
    ]
    assert corpus.rows == 4
    assert corpus.rejected_fraction == 0.75


def test_markup_is_data(file):
    corpus = read_transcripts(file("conversation_id,conversation\nc1,<script>alert(1)</script>\n"))
    assert corpus.turns["text"].tolist() == ["<script>alert(1)</script>"]


# Files that are not what they should be


def test_a_line_that_is_cut_off_is_rejected_and_the_rest_is_read(file):
    corpus = read_turns(file("conversation_id,turn,text\nc1,0,Hello\nc1,1"))
    assert corpus.turns["text"].tolist() == ["Hello"]
    assert "2 fields, the header has 3: cut off" in one_reason(corpus)


def test_a_quote_that_never_closes_costs_the_lines_behind_it_and_says_so(file):
    corpus = read_turns(file('conversation_id,text\nc1,Hello\nc1,"oh\nc1,and\nc1,more\n'))
    assert corpus.turns["text"].tolist() == ["Hello"]
    assert one_reason(corpus).startswith("lines 3 to 5 are not valid CSV: a quote is opened and never closed")
    assert corpus.rejected[0].rows == 3


def test_a_stray_quote_costs_only_its_own_row(file):
    corpus = read_turns(file('conversation_id,text\nc1,"good" day"\nc1,fine\n'))
    assert corpus.turns["text"].tolist() == ["fine"]
    assert "line" in one_reason(corpus)


def test_bytes_of_another_encoding_are_rejected_row_by_row(file):
    content = "conversation_id,text\nc1,caf\u00e9\nc1,tea\n".encode("cp1252")
    corpus = read_turns(file(content))
    assert corpus.turns["text"].tolist() == ["tea"]
    assert "not in the file's encoding; set `encoding`" in one_reason(corpus)
    assert "\\udce9" in corpus.rejected[0].excerpt  # printable, and can be written to JSON
    assert read_turns(file(content), encoding="cp1252").turns["text"].tolist() == ["café", "tea"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides_the_encoding(file, encoding):
    content = "conversation_id,text\nc1,caf\u00e9\n".encode(encoding)
    assert read_turns(file(content)).turns["text"].tolist() == ["café"]


def test_unknown_encodings_kinds_and_empty_files_are_user_errors(file):
    with pytest.raises(UserError, match="'utf-9' is not a known encoding"):
        read_turns(file("conversation_id,text\n"), encoding="utf-9")
    with pytest.raises(UserError, match=r"'\.xlsx' is not a known kind"):
        read_turns(file("x", "file.xlsx"))
    with pytest.raises(UserError, match="is empty"):
        read_turns(file(""))
    with pytest.raises(UserError, match="names text twice"):
        read_turns(file("text,text\na,b\n"))
    with pytest.raises(UserError, match="not a readable Parquet file"):
        read_turns(file("PAR1 and then nothing", "file.parquet"))


# Turns


def test_turns_keep_their_numbers_speakers_and_authors(file):
    path = file("conversation_id,turn,speaker,author_id,text,seconds,outcome\nc1,4,Customer,u1,Hi,2.5,sold\n")
    corpus = read_turns(path)
    turn = corpus.turns.iloc[0]
    assert (turn["turn"], turn["speaker"], turn["author_id"], turn["seconds"]) == (4, "donor", "u1", 2.5)
    conversation = corpus.conversations.iloc[0]
    assert (conversation["donor_id"], conversation["outcome"]) == ("u1", "sold")


def test_turns_without_numbers_count_up_in_their_conversation(file):
    corpus = read_turns(file("conversation_id,text\na,1\nb,2\na,3\n"))
    found = corpus.turns[["conversation_id", "turn", "text"]].values.tolist()
    assert found == [["a", 0, "1"], ["a", 1, "3"], ["b", 0, "2"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c1,0,agent,", "the text is empty"),
        (",0,agent,Hi", "conversation_id is empty"),
        ("c1,0,robot,Hi", "role 'robot' is unknown"),
        ("c1,x,agent,Hi", "turn 'x' is not a number"),
        ("c1,0.5,agent,Hi", "turn '0.5' is not a whole number"),
        ("c1,-1,agent,Hi", "turn -1 is not between 0 and"),
        ("c1,nan,agent,Hi", "turn nan is not between 0 and"),
        ("c0,0,agent,Hi", "conversation 'c0' has a turn 0 already"),
    ],
)
def test_a_bad_turn_is_rejected_with_its_reason(file, row, reason):
    corpus = read_turns(file(f"conversation_id,turn,speaker,text\nc0,0,agent,Hello\n{row}\n"))
    assert reason in one_reason(corpus)
    assert corpus.rejected[0].line == 3
    assert len(corpus.turns) == 1


def test_an_unknown_role_can_be_named(file):
    corpus = read_turns(file("conversation_id,speaker,text\nc1,Robot,Hi\n"), roles={"robot": "agent"})
    assert corpus.turns["speaker"].tolist() == ["agent"]
    with pytest.raises(UserError, match="must mean one of agent, donor"):
        read_turns(file("conversation_id,text\nc1,Hi\n"), roles={"robot": "machine"})


def test_an_outcome_that_contradicts_an_earlier_row_is_rejected(file):
    corpus = read_turns(file("conversation_id,text,outcome\nc1,Hi,sold\nc1,Ho,\nc1,Hu,lost\n"))
    assert "outcome 'lost' contradicts 'sold'" in one_reason(corpus)
    assert corpus.conversations["outcome"].tolist() == ["sold"]


def test_csv_jsonl_and_parquet_give_the_same_tables(file, tmp_path):
    rows = [
        {"conversation_id": "c", "turn": i, "speaker": s, "text": t}
        for i, (s, t) in enumerate([("agent", "a"), ("donor", "b")])
    ]
    frame = pd.DataFrame(rows)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "file.parquet")
    paths = [
        file(frame.to_csv(index=False)),
        file("\n".join(json.dumps(row) for row in rows), "file.jsonl"),
        tmp_path / "file.parquet",
    ]
    first, *others = (read_corpus(path, kind="turns") for path in paths)
    for other in others:
        pd.testing.assert_frame_equal(first.turns, other.turns)
        pd.testing.assert_frame_equal(first.conversations, other.conversations)


def test_broken_json_lines_are_rejected_one_by_one(file):
    lines = ['{"conversation_id": "c", "text": "a"}', "[1]", "{oops}", '{"conversation_id": "c", "te']
    corpus = read_turns(file("\n".join(lines), "file.jsonl"))
    assert [line for line, _ in reasons(corpus)] == [2, 3, 4]
    assert "a JSON list where an object was expected" in reasons(corpus)[0][1]
    assert "the line is cut off" in reasons(corpus)[2][1]


# Chats


def chat(*messages: tuple[str, object], **more: object) -> dict[str, object]:
    return {"messages": [{"role": role, "content": content} for role, content in messages], **more}


def test_a_chat_becomes_turns_and_instructions_are_left_out_and_counted(file):
    item = chat(
        ("system", "Be kind."), ("user", "Hi"), ("assistant", [{"type": "text", "text": "Hello"}]), outcome="ok"
    )
    corpus = read_chats(file(json.dumps([item]), "file.json"))
    assert corpus.turns["speaker"].tolist() == ["donor", "agent"]
    assert corpus.turns["turn"].tolist() == [0, 1]
    assert (corpus.left_out, corpus.rows, len(corpus.rejected)) == (1, 3, 0)
    assert corpus.conversations["outcome"].tolist() == ["ok"]


def test_bad_messages_and_items_are_rejected(file):
    items = [
        chat(("user", "Hi"), ("user", None), ("ghost", "Boo"), id="a"),
        {"id": "b"},
        chat(("user", "x"), id="a"),
        7,
    ]
    corpus = read_chats(file(json.dumps(items), "file.json"))
    assert [reason for _, reason in reasons(corpus)] == [
        "message 1: no text",
        "message 2: role 'ghost' is unknown; known: " + reasons(corpus)[1][1].split("known: ")[1],
        "no list 'messages' of messages",
        "conversation_id 'a' was there before",
        "a JSON int where an object was expected",
    ]
    assert corpus.turns["text"].tolist() == ["Hi"]


def test_a_chat_file_that_is_cut_off_gives_its_complete_chats(file):
    whole = json.dumps([chat(("user", "Hi"), id="a"), chat(("user", "Ho"), id="b")])
    corpus = read_chats(file(whole[:-20], "file.json"))
    assert corpus.turns["text"].tolist() == ["Hi"]
    assert "not JSON from here to the end" in one_reason(corpus)


# Limits


def test_too_many_rejected_rows_stop_the_stage_and_name_the_reasons(file):
    corpus = read_turns(file("conversation_id,text\nc1,Hi\nc1,\n"))
    check_rejected(corpus, 0.5)
    with pytest.raises(UserError, match=r"1 of 2 rows were rejected.*line 3: the text is empty"):
        check_rejected(corpus, 0.4)


def test_a_file_without_a_single_row_stops_the_stage(file):
    with pytest.raises(UserError, match="the file holds no rows"):
        check_rejected(read_turns(file("conversation_id,text\n")), 1.0)


@pytest.mark.parametrize(("separator", "ending"), [(";", "csv"), ("\t", "tsv"), ("\t", "csv")])
def test_columns_separated_as_excel_writes_them_are_read(tmp_path: Path, separator: str, ending: str):
    path = tmp_path / f"calls.{ending}"
    path.write_text(f"conversation_id{separator}text\n1{separator}Hello, you\n", encoding="utf-8")
    assert list(read_turns(path).turns["text"]) == ["Hello, you"]


def test_every_missing_column_is_named_at_once_with_the_way_to_say_it(tmp_path: Path):
    path = tmp_path / "calls.csv"
    path.write_text("conv id,Text\n1,Hello\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_turns(path)
    assert "columns 'conversation_id', 'text' are missing. Found: conv id, Text." in str(error.value)
    assert "columns: {conversation_id: conv id, text: Text}" in str(error.value)
