"""`--pii`: what Presidio finds becomes placeholders like any other; the library itself is tried where it is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.logs.exchange import Exchange
from pytest_llmupgrade.logs.redact import Redactor, Span

OUT = Path("evals/eval_x.yaml")
TEXTS = (
    "I am Anna Berg, my passport number is 912803456.",
    "NHS 943 476 5919, mac 00:1B:44:11:3A:B7, wallet 1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "anna.berg@example.org on 2026-11-25, order 4471-2290, see https://example.org/a",
)


def log() -> None:
    """Write a log of texts that only a library knows to be personal."""
    rows = ({"input": f"{number}: {text}", "assistant_response": text} for number, text in enumerate(TEXTS))
    Path("log.jsonl").write_text("\n".join(map(json.dumps, rows)))


def test_finds_become_placeholders() -> None:
    """What a library finds is named once throughout its case, placeholders and overlapping finds are left alone."""

    def find(text: str) -> tuple[Span, ...]:
        at = text.find("Anna Berg")
        if at < 0:
            return ()
        of_placeholder = ((1, 6, "ORG"),) if text.startswith("[EMAIL") else ()
        return (*of_placeholder, (at, at + 9, "PERSON"), (at + 5, at + 9, "LOCATION"))

    asked = [{"role": "user", "content": "a@b.de is Anna Berg"}]
    redactor = Redactor(find=find)
    clean = redactor.exchange(Exchange(messages=asked, answer="Hello, Anna Berg!"))
    assert clean.messages[0]["content"] == "[EMAIL_1] is [PERSON_1]"
    assert clean.answer == "Hello, [PERSON_1]!"
    assert redactor.found == {"EMAIL": 1, "PERSON": 1}


def test_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra the command says how to install it, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    log()
    assert main(["cases", "log.jsonl", "-o", str(OUT), "--pii", "en"]) == 2
    assert capsys.readouterr().err == "--pii needs the extra 'pii': pip install 'pytest-llmupgrade[pii]'\n"
    assert not OUT.exists()


@pytest.mark.filterwarnings("ignore")  # of spaCy and its neighbours
def test_with_presidio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """National numbers and wallets go, dates and orders stay; that names need a spaCy model is said."""
    pytest.importorskip("presidio_analyzer")
    monkeypatch.chdir(tmp_path)
    log()
    assert main(["cases", "log.jsonl", "-o", str(OUT), "--pii", "en", "--near", "1"]) == 0
    written, told = OUT.read_text(), capsys.readouterr()
    gone = (
        "912803456",
        "943 476 5919",
        "00:1B:44:11:3A:B7",
        "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
        "anna.berg@",
    )
    assert [one for one in gone if one in written + told.out + told.err] == []
    assert all(kept in written for kept in ("2026-11-25", "4471-2290", "https://example.org/a"))
    assert "1 US_PASSPORT" in told.out
    assert ("Anna Berg" not in written) or "names and places stay" in told.err
    assert main(["cases", "log.jsonl", "-o", str(OUT), "--force", "--pii", "no-such"]) == 2
