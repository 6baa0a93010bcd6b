"""`--snapshot-model`: what is written beside the suite, and what it never touches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.logs.exchange import Exchange, question_key
from pytest_llmupgrade.logs.recording import recorded
from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.snapshots.files import read_entries
from tests.logs.planted import KEYS, PERSONAL

OUT = Path("evals/eval_x.yaml")
KEPT = Path("evals/__llm_snapshots__/eval_x/gpt-3.5-turbo.yaml")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def cases(
    *rows: tuple[str, str], flags: tuple[str, ...] = (), model: str = "gpt-3.5-turbo", **fields: Any
) -> int:
    """Run the command on a log of questions and answers."""
    lines = (
        json.dumps({"messages": [{"role": "user", "content": asked}], "assistant_response": said, **fields})
        for asked, said in rows
    )
    Path("log.jsonl").write_text("\n".join(lines))
    logs = sorted(path.name for path in Path().glob("*.jsonl"))
    return main(["cases", *logs, "-o", str(OUT), "--snapshot-model", model, *flags])


def answers() -> dict[str, str]:
    """Return the recorded answers by the first word of their case's id."""
    entries = read_entries(KEPT.read_bytes(), "x")
    return {name.partition("-")[0]: entry.calls[0].answer for name, entry in entries.items()}


def test_an_update_adds_answers_and_keeps_the_others() -> None:
    """--update adds the answers to what has none yet, cases that were there before included; what is recorded stays."""
    assert cases(("Red?", "No."), ("Blue?", "Yes.")) == 0
    assert answers() == {"red": "No.", "blue": "Yes."}
    KEPT.write_text(KEPT.read_text().replace("Yes.", "Reviewed."))
    before = KEPT.read_text().partition("\nred-")[0]
    assert cases(("Blue?", "Changed"), ("Late?", "Soon."), flags=("--update",)) == 0
    assert answers() == {"red": "No.", "blue": "Reviewed.", "late": "Soon."}
    assert KEPT.read_text().startswith(before)
    KEPT.unlink()
    assert cases(("Red?", "No."), flags=("--update",)) == 0
    assert answers() == {"red": "No."}


def test_nothing_recorded_is_replaced_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    """A snapshot that is there is refused without --update or --force, and then nothing at all is written."""
    assert cases(("Red?", "No.")) == 0
    OUT.unlink()
    assert cases(("Red?", "Yes.")) == 2
    assert "--update adds to it, --force replaces it" in capsys.readouterr().err
    assert not OUT.exists()
    assert answers() == {"red": "No."}
    assert cases(("Red?", "Yes."), flags=("--force",)) == 0
    assert answers() == {"red": "Yes."}


def test_only_its_own_answers_are_a_models(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests that another model answered make neither cases nor snapshots, and are counted."""
    Path("other.jsonl").write_text(
        json.dumps({"input": "Green?", "assistant_response": "Hm.", "model": "gpt-4o"})
    )
    assert cases(("Red?", "No."), model_group="gpt-3.5-turbo") == 0
    assert "1 answered by another model" in capsys.readouterr().out
    assert [case.messages[0]["content"] for case in load_suite(OUT, file="x")] == ["Red?"]
    assert answers() == {"red": "No."}


def test_a_models_own_name_counts_too() -> None:
    """Where the project has a name of its own for a model, records under either name are its."""
    Path("pyproject.toml").write_text('[tool.llmupgrade.models.desk]\nwire_name = "gpt-4o"\n')
    Path("other.jsonl").write_text(
        json.dumps({"input": "Green?", "assistant_response": "Hm.", "model": "desk"})
    )
    assert cases(("Red?", "No."), ls_model_name="gpt-4o-2024-08-06", model="desk") == 0
    kept = read_entries(KEPT.with_name("desk.yaml").read_bytes(), "x")
    assert {entry.calls[0].asked.model for entry in kept.values()} == {"gpt-4o"}
    assert len(kept) == 2


def test_a_prompt_of_its_own_has_no_answer() -> None:
    """A case that was given a named prompt since is left out: under that prompt nobody asked the model."""
    assert cases(("Red?", "No.")) == 0
    (case,) = load_suite(OUT, file="x")
    answered = {question_key(case.messages): Exchange(messages=case.messages, answer="No.")}
    spec = ModelSpec(name="m", wire_name="m")
    assert recorded([case], answered, spec, ()).keys() == {case.id}
    assert recorded([replace(case, prompt="support")], answered, spec, ()) == {}


def test_no_planted_secret_is_recorded() -> None:
    """What is planted in answers, tool calls and models' names is in no snapshot."""
    planted = [*KEYS, *PERSONAL]
    rows = [(f"Who is {number}?", f"{secret} is") for number, secret in enumerate(planted)]
    call = {"function": {"name": "f", "arguments": json.dumps({"to": planted[0]})}}
    assert (
        cases(*rows, flags=("--near", "1"), tool_calls=[call], model_group=f"gpt-3.5-turbo/{planted[1]}") == 2
    )
    assert cases(*rows, flags=("--near", "1"), tool_calls=[call], ls_model_name="gpt-3.5-turbo") == 0
    assert [secret for secret in planted if secret in KEPT.read_text() + OUT.read_text()] == []


def test_a_served_model_is_told_how_to_replay(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a model that still answers it is said how its logged answers stand in for it."""
    assert cases(("Red?", "No."), model="my-model") == 0
    assert 'replay = true in [tool.llmupgrade.models."my-model"]' in capsys.readouterr().out
    assert cases(("Red?", "No."), model="a,b", flags=("--force",)) == 2


def test_traffic_is_told_where_every_record_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    """The requests of a month follow from the logs' own times; without them, or within a day, nothing is claimed."""
    rows = [
        {"input": f"q {number}", "assistant_response": "a", "timestamp": f"2026-09-{day:02}T00:00:00Z"}
        for number, day in enumerate((1, 11, 11, 21, 21))
    ]
    for kept, claim in (
        (rows, True),
        ([*rows, {"input": "z", "assistant_response": "a"}], False),
        (rows[1:3], False),
    ):
        Path("log.jsonl").write_text("\n".join(json.dumps(one) for one in kept))
        assert main(["cases", "log.jsonl", "-o", str(OUT), "--force", "--near", "1"]) == 0
        told = capsys.readouterr().out
        assert ("monthly_requests = 7 " in told) is claim
        assert ("5 requests from 2026-09-01 to 2026-09-21" in told) is claim
