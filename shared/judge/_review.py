"""What a reviewer checks line by line: how pairs came about, every figure, and what is not in it and why."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from shared.judge._length import LengthControlled
from shared.judge._winrate import WinRate
from shared.stats import Estimate

FIGURE_COLUMNS = ["figure", "value", "low", "high", "unit", "n", "left_out", "because"]
_NO_VERDICT = "a verdict is missing or cannot be read"
# Why a pair is not in a property of the judge; what is left out differs from property to property.
_BECAUSE = {
    "position_consistency": _NO_VERDICT,
    "first_position_preference": "the verdict is a tie or missing (two verdicts a pair)",
    "longer_answer_preference": "the pair is a tie, the answers are equally long, or a verdict is missing",
    "self_family_preference": "none or both answers come from the judge's family, a tie, or no family is given",
    "agreement_with_people": "people have not judged the prompt, or a verdict is missing",
    "alpha_with_people": "people have not judged the prompt, or a verdict is missing",
    "win_rate_corrected_by_people": "people have not judged the prompt",
    "repeatability": "a verdict is missing in one of both rounds (two verdicts a pair)",
}


def verdict_in_words(result: WinRate) -> str:
    """What the interval of the win rate allows to say: "beats", "loses to" or "cannot be told apart from"."""
    if result.interval.low > 50:
        return "beats"
    return "loses to" if result.interval.high < 50 else "cannot be told apart from"


def exclusions(
    contexts: Sequence[Mapping[str, str]], answers: Sequence[Mapping[str, str]], comparisons: pd.DataFrame
) -> pd.DataFrame:
    """Everything that was left out, with its reason.

    Args:
        contexts: `rejected` of `held_out_contexts`.
        answers: `excluded` of `pair_answers`.
        comparisons: a table of comparisons; its rows without a score are listed.

    Returns:
        Columns `step` ("context", "answer", "verdict"), `prompt_id`, `reason`; no row if nothing was left out.
    """
    rows = [("context", row["conversation_id"], row["reason"]) for row in contexts]
    rows += [("answer", row["prompt_id"], row["reason"]) for row in answers]
    unscored = comparisons[comparisons["score"].isna()].to_dict("records")
    rows += [("verdict", row["prompt_id"], _why_unscored(row)) for row in unscored]
    return pd.DataFrame(rows, columns=["step", "prompt_id", "reason"])


def _why_unscored(row: Mapping[Hashable, Any]) -> str:
    if not str(row["answer"]).strip() or not str(row["baseline_answer"]).strip():
        return "an answer is empty"
    orders = {"first": "the model's answer stood first", "second": "the baseline's answer stood first"}
    missing = [words for order, words in orders.items() if pd.isna(row[f"verdict_{order}"])]
    return f"no readable verdict when {' and when '.join(missing)}"


def way_to_the_figures(chats: int, looked_at: int, contexts: int, pairs: int, judged: int, scored: int) -> pd.DataFrame:
    """How many are left after each step, so that every n can be derived from the one above it.

    Args:
        chats: chats of the file.
        looked_at: the newest of them, as many as were needed for the wanted number of contexts.
        contexts: those that no training file has seen.
        pairs: answered by both models.
        judged: with verdicts; fewer if judging stopped early.
        scored: whose verdicts could be read.

    Returns:
        Columns `step`, `left`, `lost` (since the step before).
    """
    steps = {
        "chats in the file": chats,
        "looked at, newest first": looked_at,
        "held out from training, by id and content": contexts,
        "answered by both models": pairs,
        "judged in both orders": judged,
        "scored": scored,
    }
    left = pd.Series(steps)
    lost = (-left.diff()).fillna(0).astype(int)
    return pd.DataFrame({"step": left.index, "left": left.to_numpy(), "lost": lost.to_numpy()})


def figure_table(
    plain: WinRate, controlled: LengthControlled, panel: Mapping[str, Estimate], arms: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every figure of a comparison with its unit, interval, n, and what is not in it.

    Args:
        plain: the win rate.
        controlled: the win rate at equal length.
        panel: properties of the judge by name, from `examine_judge`.
        arms: `win_rates_by` of further models, with a column `model`; None if there are none.

    Returns:
        One row a figure, columns `FIGURE_COLUMNS`. `left_out` counts comparisons (single verdicts where `because` says
        so); NaN bounds mean that there is no interval.
    """
    length = (controlled.win_rate, *controlled.interval, "%", controlled.n, controlled.n_unscored, _NO_VERDICT)
    rows: list[tuple[Any, ...]] = [*_win_rate_rows(plain), ("win rate at equal length", *length)]
    rows += [
        (name.replace("_", " "), one.value, *one.interval, _unit(name), one.n, one.n_unscored, _BECAUSE[name])
        for name, one in panel.items()
    ]
    rows += [row for arm in (arms.to_dict("records") if arms is not None else []) for row in _arm_rows(arm)]
    table = pd.DataFrame(rows, columns=FIGURE_COLUMNS)
    # Nothing left out needs no reason: a reviewer should see at once where something is missing.
    return table.assign(because=table["because"].where(table["left_out"] > 0, ""))


def _win_rate_rows(plain: WinRate) -> list[tuple[Any, ...]]:
    none, unscored = (float("nan"), float("nan")), (plain.n_unscored, _NO_VERDICT)
    without = (plain.n_prompts - plain.n_tested, "ties, which say nothing in a sign test")
    return [
        ("win rate, ties counted a half", plain.win_rate, *plain.interval, "%", plain.n, *unscored),
        ("standard error, by prompt", plain.standard_error, *none, "percentage points", plain.n_prompts, *unscored),
        ("wins", plain.wins, *none, "comparisons", plain.n, *unscored),
        ("ties", plain.ties, *none, "comparisons", plain.n, *unscored),
        ("losses", plain.losses, *none, "comparisons", plain.n, *unscored),
        (f"p-value, {plain.test}", plain.p_value, *none, "", plain.n_tested, *without),
        ("effect size", plain.effect_size, *none, "standard deviations", plain.n_prompts, *unscored),
    ]


def _arm_rows(arm: Mapping[Hashable, Any]) -> list[tuple[Any, ...]]:
    unscored = (arm["n_unscored"], _NO_VERDICT)
    none = (float("nan"), float("nan"))
    return [
        (f"win rate of arm {arm['model']}", arm["win_rate"], arm["low"], arm["high"], "%", arm["n"], *unscored),
        (f"p-value of arm {arm['model']}, after Holm", arm["p_holm"], *none, "", arm["n_prompts"], *unscored),
    ]


def _unit(name: str) -> str:
    return {"win_rate_corrected_by_people": "%", "alpha_with_people": "alpha"}.get(name, "share")


def example_verdicts(comparisons: pd.DataFrame, each: int = 2) -> pd.DataFrame:
    """The first wins, ties, losses and unscored pairs, for reading.

    Args:
        comparisons: a table of comparisons.
        each: pairs of each kind at most.

    Returns:
        Columns `result`, `prompt_id`, `answer`, `baseline_answer`, `raw_first`, `raw_second`.
    """
    kinds = comparisons["score"].map(lambda score: "win" if score > 0.5 else "loss" if score < 0.5 else "tie")
    result = kinds.where(comparisons["score"].notna(), "unscored")
    shown = comparisons.assign(result=pd.Categorical(result, ["win", "tie", "loss", "unscored"]))
    columns = ["result", "prompt_id", "answer", "baseline_answer", "raw_first", "raw_second"]
    first = shown.groupby("result", observed=True).head(each)
    return first.sort_values("result", kind="stable")[columns].reset_index(drop=True)
