"""What a page makes of tables and of cells that record values and show nothing."""

import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from pipelines._report._cells import fragments
from pipelines._report._recorded import recorded_in
from pipelines._report._tables import breakable_headers, readable_tables
from pipelines._report._words import spoken


def row(name: str) -> dict[str, object]:
    return {"name": name, "value": 0.5, "unit": "", "n": 3, "interval": None}


def names(code: str, *recorded: str) -> list[object]:
    return [found["name"] for found in recorded_in([code], [row(name) for name in recorded])]


def test_a_cell_has_the_values_that_its_calls_of_record_name() -> None:
    assert names("record('accuracy', 0.5)\nprint('gain')", "accuracy", "gain") == ["accuracy"]


def test_a_name_put_together_at_run_time_is_known_by_what_is_certain_in_it() -> None:
    assert names("record(f'{kind}_test_{n}', 1)", "author_test_f1", "test_f1") == ["author_test_f1"]
    assert names("record(f'{n}', 1)", "anything") == []


def test_names_that_a_variable_goes_through_are_looked_for_among_the_texts_of_the_cell() -> None:
    assert names("for n, v in {'low': 1, 'high': 2}.items():\n    record(n, v)", "low", "high", "mean") == [
        "low",
        "high",
    ]


def test_a_command_of_ipython_is_no_python_and_records_nothing() -> None:
    assert names("%timeit record('speed', 1)", "speed") == []


def test_values_stand_below_a_cell_only_if_it_shows_nothing_of_its_own() -> None:
    told = new_output("display_data", data={"text/markdown": "It is 0.5."})
    warned = new_output("stream", name="stderr", text="a warning\n")
    cells = [
        new_code_cell("record('silent', 1)"),
        new_markdown_cell("and"),
        new_code_cell("record('told', 1)", outputs=[told]),
        new_markdown_cell("and"),
        new_code_cell("record('warned', 1)", outputs=[warned]),
    ]
    shown = fragments(cells, [row("silent"), row("told"), row("warned")])
    assert [[figure["name"] for figure in cell.figures] for cell in shown] == [["silent"], [], [], [], ["warned"]]


def shown_as(frame: pd.DataFrame) -> str:
    return readable_tables(str(frame.to_html(border=1)))


def test_row_numbers_are_left_out_and_names_of_rows_stay() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "n": [1, 2]})
    assert "<th>0</th>" not in shown_as(frame) and shown_as(frame).count("<th>") == 2
    assert "<th>5</th>" not in shown_as(frame.set_axis([5, 3])), "places after sorting are row numbers as well"
    assert "<th>x</th>" in shown_as(frame.set_axis(["x", "y"]))
    assert "<th>7</th>" in shown_as(frame.set_axis(pd.Index([7, 8], name="code")))


def test_an_index_of_two_levels_stays() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([(0, 1), (0, 2)]))
    assert frame.to_html(border=1) == shown_as(frame)


def test_missing_values_are_a_dash_and_a_table_without_rows_says_so() -> None:
    assert shown_as(pd.DataFrame({"a": [float("nan"), 1.5]})).count("<td>–</td>") == 1
    assert shown_as(pd.DataFrame({"a": ["NaN and more"]})).count("NaN and more") == 1
    assert shown_as(pd.DataFrame({"a": []})) == "<p><em>No rows.</em></p>"


def test_lines_of_a_text_are_lines() -> None:
    assert "agent: hi<br>donor: hello" in shown_as(pd.DataFrame({"text": ["agent: hi\ndonor: hello"]}))


def test_html_that_is_no_table_of_pandas_stays_as_it_is() -> None:
    own = "<table><tr><td>NaN</td></tr></table>"
    assert readable_tables(own) == own


@pytest.mark.parametrize(("header", "shown"), [("words_a_turn", "words_<wbr>a_<wbr>turn"), ("_x", "_x"), ("n", "n")])
def test_a_column_name_may_break_after_its_underscores(header: str, shown: str) -> None:
    assert breakable_headers(f"<thead><th>{header}</th></thead><td>a_b</td>") == (
        f"<thead><th>{shown}</th></thead><td>a_b</td>"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("floor_macro_f1", "floor macro-F1"), ("n_kept", "kept"), ("n", "n"),
        ("conversation_test_roc_auc", "conversation test ROC AUC"),
    ],
)  # fmt: skip
def test_a_recorded_name_is_read_as_words(name: str, words: str) -> None:
    assert spoken(name) == words
