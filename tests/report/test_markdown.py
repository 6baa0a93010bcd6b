"""The Markdown, rendered by GitHub's own renderer: what is read, what is cut, what hostile text cannot do."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from pytest_llmupgrade.run.report.markdown import markdown_lines
from tests.report.making import MODELS, many, record, summary_of

if TYPE_CHECKING:
    from pytest_llmupgrade.run.summary import Summary

HOSTILE = (
    "<script>x</script> </details> </pre> **b** `c` | p @octocat #123 GH-7 org/repo#5 a@b.example www.evil.example "
    "http://evil.example [x](http://evil.example) ![i](http://evil.example/t.png) ~~g~~ &lt;u&gt; $x$\n\n# head\n\n"
    "</pre></details>\n- [ ] task\n```\n@team\n| a | b |\n|---|---|\n"
)
OURS = {
    "code",
    "details",
    "h3",
    "h4",
    "li",
    "p",
    "pre",
    "strong",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
} | {
    "tr",
    "ul",
    "em",
}


def rendered(markdown: str) -> str:
    """Return GitHub-flavoured Markdown as HTML by GitHub's cmark, raw HTML let through as GitHub does."""
    html: str = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    return html


def markdown(summary: Summary) -> str:
    """Return a summary as Markdown."""
    return "\n".join(markdown_lines(summary)) + "\n"


class Seen(HTMLParser):
    """What GitHub looks through once Markdown is HTML: the tags, and the text outside of code and `<pre>`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002, D102
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:  # noqa: D102
        if not {"code", "pre"} & set(self.open):
            self.text += data


def hostile(text: str) -> Summary:
    """Return a summary in which every foreign text is hostile."""
    records = [
        replace(
            record(f"{n} {text}", model, passed=model == MODELS[0], answer=text, category=f"{n} {text}"),
            judgements=tuple(
                replace(judgement, reason=text)
                for judgement in record("x", model, passed=model == MODELS[0], answer="").judgements
            ),
            adapted=(text,),
        )
        for n in range(2)
        for model in MODELS
    ]
    summary = summary_of(records)
    calls = replace(summary.calls, notices=(text,))
    return replace(summary, calls=calls, breaches=(text,), errors={text: 2})


@pytest.mark.parametrize(
    "text", [HOSTILE, *HOSTILE.split(" "), "x" * 5000, "\x1b[31m\u202e\u2028@a", "a | b ` c"]
)
def test_foreign_text_is_text(text: str) -> None:
    """No answer, name, reason or error makes a tag, a link, a mention or an issue's number alive."""
    html = rendered(markdown(hostile(text)))
    seen = Seen(html)
    assert seen.tags <= OURS
    assert not seen.open
    assert not re.search(r"(?<![\w\u200b])@\w|(?<!\w)#\d|\bGH-\d|://\w|www\.", seen.text)
    assert html.count("<table>") == 2


def test_a_models_name_is_text() -> None:
    """A model may be called anything: the table keeps its columns."""
    summary = hostile("fine")
    names = [f"{n} m|`x` @octocat www.evil.example <b>" for n in range(2)]
    models = tuple(replace(model, name=name) for model, name in zip(summary.models, names, strict=True))
    comparison = replace(summary.comparisons[0], incumbent=names[0], candidate=names[1])
    html = rendered(markdown(replace(summary, models=models, comparisons=(comparison,))))
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert {len(re.findall(r"<t[hd]", row)) for row in rows} == {3}
    assert "m|`x` @\u200boctocat www\u200b.evil.example &lt;b&gt;" in html


def test_the_verdict_and_what_limits_it_come_first() -> None:
    """Verdict, reason and next step, then the table, then what to know of the run; the cases are folded."""
    summary = summary_of(many(300))
    calls = replace(summary.calls, notices=("llm_judge (m): uncalibrated",))
    lines = markdown(replace(summary, calls=calls)).splitlines()
    assert lines[0].startswith("### ❌ gpt\\-4o: REGRESSION")
    assert lines[1].startswith("- accuracy")
    places = [
        next(n for n, line in enumerate(lines) if text in line)
        for text in ("| accuracy", "uncalib", "<details>")
    ]
    assert places == sorted(places)


def test_categories_stand_in_it() -> None:
    """Each category has its row, with counts and accuracy of every model."""
    html = rendered(markdown(summary_of(many(300))))
    assert re.search(
        r"<td>faq</td>\s*<td align=\"right\">80/100 80\.0 %</td>\s*<td align=\"right\">90/100 90\.0 %</td>",
        html,
    )


def test_a_long_report_is_cut_where_markup_ends() -> None:
    """With thousands of flips and long answers the report stays under GitHub's limit, and says what is left out."""
    text = markdown(summary_of(many(3000)))
    assert len(text) < 65_536
    assert "175 more broke: `--llm-report=PATH.html` has them all." in text
    short = "\n".join(markdown_lines(summary_of(many(300)), limit=3000))
    assert len(short) <= 3000
    assert "The report is cut here" in short
    assert not Seen(rendered(short)).open
