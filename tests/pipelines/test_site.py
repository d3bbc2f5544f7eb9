"""The site of small real runs, opened from disk in a real browser with the network off."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (1400, 420)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*quiet, "--disable-component-update"])
        yield browser
        browser.close()


class Visited(NamedTuple):
    """What a browser found on one page."""

    links: list[str]
    anchors: set[str]
    widths: dict[int, int]  # of the page, by width of the window
    attacked: bool


def opened(browser: Browser, complaints: list[str]) -> Page:
    """A page with the network off; what the browser complains about goes to the list."""
    page = browser.new_context(offline=True, color_scheme="light").new_page()
    page.set_default_timeout(120_000)  # a busy machine reads plotly slowly
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if r.url.startswith("http") else None)
    return page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    complaints: list[str] = []
    page = opened(browser, complaints)
    yield page
    page.context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def visited(browser: Browser, two_runs: Path) -> dict[str, Visited]:
    """Every page by its address, each opened once with all that is folded unfolded; none made the browser complain."""
    complaints: list[str] = []
    page = opened(browser, complaints)
    found = {unquote(path.as_uri()): _visit(page, path.as_uri()) for path in sorted(two_runs.rglob("*.html"))}
    page.context.close()
    assert complaints == []
    return found


def _visit(page: Page, address: str) -> Visited:
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    widths = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        widths[width] = page.evaluate("document.documentElement.scrollWidth")
    links = [unquote(link) for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")]
    anchors = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    return Visited(links, set(anchors), widths, page.evaluate("window.attacked") is not None)


def test_every_link_leads_to_a_page_and_to_an_anchor_that_are_there(visited: dict[str, Visited]) -> None:
    links = {link for found in visited.values() for link in found.links if link.startswith("file:")}
    assert len(links) > 30
    for link in links:
        address, _, anchor = link.partition("#")
        assert address in visited, link
        assert not anchor or anchor in visited[address].anchors, link


def test_every_page_is_reached_from_the_list_of_all_runs(two_runs: Path, visited: dict[str, Visited]) -> None:
    waiting, reached = [unquote((two_runs / "index.html").as_uri())], set()
    while waiting:
        address = waiting.pop()
        if address not in reached:
            reached.add(address)
            links = [link.partition("#")[0] for link in visited[address].links]
            waiting += [link for link in links if link.startswith("file:")]
    assert reached == set(visited)


def test_no_page_is_wider_than_its_window(visited: dict[str, Visited]) -> None:
    too_wide = {a: f.widths for a, f in visited.items() if any(page > window for window, page in f.widths.items())}
    assert too_wide == {}


def test_nothing_from_data_becomes_markup(visited: dict[str, Visited]) -> None:
    assert not any(found.attacked for found in visited.values())


@pytest.mark.parametrize("width", WIDTHS)
def test_plots_are_drawn_in_full_and_the_attention_view_too(two_runs: Path, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((two_runs / "v1" / "030_shown.html").as_uri())
    assert page.locator(".plot.drawn").count() == page.locator(".plot").count() == 3
    assert page.locator(".plot .scatterlayer path.js-line").count() == 2
    # No text of a figure sticks out of it: the title is outside as a caption, axis titles wrap.
    assert (
        page.evaluate("""() => [...document.querySelectorAll('.plot')].flatMap(plot => {
        const frame = plot.getBoundingClientRect();
        return [...plot.querySelectorAll('.g-xtitle text, .legendtext, .cbtitle text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1;
        }).map(text => text.textContent);
    })""")
        == []
    )
    frame = page.locator("iframe")
    frame.scroll_into_view_if_needed()
    page.frame_locator("iframe").locator("svg line, svg rect").first.wait_for(state="attached")


def test_a_window_that_changes_its_width_leaves_one_colour_bar_a_matrix(two_runs: Path, page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto((two_runs / "v1" / "030_shown.html").as_uri())
    for width in (420, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.locator(".plot .colorbar").count() == 1
        assert page.evaluate("document.querySelectorAll('.plot .hm image, .plot .hm path').length") == 1


def test_search_finds_a_section_of_any_run_and_marks_the_words(two_runs: Path, page: Page) -> None:
    page.goto((two_runs / "index.html").as_uri())
    page.fill("#search input", "answer 4")
    assert "v1 · Try first" in page.locator("#hits").inner_text()
    assert page.locator("#hits mark").first.inner_text().lower() in ("answer", "4")
    page.locator("#hits a", has_text="v1 · Try first").first.click()
    page.wait_for_url("**/v1/010_first.html*")
    page.goto((two_runs / "v1" / "index.html").as_uri())
    page.fill("#search input", "nowhere to be found")
    assert page.locator("#hits").inner_text() == "Nothing found."
    page.fill("#search input", "onerror")  # words from data are text in hits as well
    assert page.evaluate("window.attacked") is None


def test_light_and_dark_follow_the_system_until_switched_and_the_choice_is_kept(two_runs: Path, page: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    page.goto((two_runs / "v1" / "030_shown.html").as_uri())
    dark = page.evaluate(background)
    assert dark == "rgb(18, 22, 29)"
    page.click("#theme")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    ink = page.evaluate("getComputedStyle(document.querySelector('.plot .xtick text')).fill")
    assert ink == page.evaluate("getComputedStyle(document.body).color")
    page.reload()
    assert page.evaluate(background) == "rgb(255, 255, 255)"


def test_on_paper_a_page_is_light_without_controls_and_keeps_its_figures(two_runs: Path, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto((two_runs / "v1" / "030_shown.html").as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".bar").is_visible()
    assert page.locator(".plot.drawn").first.is_visible()
    assert page.pdf()[:5] == b"%PDF-"


def test_the_index_shows_what_is_uncertain(two_runs: Path, page: Page) -> None:
    page.goto((two_runs / "v1" / "index.html").as_uri())
    shown = page.locator("main").inner_text()
    for wanted in ("may be zero: gain", "not scored: unscored", "the smallest 12", "How it looks <b>to a reader</b>."):
        assert wanted in shown


def test_a_comparison_tells_the_parameter_and_the_figure_that_differ(two_runs: Path, page: Page) -> None:
    page.goto((two_runs / "v3" / "index.html").as_uri())
    page.click(".comparisons a:text('v1')")
    first = page.locator("#first")
    assert first.locator("tr", has_text="count").inner_text().split() == ["count", "4", "6"]
    # The recorded answer is the count: 6 - 4 = 2.
    assert first.locator(".results tbody tr").inner_text().split() == ["answer", "4", "6", "2"]


def test_a_combination_of_a_grid_can_be_compared(two_runs: Path, page: Page) -> None:
    page.goto((two_runs / "index.html").as_uri())
    page.click(".pairs a:text('v2/grid/first.count=5')")
    assert page.locator("#first tr", has_text="count").inner_text().split() == ["count", "4", "5"]
