from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.model import ToolCall
from pytest_llmupgrade.snapshots.asked import Asked
from pytest_llmupgrade.snapshots.changes import Change, change_lines
from pytest_llmupgrade.snapshots.entry import Call, Entry
from pytest_llmupgrade.snapshots.files import entry_text, join_texts
from tests.report.test_markdown import rendered

if TYPE_CHECKING:
    from pathlib import Path

FILE = "evals/__llm_snapshots__/eval_a/gpt-4o.yaml"


def entry(answer: str, *, passed: bool = True, prompt: str = "1", calls: tuple[ToolCall, ...] = ()) -> Entry:
    """Return a case's snapshot."""
    asked = Asked(model="gpt-4o", prompt=prompt, messages="2", tools="3", params="4")
    return Entry(
        verdict="passed" if passed else "missed",
        missed=() if passed else ("contains",),
        calls=(Call(answer=answer, asked=asked, tool_calls=calls),),
    )


class Repository:
    """A git repository with snapshot files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q")

    def git(self, *arguments: str) -> None:
        """Run git as nobody in particular."""
        who = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(self.root), *who, *arguments], check=True, capture_output=True)  # noqa: S603, S607  a test's own repository

    def write(self, entries: dict[str, Entry], file: str = FILE) -> None:
        """Write a snapshot file."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(join_texts({name: entry_text(one) for name, one in entries.items()}))

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-qm", "x")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    made = Repository(tmp_path)
    made.write(
        {
            "a": entry("30 days"),
            "b": entry("cash", passed=False),
            "c": entry("yes"),
            "d": entry("x"),
            "gone": entry("y"),
        }
    )
    made.commit()
    return made


def test_what_a_pull_request_changed(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Prompts, answers and verdicts that changed since a revision are told apart and counted."""
    repository.write(
        {
            "a": entry("a week", passed=False, prompt="9"),
            "b": entry("in cash", prompt="9"),
            "c": entry("yes, of course", prompt="9"),
            "d": entry("x", prompt="9"),
            "novel": entry("", calls=(ToolCall(name="look_up", arguments='{"id": 1}'),)),
        }
    )
    assert main(["snapshot", "diff"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{FILE}: 6 cases",
        "  prompt changed: 4 cases",
        "  1 broke (passed before, miss now):",
        "    a (missed contains)",
        "      was: 30 days",
        "      now: a week",
        "  1 fixed (missed before, pass now):",
        "    b",
        "      was: cash",
        "      now: in cash",
        "  1 answered otherwise, same verdict:",
        "    c",
        "      was: yes",
        "      now: yes, of course",
        "  1 asked or judged otherwise, same answer and verdict:",
        "    d",
        "  1 new:",
        "    novel",
        '      now: look_up({"id": 1})',
        "  1 gone:",
        "    gone",
    ]


def test_nothing_changed(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing changed, one line says so and the exit code is 0."""
    assert main(["snapshot", "diff"]) == 0
    assert capsys.readouterr().out == "no snapshot changed\n"
    assert repository.root


def test_another_base_and_folder(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--base names any revision; from a folder below the root, that folder's snapshots are compared."""
    repository.write({"a": entry("a week", passed=False)}, "other/__llm_snapshots__/eval_b/m.yaml")
    repository.commit()
    monkeypatch.chdir(repository.root / "other")
    assert main(["snapshot", "diff", "--base=HEAD~1"]) == 0
    assert capsys.readouterr().out.startswith("__llm_snapshots__/eval_b/m.yaml: 1 case\n  1 new:\n")


@pytest.mark.parametrize("base", ["nowhere", "-x", "--output=x", "HEAD:evals", ""])
def test_a_base_that_is_none(repository: Repository, capsys: pytest.CaptureFixture[str], base: str) -> None:
    """What git does not know as a revision is one line and exit code 2, whatever it looks like."""
    assert main(["snapshot", "diff", f"--base={base}"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"--base={base}: ")
    assert said.count("\n") == 1
    assert repository.root


def test_outside_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a repository, one line says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["snapshot", "diff"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_hostile_answers_are_printable() -> None:
    """An escape sequence in an answer shows as text, and a long answer is cut."""
    change = Change(file=FILE, name="a", old=entry("\x1b[31m" + "x" * 1000), new=entry("y"))
    lines = list(change_lines([change]))
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) < 200


def test_markdown_is_a_block_of_code(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """In Markdown the list is one code block, out of which no answer breaks."""
    repository.write({"a": entry("```` <b> ![x](http://evil.example) @octocat")})
    assert main(["snapshot", "diff", "--format", "md"]) == 0
    shown = rendered(capsys.readouterr().out)
    assert shown.startswith("<pre")
    assert shown.count("<code") == 1
    assert shown.rstrip().endswith("</code></pre>")
    assert "@octocat" in shown


def test_long_lists_end() -> None:
    """Ten cases of a kind are listed, unless all are wanted."""
    found = [Change(file=FILE, name=str(i), old=entry("x"), new=entry("y")) for i in range(12)]
    assert "    ... and 2 more (--all)" in list(change_lines(found))
    assert len(list(change_lines(found, every=True))) > len(list(change_lines(found)))
