"""The HTML page in a real browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from pytest_llmupgrade.model import RecordedError
from pytest_llmupgrade.run.report.html_report import html_lines
from tests.report.making import MODELS, many, page, record, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked=1'> \x1b[31mred \u202eevil </script><!--"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium; without one there is nothing to test with."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Browser, path: Path) -> tuple[Page, list[str]]:
    """Open a page; the list fills with what its console and its errors say."""
    tab, said = browser.new_page(viewport={"width": 1280, "height": 900}), list[str]()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None
    )
    tab.goto(path.as_uri())
    return tab, said


def test_the_page_shows_flips_first(browser: Browser, tmp_path: Path) -> None:
    """The page says the verdict, draws the picture, lists the flips, and asks nothing of the network."""
    tab, said = opened(browser, page(tmp_path / "page.html", many(60)))
    assert "gpt-4o" in tab.inner_text("#verdicts")
    assert tab.locator("#picture circle").count() == 2
    assert tab.locator("#rows .row").count() == int(tab.inner_text("#count").split()[0]) == 6
    assert not said


def test_filters_search_and_keys(browser: Browser, tmp_path: Path) -> None:
    """Category, outcome and search narrow the grid; keys move, open and close."""
    tab, said = opened(browser, page(tmp_path / "page.html", many(60)))
    tab.select_option("#show", "all")
    assert tab.inner_text("#count") == "60 of 60 cases"
    tab.select_option("#category", "billing")
    assert tab.inner_text("#count") == "20 of 60 cases"
    tab.select_option("#category", "")
    tab.keyboard.press("Escape")
    tab.keyboard.press("/")
    tab.keyboard.type("item 17 ")
    assert tab.inner_text("#count") == "1 of 60 cases"
    tab.keyboard.press("Escape")
    tab.keyboard.press("Enter")
    assert tab.locator("#detail").get_attribute("open") is not None
    assert tab.locator(".side").count() == 2
    assert "item 17" in tab.inner_text("#sides")
    tab.keyboard.press("Escape")
    assert tab.locator("#detail").get_attribute("open") is None
    assert not said


def test_keys_do_what_they_do_elsewhere(browser: Browser, tmp_path: Path) -> None:
    """Enter on an example opens that case, not the grid's; arrows scroll the page unless the grid has the focus."""
    tab, said = opened(browser, page(tmp_path / "page.html", many(60)))
    tab.locator("#cause-list button").nth(1).focus()
    tab.keyboard.press("Enter")
    assert tab.inner_text("#detail-title") == "case-20"
    tab.keyboard.press("Escape")
    current = "document.querySelector('#rows .current').dataset.at"
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(current) == "0"
    tab.focus("#grid")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(current) == "1"
    assert not said


def test_categories_and_flips_are_named(browser: Browser, tmp_path: Path) -> None:
    """Each category has its counts by model, and a row of the grid says which way its case turned."""
    tab, _ = opened(browser, page(tmp_path / "page.html", many(60)))
    rows = [row.inner_text().replace("\xa0", " ").split() for row in tab.locator("#grouped tr").all()]
    assert ["faq", "16/20", "80.0", "%", "18/20", "90.0", "%"] in rows
    assert tab.locator("#rows .row").first.inner_text().split() == [
        "case-10",
        "billing",
        "passed",
        "missed",
        "broke",
    ]
    names = [row.inner_text().strip().split("\t")[0] for row in tab.locator("#models tr").all()]
    assert names[-3:] == ["per 1,000 calls", "per passed case", "latency p50 / p95"]


def test_no_figure_is_too_large_or_unheard_of(browser: Browser, tmp_path: Path) -> None:
    """Thousands of dollars read as such, and a model may have the name of what every object inherits."""
    records = many(11)
    summary = summary_of(records)
    models = (
        replace(summary.models[0], cost_usd=Decimal("12345.6")),
        replace(summary.models[1], name="__proto__"),
    )
    renamed = [replace(one, model="__proto__") if one.model == MODELS[1] else one for one in records]
    comparison = replace(summary.comparisons[0], candidate="__proto__")
    path = tmp_path / "page.html"
    told = replace(summary, models=models, comparisons=(comparison,))
    path.write_text("".join(html_lines(told, renamed, versions={})), encoding="utf-8")
    tab, said = opened(browser, path)
    assert "$12,345.60" in tab.inner_text("#models")
    assert "missed broke" in tab.inner_text("#rows")
    assert not said


def test_answers_are_told_apart_by_words(browser: Browser, tmp_path: Path) -> None:
    """Side by side, the words that changed are marked."""
    records = [
        record("a", MODELS[0], passed=True, answer="within 30 days"),
        record("a", MODELS[1], passed=False, answer="within one month"),
    ]
    tab, _ = opened(browser, page(tmp_path / "page.html", records))
    tab.click("#rows .row")
    assert tab.locator("#sides ins").all_inner_texts() == ["one", "month"]
    assert "'30 days' is not in the answer" in tab.inner_text("#sides")


def test_the_picture_shows_the_intervals(browser: Browser, tmp_path: Path) -> None:
    """Accuracies a few points apart are drawn apart, each with an interval longer than its dot."""
    tab, _ = opened(browser, page(tmp_path / "page.html", many(600)))
    ends = "bars => bars.map(bar => [bar.y1.baseVal.value, bar.y2.baseVal.value])"
    bars = [abs(low - high) for low, high in tab.eval_on_selector_all("#picture .bar", ends)]
    assert sorted(bars)[-2] > 40
    ticks = tab.locator("#picture text").all_text_contents()
    assert "86 %" in ticks
    assert "0 %" not in ticks


def test_the_page_says_how_far_the_models_are_apart(browser: Browser, tmp_path: Path) -> None:
    """The comparison stands under the models: flips, difference with its interval, margin and ratios."""
    tab, _ = opened(browser, page(tmp_path / "page.html", many(600)))
    rows = [row.inner_text().split("\t") for row in tab.locator("#compared tr").all()]
    cells = {name.strip(): text.strip() for name, text in rows}
    assert (cells["broke"], cells["fixed"], cells["paired"], cells["margin"]) == ("40", "20", "600", "5.0 pp")
    assert cells["accuracy"] == "\N{MINUS SIGN}3.3 pp [\N{MINUS SIGN}5.5 pp, \N{MINUS SIGN}1.2 pp]"
    assert cells["cost"] == "\N{MULTIPLICATION SIGN} 4.00 [4.00, 4.00]"


def test_notices_and_adapted_parameters_are_said(browser: Browser, tmp_path: Path) -> None:
    """What the terminal and Markdown note of a run, such as an uncalibrated judge, the page notes too."""
    records = many(30)
    summary = summary_of(records)
    calls = replace(summary.calls, notices=("judge 'gpt-4o': uncalibrated <b>",))
    told = replace(summary.models[1], adapted=("temperature dropped",))
    errors = {"gpt-4o: the key is refused <i>": 2}
    summary = replace(summary, calls=calls, models=(summary.models[0], told), errors=errors)
    path = tmp_path / "page.html"
    path.write_text("".join(html_lines(summary, records, versions={})), encoding="utf-8")
    tab, said = opened(browser, path)
    assert tab.locator("#note-list li").all_inner_texts() == [
        "2 errors: gpt-4o: the key is refused <i>",
        "judge 'gpt-4o': uncalibrated <b>",
        "gpt-4o: temperature dropped",
    ]
    assert not said


def test_an_example_of_a_cause_opens_both_answers(browser: Browser, tmp_path: Path) -> None:
    """A click on an example shows the old and the new answer, also where the filters hide its row."""
    records = [
        record("kept", MODELS[0], passed=True, answer="30 days"),
        record("kept", MODELS[1], passed=False, answer="I'm sorry, but I can't help with that."),
    ]
    tab, said = opened(browser, page(tmp_path / "page.html", records))
    tab.fill("#search", "nothing like it")
    tab.click("#cause-list button")
    assert "30 days" in tab.inner_text("#sides")
    assert "can't help" in tab.inner_text("#sides")
    assert not said


def test_an_answer_is_not_told_apart_from_an_error(browser: Browser, tmp_path: Path) -> None:
    """Where the incumbent has no answer, none of the candidate's words is marked as new."""
    failed = replace(
        record("a", MODELS[0], passed=False, answer=""),
        outcome="errored",
        answer=None,
        judgements=(),
        error=RecordedError(kind="timeout", message="no answer in 60 s"),
    )
    records = [failed, record("a", MODELS[1], passed=False, answer="within one month")]
    tab, _ = opened(browser, page(tmp_path / "page.html", records))
    tab.click("#rows .row")
    assert "no answer in 60 s" in tab.inner_text("#sides")
    assert tab.locator("#sides ins, #sides del").count() == 0


def test_what_is_not_seen_is_shown(browser: Browser, tmp_path: Path) -> None:
    """Tag characters, an Arabic letter mark and a soft hyphen show; emoji of several people stay one."""
    unseen = "a\u061cb\u00adc\U000e0041d \U0001f468\u200d\U0001f469"
    records = [record("a", name, passed=name == MODELS[0], answer=unseen) for name in MODELS]
    tab, _ = opened(browser, page(tmp_path / "page.html", records))
    tab.click("#rows .row")
    text = tab.locator("#sides pre").first.inner_text()
    assert text == "a\\u061cb\\u00adc\\u{e0041}d \U0001f468\u200d\U0001f469"


def test_hostile_answers_are_text(browser: Browser, tmp_path: Path) -> None:
    """Scripts, escapes and direction overrides in answers show as text and do nothing."""
    records = [
        record("<b>id</b>", MODELS[0], passed=True, answer="fine", category="<i>x</i>"),
        record("<b>id</b>", MODELS[1], passed=False, answer=HOSTILE, category="<i>x</i>"),
    ]
    tab, said = opened(browser, page(tmp_path / "page.html", records))
    tab.click("#rows .row")
    assert tab.evaluate("window.hacked") is None
    text = tab.inner_text("#sides")
    assert "<script>window.hacked = 1</script>" in text
    assert "\\u001b[31mred" in text
    assert "\\u202eevil" in text
    assert "<b>id</b>" in tab.inner_text("#detail-title")
    assert tab.locator("#sides img, #sides script, #rows b").count() == 0
    assert not said


def test_thousands_of_cases_are_drawn_as_they_come_into_sight(browser: Browser, tmp_path: Path) -> None:
    """At 10,000 cases the page holds the rows in sight only, and scrolling brings the others."""
    path = page(tmp_path / "page.html", many(10_000))
    assert path.stat().st_size < 30_000_000
    tab, said = opened(browser, path)
    tab.select_option("#show", "all")
    assert tab.inner_text("#count") == "10000 of 10000 cases"
    assert tab.locator("#rows .row").count() < 100
    tab.evaluate("document.getElementById('grid').scrollTop = 1e9")
    tab.wait_for_selector("text=case-9999")
    assert tab.locator("#rows .row").count() < 100
    assert not said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """On a phone's width and on a desk's the page does not scroll sideways, light or dark."""
    path = page(tmp_path / "page.html", many(60))
    for width in (390, 1280):
        tab = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
