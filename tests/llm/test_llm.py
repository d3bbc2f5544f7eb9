"""Batches against a loopback server that fails on purpose, and the pieces around them."""

import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import llm
from shared.runs import UserError

ChatServer = Callable[..., Any]
FAST = llm.Sending(concurrency=8, attempts=6, first_wait=0.01, longest_wait=2.0)
FAULTS = ["429", "500", "503", "slow", "cut", "broken", "empty"]


def questions(count: int) -> list[llm.Request]:
    return [llm.request([{"role": "user", "content": f"question {k}"}]) for k in range(count)]


def thirty_percent(text: str, attempt: int) -> str:
    """The same three in ten attempts fail on every run, each in one of seven ways."""
    draw = zlib.crc32(f"{text}/{attempt}".encode())
    return FAULTS[draw // 10 % len(FAULTS)] if draw % 10 < 3 else ""


def test_every_question_is_answered_in_order_and_paid_once_though_three_in_ten_attempts_fail(
    chat_server: ChatServer, tmp_path: Path
) -> None:
    with chat_server(thirty_percent) as stub:
        backend = llm.OpenAIChat("stub", stub.base_url, timeout=1.5)
        patient = replace(FAST, attempts=12)
        got = llm.ask_all(backend, questions(60), sending=patient, prices=llm.Prices(1.0, 2.0), cache=tmp_path)
        attempts = sum(stub.attempts.values())
        again = llm.ask_all(backend, questions(60), sending=patient, prices=llm.Prices(1.0, 2.0), cache=tmp_path)
        assert sum(stub.attempts.values()) == attempts  # a second run asks nothing
    assert got.values == [f"echo: question {k}" for k in range(60)]
    assert got.n_unscored == 0
    # every complete answer: 10 prompt tokens at $1 and 5 completion tokens at $2 a million
    assert got.ledger.cost == pytest.approx(60 * (10 * 1.0 + 5 * 2.0) / 1e6)
    assert got.ledger.n_retries > 10
    assert (again.values, again.ledger.n_sent, again.ledger.cost) == (got.values, 0, 0.0)


def test_no_more_requests_run_at_once_than_allowed(chat_server: ChatServer) -> None:
    with chat_server(lambda text, attempt: "slow" if text == "question 0" else "") as stub:
        llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(12), sending=llm.Sending(concurrency=3))
    assert 1 < stub.most <= 3


def test_retry_after_is_honoured(chat_server: ChatServer) -> None:
    with chat_server(lambda text, attempt: "429 after 0.4" if attempt == 1 else "") as stub:
        started = time.monotonic()
        got = llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(1), sending=FAST)
    assert got.values == ["echo: question 0"]
    assert time.monotonic() - started >= 0.4  # not a speed: the server's wish is a lower bound


def test_a_request_that_never_succeeds_is_unscored_and_the_others_stand(chat_server: ChatServer) -> None:
    with chat_server(lambda text, attempt: "500" if text == "question 1" else "") as stub:
        got = llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(3), sending=FAST)
    assert got.values == ["echo: question 0", None, "echo: question 2"]
    assert (got.n_unscored, got.ledger.n_failed, stub.attempts["question 1"]) == (1, 1, 6)
    assert got.answers[1].problem == "failed: HTTP 500"


def test_a_refused_request_is_not_repeated(chat_server: ChatServer) -> None:
    with chat_server(lambda text, attempt: "400" if text == "question 0" else "") as stub:
        got = llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(2), sending=FAST)
    assert got.answers[0].problem.startswith("refused: HTTP 400")
    assert stub.attempts["question 0"] == 1


def test_a_wrong_key_stops_the_batch_with_a_remedy(chat_server: ChatServer) -> None:
    with chat_server(lambda text, attempt: "401") as stub, pytest.raises(UserError, match="api_key_env"):
        llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(50), sending=llm.Sending(concurrency=2))
    assert sum(stub.attempts.values()) < 50


def test_malformed_answers_are_unscored_counted_and_kept_raw() -> None:
    backend = llm.FunctionChat(lambda messages: "yes" if "0" in messages[-1]["content"] else "maybe, no", "rule")
    got = llm.ask_all(backend, questions(2), parse=llm.one_of(["yes", "no"]))
    assert got.values == ["yes", None]
    assert got.answers[1].raw == "maybe, no"
    assert (got.n_unscored, got.ledger.n_malformed, got.ledger.n_failed) == (1, 1, 0)


def test_nothing_is_paid_twice(chat_server: ChatServer, tmp_path: Path) -> None:
    asked = questions(3) + questions(2)
    with chat_server() as stub:
        backend = llm.OpenAIChat("stub", stub.base_url)
        first = llm.ask_all(backend, asked, cache=tmp_path)
        again = llm.ask_all(backend, asked, cache=tmp_path)
    assert stub.finished == 3
    assert (first.ledger.n_sent, first.ledger.n_cached) == (3, 2)
    assert (again.ledger.n_sent, again.ledger.n_cached, again.ledger.cost) == (0, 5, 0.0)
    assert again.values == first.values


def test_a_repeat_is_another_request() -> None:
    calls = []
    backend = llm.FunctionChat(lambda messages: str(len(calls)) + (calls.append(1) or ""), "counter")
    asked = [llm.request([{"role": "user", "content": "?"}], repeat=repeat) for repeat in (0, 1, 0)]
    got = llm.ask_all(backend, asked, sending=llm.Sending(concurrency=1))
    assert got.values == ["0", "1", "0"]


def test_another_model_or_temperature_is_another_cache_entry(tmp_path: Path) -> None:
    asked = questions(1)
    llm.ask_all(llm.FunctionChat(lambda m: "one", "model-1"), asked, cache=tmp_path)
    other = llm.ask_all(llm.FunctionChat(lambda m: "two", "model-2"), asked, cache=tmp_path)
    warmer = llm.request(asked[0].as_messages(), temperature=0.7)
    third = llm.ask_all(llm.FunctionChat(lambda m: "three", "model-1"), [warmer], cache=tmp_path)
    assert other.values + third.values == ["two", "three"]


def test_a_batch_killed_in_the_middle_goes_on_where_it_was(chat_server: ChatServer, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from shared import llm\n"
        "asked = [llm.request([{'role': 'user', 'content': f'question {k}'}]) for k in range(20)]\n"
        "backend = llm.OpenAIChat('stub', sys.argv[1])\n"
        "llm.ask_all(backend, asked, cache=Path(sys.argv[2]), sending=llm.Sending(concurrency=1, delay=0.05))\n"
    )
    with chat_server() as stub:
        process = subprocess.Popen([sys.executable, "-c", script, stub.base_url, str(tmp_path)], stderr=subprocess.PIPE)
        while stub.finished < 5:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = stub.finished
        got = llm.ask_all(llm.OpenAIChat("stub", stub.base_url), questions(20), cache=tmp_path)
    assert 5 <= before < 20
    assert got.values == [f"echo: question {k}" for k in range(20)]
    # One answer may have been under way when the process died; every other one is on disk.
    assert stub.finished <= 21


def test_a_torn_cache_file_counts_as_absent(tmp_path: Path) -> None:
    backend = llm.FunctionChat(lambda m: "fine", "rule")
    llm.ask_all(backend, questions(1), cache=tmp_path)
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text('{"reply": {"te')
    assert llm.ask_all(backend, questions(1), cache=tmp_path).values == ["fine"]


def test_the_dry_run_prints_the_bill_and_sends_nothing(tmp_path: Path) -> None:
    calls: list[int] = []
    backend = llm.FunctionChat(lambda m: str(calls.append(1)), "rule")
    asked = [llm.request([{"role": "user", "content": "x" * 400}], max_tokens=50) for _ in range(2)] + questions(1)
    bill = llm.estimate_bill(backend, asked, prices=llm.Prices(1.0, 2.0), cache=tmp_path)
    # distinct: 400 characters = 100 + 4 tokens, "question 0" = 3 + 4 tokens; answers at most 50 and 512
    assert (bill.prompt_tokens, bill.completion_tokens, calls) == (111, 562, [])
    assert bill.cost == pytest.approx((111 + 2 * 562) / 1e6)
    assert "Nothing was sent" in bill.in_words()


def test_a_key_is_named_never_given_and_never_written(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_KEY", "secret-value-123")
    with chat_server() as stub:
        backend = llm.open_chat("stub", base_url=stub.base_url, api_key_env="STUB_KEY")
        llm.ask_all(backend, questions(1), cache=tmp_path)
    assert stub.headers[0]["authorization"] == "Bearer secret-value-123"
    assert all("secret-value" not in path.read_text() for path in tmp_path.rglob("*.json"))
    with pytest.raises(UserError, match="must be the name") as given:
        llm.key_from("sk-abc123")
    assert "abc123" not in str(given.value)
    with pytest.raises(UserError, match="NOT_SET_HERE is not set"):
        llm.key_from("NOT_SET_HERE")


@pytest.mark.parametrize("text", ["", "[1]", 'Sure! {"a": 1}', '{"a": 1', "```json\n[1]\n```"])
def test_json_with_anything_around_it_is_malformed(text: str) -> None:
    with pytest.raises(llm.Malformed):
        llm.json_object(text)


def test_json_may_stand_in_one_fence() -> None:
    assert llm.json_object('```json\n{"a": 1}\n```') == llm.json_object('{"a": 1}') == {"a": 1}


def test_the_template_chat_answers_from_the_conversation() -> None:
    chat = llm.open_chat("template")
    oven, tax = ([{"role": "user", "content": text}] for text in ("How do I clean the oven?", "When is tax due?"))
    assert "clean" in chat.complete(llm.request(oven)).text
    assert chat.complete(llm.request(oven)) == chat.complete(llm.request(oven))
    assert chat.complete(llm.request(oven)).text != chat.complete(llm.request(tax)).text
    assert "no model" in chat.name
