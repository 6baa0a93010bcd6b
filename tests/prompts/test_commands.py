from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.cli import main

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
prompts:
  support:
    versions:
      verbose: |
        You are a kind clerk.
        Answer in one sentence.
      concise: {role: developer, text: One sentence.}
      third: Say it.
    use: {"gpt-3.5*": verbose, default: concise}
  router: One word.
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a prompts file below it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals/prompts.yaml").write_text(FILE)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Run a command that must succeed, and return its lines."""
    assert main([*arguments]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must be refused with exit code 2, and return its words."""
    assert main([*arguments]) == 2
    return capsys.readouterr().err.strip()


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Each version with its size, and the models that are told it."""
    assert said(capsys, "prompts", "list") == [
        "evals/prompts.yaml: 2 prompts",
        "  support",
        "    verbose     9 words  gpt-3.5*",
        "    concise     2 words  every other model",
        "    third       2 words  no model",
        "  router",
        "    default     2 words  every other model",
    ]


def test_diff_of_two_versions(capsys: pytest.CaptureFixture[str]) -> None:
    """Two versions as a unified diff, the role included."""
    assert said(capsys, "prompts", "diff", "support", "verbose", "concise") == [
        "--- support, verbose",
        "+++ support, concise",
        "@@ -1,2 +1,2 @@",
        "-You are a kind clerk.",
        "-Answer in one sentence.",
        "+(role: developer)",
        "+One sentence.",
    ]


def test_diff_of_all_versions(capsys: pytest.CaptureFixture[str]) -> None:
    """Without versions each is compared with the next; with one, it with every other."""
    headers = [line for line in said(capsys, "prompts", "diff") if line.startswith(("---", "+++", "router"))]
    assert headers == [
        "--- support, verbose",
        "+++ support, concise",
        "--- support, concise",
        "+++ support, third",
        "router: one version, so there is nothing to compare",
    ]
    headers = [line for line in said(capsys, "prompts", "diff", "support", "third") if line.startswith("+++")]
    assert headers == ["+++ support, verbose", "+++ support, concise"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["suport"], "unknown prompt 'suport'. Known: router, support"),
        (["support", "verbos"], "prompt 'support' has no version 'verbos'. Did you mean 'verbose'?"),
        (["support", "a", "b", "c"], "name two versions, or one to compare it with the others"),
        (["--base", "-x"], "argument --base"),
        (["--base=-x"], "--base=-x: no revision of git"),
        (["--file", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_what_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """A wrong name is one line and exit code 2."""
    try:
        assert refused(capsys, "prompts", "diff", *arguments) == words
    except SystemExit:
        assert words in capsys.readouterr().err


def test_no_file_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where there is no prompts.yaml, the command says where it looked."""
    (tmp_path / "evals/prompts.yaml").unlink()
    assert refused(capsys, "prompts", "list").startswith("no prompts.yaml in this folder or below it")


def test_diff_against_a_revision(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--base shows what changed since a commit: texts, roles, and which model is told what."""

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(  # noqa: S603  fixed words
            ["git", *identity, *arguments],  # noqa: S607  git as the machine has it
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    assert said(capsys, "prompts", "diff", "--base", "HEAD") == ["no prompt changed"]
    text = (
        FILE.replace("Say it.", "Say it now.")
        .replace("gpt-3.5*", "gpt-4*")
        .replace("  router: One word.\n", "")
    )
    (tmp_path / "evals/prompts.yaml").write_text(text)
    assert [line for line in said(capsys, "prompts", "diff", "--base", "HEAD") if "@@" not in line] == [
        "--- evals/prompts.yaml: support, third (HEAD)",
        "+++ evals/prompts.yaml: support, third",
        "-Say it.",
        "+Say it now.",
        "--- evals/prompts.yaml: support, use (HEAD)",
        "+++ evals/prompts.yaml: support, use",
        "-gpt-3.5*: verbose",
        "+gpt-4*: verbose",
        " default: concise",
        "--- evals/prompts.yaml: router, default (HEAD)",
        "+++ evals/prompts.yaml: router, default",
        "-One word.",
        "--- evals/prompts.yaml: router, use (HEAD)",
        "+++ evals/prompts.yaml: router, use",
        "-default: default",
    ]
    (tmp_path / "evals/prompts.yaml").write_text("prompts: {a: [1]}")
    assert refused(capsys, "prompts", "diff", "--base", "HEAD").startswith("evals/prompts.yaml:1: prompt 'a'")


def test_check_reads_prompts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`llmupgrade check` reads prompts.yaml, and each case's prompt as a run would."""
    suite = "prompt: support\njudge: contains\ncases:\n  - {id: a, input: x, expected: y}\n"
    (tmp_path / "evals/eval_a.yaml").write_text(suite)
    assert said(capsys, "check", "evals") == ["2 files, 1 case: all in order"]
    (tmp_path / "evals/eval_a.yaml").write_text(suite.replace("support", "suport"))
    assert refused(capsys, "check", "evals") == (
        "evals/eval_a.yaml:4: case 'a': unknown prompt 'suport' (evals/prompts.yaml). Did you mean 'support'?"
    )
    (tmp_path / "evals/prompts.yaml").write_text("prompts: {support: ''}")
    assert refused(capsys, "check", "evals") == (
        "evals/prompts.yaml:1: prompt 'support': the text is empty; write what the model is told"
    )


def test_a_diff_commands_no_runner(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A line that did not change begins with a blank, behind which GitHub's runner would obey it."""
    (tmp_path / "evals/prompts.yaml").write_text(
        "prompts:\n  p:\n    versions:\n      a: |\n        ::error::boo\n        one\n"
        "      b: |\n        ::error::boo\n        two\n    use: {default: a}\n",
        encoding="utf-8",
    )
    lines = said(capsys, "prompts", "diff")
    assert " : :error::boo" in lines
    assert not [line for line in lines if line.strip().startswith("::")]
