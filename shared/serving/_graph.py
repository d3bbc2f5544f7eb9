"""A node for a LangGraph workflow; it is a plain function of the state, so any other graph or loop can call it."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.runs import UserError
from shared.serving._predict import IntentClassifierModel

Node = Callable[[Mapping[str, Any]], dict[str, Any]]


def make_node(
    model: IntentClassifierModel,
    *,
    reads: str = "message",
    writes: str = "unified_classification",
    unsure_below: float = 0.0,
    unsure_category: str = "unsure",
) -> Node:
    """A workflow node that classifies a message.

    Args:
        model: the predictor; it is loaded once, outside the node.
        reads: key of the state that holds the message.
        writes: key under which the answer is returned.
        unsure_below: confidence under which the category is replaced, in [0, 1]; 0 = never.
        unsure_category: what it is replaced by, for a conditional edge to route on (for instance to the LLM).

    Returns:
        A function of the state for `StateGraph.add_node`. It returns only its own key: {writes: {"category",
        "confidence"}}, so that parallel nodes do not overwrite each other.

    Raises:
        UserError: (by the node) the state has no message under `reads`, or it is too long.
    """

    def classify(state: Mapping[str, Any]) -> dict[str, Any]:
        if reads not in state:
            raise UserError(f"The state has no '{reads}'. Found: {', '.join(state)}. Pass reads=<key of the message>.")
        answer = model.predict(state[reads])
        if answer["confidence"] < unsure_below:
            answer = answer | {"category": unsure_category}
        return {writes: answer}

    return classify
