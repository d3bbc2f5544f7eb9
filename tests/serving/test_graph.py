from pathlib import Path
from typing import Any, TypedDict

import pytest

from shared.runs import UserError
from shared.serving import IntentClassifierModel, make_node
from tests.serving.conftest import LABELS


class State(TypedDict, total=False):
    message: str
    unified_classification: dict[str, Any]
    answered_by: str


def test_a_compiled_graph_routes_on_what_the_node_writes(export_folder: Path) -> None:
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State)
    graph.add_node("classify", make_node(IntentClassifierModel(export_folder), unsure_below=1.1))
    graph.add_node("llm", lambda state: {"answered_by": "llm"})
    graph.add_edge(START, "classify")
    graph.add_conditional_edges(
        "classify", lambda state: "llm" if state["unified_classification"]["category"] == "unsure" else END
    )
    graph.add_edge("llm", END)
    state = graph.compile().invoke({"message": "hello"})
    # No probability reaches 1.1, so the node is unsure and the edge leads to the LLM.
    assert state["answered_by"] == "llm"
    assert set(state["unified_classification"]) == {"category", "confidence"}


def test_the_node_is_a_plain_function_and_writes_only_its_key(export_folder: Path) -> None:
    model = IntentClassifierModel(export_folder)
    node = make_node(model, reads="text", writes="intent")
    assert node({"text": "hello", "other": 1}) == {"intent": model.predict("hello")}
    assert node({"text": "hello"})["intent"]["category"] in LABELS


def test_a_state_without_the_message_is_a_clear_mistake(export_folder: Path) -> None:
    with pytest.raises(UserError, match=r"The state has no 'message'. Found: text\."):
        make_node(IntentClassifierModel(export_folder))({"text": "hello"})
