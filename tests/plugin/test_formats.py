"""One run in every format: the same numbers, and hostile text that is nothing but text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from tests.report.test_markdown import rendered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

HOSTILE = (
    "<script>alert(1)</script> </details> </pre> **bold** `code` | pipe \x1b[31mred\x1b[0m \u202eevil\u202c ::error::x "
    "-->\n\n# heading\n\n</script><!-- [Approve this](http://evil.example/x) ![x](http://evil.example/t.png) ~~gone~~ "
    "\\<b\\> <http://evil.example> [ref]: http://evil.example\n  ::error::fake\n##[add-mask]e"
)


def written(project: Project, name: str) -> str:
    """Return a report's text."""
    return (project.pytester.path / name).read_text(encoding="utf-8")


def page_data(text: str) -> Any:
    """Return the data of an HTML report."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def counts_of_junit(text: str) -> dict[str, tuple[int, int]]:
    """Return passed and missed by model, from the properties of a JUnit file."""
    counts: dict[str, list[int]] = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314  pytest wrote it
        said = {one.get("name"): one.get("value") for one in case.iter("property")}
        if "llm_model" in said:
            both = counts.setdefault(str(said["llm_model"]), [0, 0])
            both[said["llm_outcome"] == "missed"] += 1
    return {model: (passed, missed) for model, (passed, missed) in counts.items()}


def test_all_formats_say_the_same(project: Project, distribution: tuple[str, ...]) -> None:
    """Terminal, Markdown, JSON, JUnit and HTML of one run have the same numbers."""
    files = [f"--llm-report=out.{suffix}" for suffix in ("json", "md", "html")]
    result = project.run(*files, "--junitxml=out.xml", "--color=no", *distribution)
    models = json.loads(written(project, "out.json"))["models"]
    wanted = {model["name"]: (model["passed"], model["missed"]) for model in models}
    assert wanted == {"old": (2, 1), "new": (2, 1)}
    assert counts_of_junit(written(project, "out.xml")) == wanted
    page = page_data(written(project, "out.html"))
    assert {model["name"]: (model["passed"], model["missed"]) for model in page["models"]} == wanted
    assert page["models"] == models
    pairs = " | ".join(f"{passed} / {missed}" for passed, missed in wanted.values())
    assert f"| passed / missed | {pairs} |" in written(project, "out.md")
    result.stdout.re_match_lines([r"passed / missed +2 / 1 +2 / 1"])
    percent = f"{100 * models[0]['accuracy']:.1f} %"
    assert percent in result.stdout.str()
    assert percent in written(project, "out.md")
    assert len(page["cases"]) == 6


def test_a_kept_run_is_rendered_again(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`llmupgrade report` renders a kept run to what the run itself wrote."""
    project.run("--llm-report=out.json")
    monkeypatch.chdir(project.pytester.path)
    said = {}
    for kind in ("md", "html", "json", "terminal"):
        assert main(["report", "last", "--format", kind]) == 0
        said[kind] = capsys.readouterr().out
    models = json.loads(written(project, "out.json"))["models"]
    assert json.loads(said["json"])["models"] == page_data(said["html"])["models"] == models
    assert "passed / missed" in said["md"]
    assert "passed / missed" in said["terminal"]
    assert main(["report", "last~7"]) == 2
    assert main(["report", "-o", "nowhere/out.md"]) == 2


def test_hostile_text_is_text(project: Project) -> None:
    """Markup, escapes and direction overrides in an answer show as text in every format."""
    project.server.reply(model="new", contains="return shoes", text=HOSTILE)
    result = project.run("--llm-report=out.md", "--llm-report=out.html", "--color=no")
    assert "\x1b[31m" not in result.stdout.str()
    markdown = written(project, "out.md")
    page = rendered(markdown)
    assert "<script" not in page
    for tag in ("<h1>", "<a ", "<img", "<s>", "<b>"):
        assert tag not in page
    assert page.count("<details>") == page.count("</details>") == 2 + 2  # two flips, categories, difficulties
    assert page.count("<pre>") == page.count("</pre>") == 6
    assert "\x1b" not in markdown
    assert "\u202e" not in markdown
    html = written(project, "out.html")
    assert html.count("</script>") == 2
    assert "<!--" not in html
    answers = {case["answer"] for case in page_data(html)["cases"]}
    assert HOSTILE in answers


def test_what_github_is_told(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On GitHub the job's summary has the report, and each broken case a warning at its line."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.server.reply(model="new", contains="return shoes", text=HOSTILE)
    result = project.run("--llm-fail-on=verdict", "--runxfail")
    result.stdout.fnmatch_lines(
        ["::warning file=evals/eval_support.yaml,line=3,title=refund-a broke on new::contains: *"]
    )
    commands = [line.lstrip() for line in result.stdout.lines if line.lstrip().startswith("::")]
    assert all(line.startswith(("::warning file=", "::error title=LLM upgrade::")) for line in commands)
    assert "##[" not in result.stdout.str()
    text = summary.read_text()
    assert text.startswith("before\n### ")
    assert "INCONCLUSIVE" in rendered(text)


def test_github_that_cannot_be_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary file that cannot be written costs a line, not the run."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    result = project.run()
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["GITHUB_STEP_SUMMARY: not written: *"])
