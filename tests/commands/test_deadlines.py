"""`llmupgrade deadlines`."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.commands.deadlines import Wanted, run

if TYPE_CHECKING:
    from tests.server import LlmServer

TODAY = dt.date(2026, 11, 23)
PYPROJECT = """\
[tool.pytest.ini_options]
addopts = ["-ra", "--llm-models=gpt-3.5-turbo,gpt-4o"]

[tool.llmupgrade.judge]
model = "gpt-5-mini"

[tool.llmupgrade.models."house-model"]
retires = 2027-06-30
"""
KEY = "sk-proj-planted0123456789planted0123456789"


def said(root: Path, **wanted: Any) -> tuple[int, list[str]]:
    """Run the command on a day and return its exit code and lines."""
    lines: list[str] = []
    code = run(Wanted(**wanted), root=root, today=TODAY, say=lines.append)
    return code, lines


def test_the_models_of_the_project(tmp_path: Path) -> None:
    """Without names, the project's incumbent, candidates, judge and declared models are listed, soonest first."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    code, lines = said(tmp_path)
    assert code == 0
    assert [line.split() for line in lines[:5]] == [
        ["model", "here", "shut", "down", "days", "recommended", "instead"],
        ["gpt-3.5-turbo", "incumbent", "2026-10-23", "gone", "gpt-5.6-terra"],
        ["gpt-5-mini", "judge", "2026-12-11", "18", "gpt-5.6-terra"],
        ["gpt-4o", "candidate", "2027-01-14", "52", "gpt-6-luna"],
        ["house-model", "declared", "2027-06-30", "219", "-"],
    ]
    assert "source: https://developers.openai.com/api/docs/deprecations, checked 2026-11-23" in lines


def test_unknown_is_not_safe(tmp_path: Path) -> None:
    """A model without a known date is listed as not known, and the reader learns whom to ask."""
    _code, lines = said(tmp_path, models=("gpt-6-luna",))
    assert lines[1].split() == ["gpt-6-luna", "-", "not", "known", "-", "-"]
    assert lines[-1].startswith("not known: the table of 2026-11-23 names no date; ask the provider (--live)")


@pytest.mark.parametrize(("within", "code"), [(None, 0), ("17d", 0), ("18d", 1)])
def test_within(tmp_path: Path, within: str | None, code: int) -> None:
    """--within makes the exit code 1 where a model ends by then, for scripts."""
    assert said(tmp_path, models=("gpt-5",), within=within)[0] == code


def test_json(tmp_path: Path) -> None:
    """JSON has everything, with a schema's name."""
    _code, lines = said(tmp_path, models=("gpt-4o", "gpt-6-luna"), format="json")
    read = json.loads("\n".join(lines))
    assert read["schema"] == "llmupgrade-deadlines/1"
    (known,) = read["models"]
    assert known | {"remarks": []} == {
        "model": "gpt-4o",
        "here": [],
        "provider": "openai",
        "id": "gpt-4o",
        "shutdown": "2027-01-14",
        "earliest": False,
        "days": 52,
        "stage": "near",
        "replacement": "gpt-6-luna",
        "source": "https://developers.openai.com/api/docs/deprecations",
        "checked": "2026-11-23",
        "remarks": [],
    }
    assert [row["model"] for row in read["unknown"]] == ["gpt-6-luna"]


def test_markdown_is_quiet(tmp_path: Path) -> None:
    """A name cannot break the table or bring HTML."""
    _code, lines = said(tmp_path, models=("a|b<script>`x`",), format="md")
    assert lines[2] == r"| a\|b&lt;script>\`x\` | - | not known | - | - |"


def test_scan_and_calendar(tmp_path: Path) -> None:
    """--scan names each place; --ics writes the calendar."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text('A = "gpt-4o"\nB = "gpt-4o"\n')
    (tmp_path / "conf.yaml").write_text("model: gpt-5\n")
    (tmp_path / "big.json").write_text(" " * 2_000_001)
    _code, lines = said(tmp_path, scan=tmp_path, ics=tmp_path / "end.ics")
    assert lines[1].split()[:2] == ["gpt-5", "conf.yaml:1"]
    assert lines[2].split()[:3] == ["gpt-4o", "src/app.py:1,", "src/app.py:2"]
    assert lines[-1] == "--scan: 1 file not read (over 2,000,000 bytes, or unreadable)"
    assert (tmp_path / "end.ics").read_text().count("BEGIN:VEVENT") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no models: name some"),
        (["--scan", "nowhere"], "--scan nowhere: no such file or folder"),
        (["--scan", "."], ".: names no model"),
        (["gpt-4o", "--ics", "no/such/folder.ics"], "not written: No such file"),
        (["gpt-4o", "--within", "soon"], "--within=soon: write a number of days"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """A mistake is one clear line and exit code 2."""
    monkeypatch.chdir(tmp_path)
    assert main(["deadlines", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_faulty_settings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of pyproject.toml is told with its line."""
    (tmp_path / "pyproject.toml").write_text("[tool.llmupgrade.models.m]\nretires = 2026-01-01T00:00:00\n")
    monkeypatch.chdir(tmp_path)
    assert main(["deadlines"]) == 2
    assert capsys.readouterr().err.startswith("pyproject.toml:2: ")


def test_live_dates_win(tmp_path: Path, llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date in the provider's own list wins over the table, says so, and keeps the recommendation."""
    for name, value in llm_server.environment().items():
        monkeypatch.setenv(name, value)
    listed = {"object": "model", "created": 1, "owned_by": "x"}
    llm_server.models = [
        {"id": "gpt-4o", "shutdown_date": "2027-03-01", **listed},
        {"id": "gpt-5", "shutdown_date": None, **listed},
        {"id": "house-model", "shutdown_date": "2026-12-01", **listed},
        {"id": "odd", "shutdown_date": "soon\x1b", **listed},
    ]
    _code, lines = said(tmp_path, models=("gpt-4o", "gpt-5", "house-model", "odd"), live=True)
    assert [line.split()[:4] for line in lines[1:5]] == [
        ["house-model", "-", "2026-12-01", "8"],
        ["gpt-5", "-", "2026-12-11", "18"],
        ["gpt-4o", "-", "2027-03-01", "98"],
        ["odd", "-", "not", "known"],
    ]
    assert lines[3].endswith("gpt-6-luna")
    assert "gpt-4o: the table of the package said 2027-01-14" in lines
    assert "gpt-5: its provider's list of 2026-11-23 names no date" in lines
    assert lines[-1] == f"--live: {llm_server.base_url}/models lists 4 models, 2 with a date"
    assert llm_server.calls[0].path == "/v1/models"


def test_live_that_fails_says_so(
    tmp_path: Path, llm_server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without such a list costs a line, not the list; the key is never shown."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{llm_server.port}/{KEY}/nothing")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    llm_server.fail(401, f"Incorrect API key provided: {KEY}")
    code, lines = said(tmp_path, models=("gpt-4o",), live=True)
    assert code == 0
    assert lines[1].split()[2] == "2027-01-14"
    assert lines[-1].startswith("--live: ")
    assert "brought no dates" in lines[-1]
    assert lines[-1].startswith(f"--live: http://127.0.0.1:{llm_server.port}/[key]/nothing/models")
    assert KEY not in "\n".join(lines)


def test_live_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key nothing is called, and the line names the variable to set."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    _code, lines = said(tmp_path, models=("gpt-4o",), live=True)
    assert "set OPENAI_API_KEY" in lines[-1]


def test_the_docs_show_what_is_printed(tmp_path: Path) -> None:
    """The example at the head of docs/deadlines.md is what the command prints on the day of the table."""
    text = (Path(__file__).parents[2] / "docs" / "deadlines.md").read_text(encoding="utf-8")
    command, *shown = text.split("```")[1].splitlines()[1:]
    _code, lines = said(tmp_path, models=tuple(command.split()[3:]))
    assert lines[: len(shown)] == shown
