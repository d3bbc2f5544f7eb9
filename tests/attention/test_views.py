import re
from pathlib import Path

import pytest

from shared.attention import attention_maps, attention_page


@pytest.fixture(scope="module")
def pages(classifier, conversations) -> dict[str, str]:
    maps = attention_maps(classifier, conversations[0])
    return {view: attention_page(conversations[0], maps, view=view, most_tokens=12) for view in ("head", "model")}


def test_a_view_names_no_script_to_fetch(pages):
    for page in pages.values():
        assert not re.findall(r"<script[^>]*src=", page)
        assert "cdnjs" not in page


def test_a_long_conversation_is_shown_by_its_last_tokens(pages):
    assert '"sign"' in pages["head"] and '"hello"' not in pages["head"]


def test_a_token_cannot_end_the_script(classifier, conversations):
    tokens = conversations[0]
    evil = tokens._replace(pieces=["</script><b>"] * len(tokens.pieces))
    assert "</script><b>" not in attention_page(evil, attention_maps(classifier, tokens), view="head")


@pytest.mark.browser
@pytest.mark.parametrize(("view", "least"), [("head", 100), ("model", 500)])
def test_both_views_draw_without_a_network(pages, tmp_path: Path, view, least):
    from playwright.sync_api import sync_playwright

    file = tmp_path / "view.html"
    file.write_text(pages[view], encoding="utf-8")
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_context(offline=True).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector("svg")
        assert page.locator("svg *").count() > least
        assert errors == []
        browser.close()
