"""What people and programs read at the end: a side-by-side page, and a summary."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shared.exports._checks import is_refusal
from shared.stats import wilson_interval

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:1.5em;color:#222}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #ddd;padding:.5em;vertical-align:top;text-align:left;white-space:pre-wrap}"
    "th{background:#f4f4f4}td.prompt{width:25%;background:#fafafa}.r{color:#a33;font-size:12px}"
)


def side_by_side_page(rows: Sequence[Mapping[str, Any]], models: Sequence[str], *, title: str) -> str:
    """A self-contained HTML page: one line a prompt, one column a model; every text is escaped.

    Args:
        rows: of a validated export.
        models: columns, in order.
        title: of the page.
    """
    answers = {(r["meta"]["set"], r["prompt_id"], r["model"]): r["response"] for r in rows}
    prompts = {(r["meta"]["set"], r["prompt_id"]): r["prompt"] for r in rows}
    header = "".join(f"<th>{html.escape(name)}</th>" for name in models)
    body = "".join(
        f"<tr><td class='prompt'>{_chat(chat)}</td>{''.join(_answer(answers[(*key, name)]) for name in models)}</tr>"
        for key, chat in prompts.items()
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>"
        f"<table><thead><tr><th>prompt</th>{header}</tr></thead><tbody>{body}</tbody></table></html>"
    )


def _chat(messages: Sequence[Mapping[str, str]]) -> str:
    return "\n".join(html.escape(f"{m['role']}: {m['content'].strip()}") for m in messages)


def _answer(response: str) -> str:
    note = "<div class='r'>reads like a refusal</div>" if is_refusal(response) else ""
    return f"<td>{html.escape(response) or '<i>nothing</i>'}{note}</td>"


def summarise(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a model and prompt set: answers, mean length in words, empty and distinct answers, refusals.

    Args:
        rows: of a validated export.
        models: names.
    """
    sets = list(dict.fromkeys(row["meta"]["set"] for row in rows))
    return [
        _summary([r for r in rows if r["model"] == m and r["meta"]["set"] == s], m, s) for m in models for s in sets
    ]


def _summary(rows: Sequence[Mapping[str, Any]], model: str, prompt_set: str) -> dict[str, Any]:
    responses = [row["response"] for row in rows]
    refusals = sum(map(is_refusal, responses))
    interval = wilson_interval(refusals, len(responses))
    return {
        "model": model,
        "set": prompt_set,
        "answers": len(responses),
        "mean_words": float(np.mean([len(r.split()) for r in responses])) if responses else float("nan"),
        "empty": sum(not r for r in responses),
        "distinct": len(set(responses)),
        "refusals": refusals / len(responses) if responses else float("nan"),
        "refusals_low": interval.low,
        "refusals_high": interval.high,
    }
