import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runs import UserError
from shared.shadow import (
    UNHAPPY,
    DecisionLog,
    Router,
    RouterSettings,
    SimulatedLLM,
    read_log,
    share_of,
    simulated_signal,
)


def encoder(text: str) -> dict[str, Any]:
    return {"category": "fast", "confidence": 0.3 if "unsure" in text else 0.9}


def llm(text: str) -> dict[str, Any]:
    return {"category": "slow", "confidence": 0.8}


def down(text: str) -> dict[str, Any]:
    raise ConnectionError("secret-key-in-message")


def router(folder: Path, slow: Any = llm, **values: Any) -> Router:
    return Router(encoder, slow, RouterSettings(**values), DecisionLog(folder))


def test_in_shadow_the_llm_answers_and_both_are_logged(tmp_path: Path) -> None:
    with router(tmp_path) as routing:
        assert routing.answer("c1", "hello").category == "slow"
    (row,) = read_log(tmp_path).rows.to_dict("records")
    assert (row["encoder_category"], row["llm_category"], row["served"]) == ("fast", "slow", "llm")
    assert row["text"] != "hello"  # the text is optional and off by default


def test_in_canary_a_conversation_always_gets_the_same_treatment(tmp_path: Path) -> None:
    with router(tmp_path, mode="canary", canary_share=0.3) as routing:
        served = {c: {routing.answer(c, f"m{i}").source for i in range(3)} for c in (f"c{i}" for i in range(200))}
    assert all(len(sources) == 1 for sources in served.values())
    share = Counter(next(iter(s)) for s in served.values())["encoder"] / 200
    assert 0.2 < share < 0.4  # 200 draws at 0.3 have a standard deviation of 0.032


def test_after_cut_over_the_llm_is_asked_only_to_audit_or_when_the_encoder_is_unsure(tmp_path: Path) -> None:
    with router(tmp_path, mode="cut_over", audit_share=0.0, escalate_below=0.5) as routing:
        assert routing.answer("c1", "sure").source == "encoder"
        assert routing.answer("c1", "unsure").source == "llm"
    assert read_log(tmp_path).rows["llm_status"].tolist() == ["not asked", "ok"]


def test_an_llm_that_is_down_never_breaks_the_answer_and_leaks_nothing(tmp_path: Path) -> None:
    with router(tmp_path, down) as routing:
        answer = routing.answer("c1", "hello")
    assert (answer.source, answer.reason) == ("encoder", "llm failed or too slow")
    assert read_log(tmp_path).rows["llm_status"].tolist() == ["failed: ConnectionError"]
    assert "secret" not in (tmp_path / "decisions.jsonl").read_text()


def test_a_hanging_llm_costs_the_deadline_and_its_decision_is_logged_at_once(tmp_path: Path) -> None:
    release = threading.Event()

    def hanging(text: str) -> dict[str, Any]:
        release.wait(20)
        return llm(text)

    with router(tmp_path, hanging, deadline=0.05, max_waiting=1) as routing:
        assert routing.answer("c1", "hello").source == "encoder"
        assert routing.answer("c2", "hello").source == "encoder"  # the only place is taken: the LLM is not asked
        assert read_log(tmp_path).rows["llm_status"].tolist() == ["too slow", "not asked"]
        release.set()


def test_an_audit_is_logged_when_it_arrives_without_holding_up_the_answer(tmp_path: Path) -> None:
    release = threading.Event()

    def slow(text: str) -> dict[str, Any]:
        release.wait(20)
        return llm(text)

    with router(tmp_path, slow, mode="cut_over", audit_share=1.0) as routing:
        assert routing.answer("c1", "hello").source == "encoder"
        assert read_log(tmp_path).rows.empty
        release.set()
    assert read_log(tmp_path).rows["llm_category"].tolist() == ["slow"]


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text(max_size=5))
def test_the_split_is_a_fixed_point_in_the_unit_interval(conversation: str, salt: str) -> None:
    assert 0 <= share_of(conversation, salt) < 1
    assert share_of(conversation, salt) == share_of(conversation, salt)


def test_a_line_cut_off_by_a_crash_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    log.write({"time": 1.0, "conversation_id": "a"})
    with (tmp_path / "decisions.jsonl").open("ab") as lines:
        lines.write('{"time": 2.0, "conversation_id": "é'.encode()[:-1])
    decisions = read_log(tmp_path)
    assert (len(decisions.rows), decisions.n_unreadable) == (1, 1)


def test_the_log_rotates_by_size_and_loses_nothing_under_threads(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path, max_bytes=2000)
    rows = [{"time": float(i), "conversation_id": f"c{i}"} for i in range(200)]
    threads = [threading.Thread(target=lambda part: [log.write(r) for r in part], args=(rows[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("decisions*.jsonl"))) > 3
    assert sorted(read_log(tmp_path).rows["time"]) == [float(i) for i in range(200)]


def test_what_the_user_did_is_joined_to_its_decision_and_the_last_sign_counts(tmp_path: Path) -> None:
    with router(tmp_path) as routing:
        for message in ("one", "two"):
            routing.answer("c1", message)
        routing.feedback("c1", "one", "continued")
        routing.feedback("c1", "one", "corrected")
        routing.feedback("c2", "two", "left")  # another conversation: no decision of this one
    rows = read_log(tmp_path).rows
    assert rows["feedback"].fillna("no sign").tolist() == ["corrected", "no sign"]
    assert '"two"' not in (tmp_path / "decisions.jsonl").read_text()  # the digest alone


def test_a_signal_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Known: continued, rephrased, corrected, left"):
        DecisionLog(tmp_path).feedback("c1", "one", "sighed")  # type: ignore[arg-type]


def test_simulated_users_take_wrong_answers_worse_than_right_ones() -> None:
    signals = {right: [simulated_signal(f"m{i}", right=right) for i in range(2000)] for right in (True, False)}
    assert signals[True] == [simulated_signal(f"m{i}", right=True) for i in range(2000)]
    unhappy = {right: np.mean([s in UNHAPPY for s in said if s]) for right, said in signals.items()}
    # 0.1 and 0.6 of some 1,400 signs: standard errors 0.008 and 0.013
    assert unhappy[True] == pytest.approx(0.1, abs=0.04) and unhappy[False] == pytest.approx(0.6, abs=0.05)


def test_the_log_of_nothing_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "missing").rows.empty


@pytest.mark.parametrize("wrong", [{"canary_share": 1.5}, {"deadline": 0}, {"max_waiting": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        RouterSettings(**wrong)  # type: ignore[arg-type]


def test_the_simulated_llm_is_right_fails_and_repeats_itself_as_told() -> None:
    truth = {f"message {i}": "ab"[i % 2] for i in range(400)}
    simulated = SimulatedLLM(truth, accuracy=0.8, failing=0.1, seed=3)
    outcomes = [_outcome(simulated, message, category) for message, category in truth.items()]
    counts = Counter(outcomes)
    assert outcomes == [_outcome(simulated, message, category) for message, category in truth.items()]
    assert 0.05 < counts["down"] / 400 < 0.15
    assert 0.72 < counts["right"] / (400 - counts["down"]) < 0.88  # 0.8 with a standard deviation of 0.021


def _outcome(simulated: SimulatedLLM, message: str, category: str) -> str:
    try:
        return "right" if simulated(message)["category"] == category else "wrong"
    except ConnectionError:
        return "down"


def test_log_lines_are_plain_json_with_wall_clock_time(tmp_path: Path) -> None:
    with router(tmp_path, log_text=True) as routing:
        routing.answer("c1", "Grüße 👋")
    row = json.loads((tmp_path / "decisions.jsonl").read_text(encoding="utf-8"))
    assert row["text"] == "Grüße 👋"
    assert abs(row["time"] - time.time()) < 60
