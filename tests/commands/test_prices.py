"""`llmupgrade prices`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.commands.price_list import listed_price
from pytest_llmupgrade.commands.prices import price_row
from pytest_llmupgrade.model import ModelSpec, Price, Usage
from pytest_llmupgrade.prices import cost_usd


@pytest.fixture(autouse=True)
def at_openai(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, with OpenAI's own address."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)


def spec(name: str, **fields: Any) -> ModelSpec:
    """Return a model."""
    return ModelSpec(**{"name": name, "wire_name": name, **fields})


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-3.5-turbo", "gpt-5-mini"])
def test_the_price_listed_is_the_price_charged(name: str) -> None:
    """A million tokens of each kind cost what the table says."""
    listed = listed_price(spec(name))
    assert listed is not None
    million = 1_000_000
    for usage, amount in (
        (Usage(input_tokens=million, output_tokens=0), listed.input),
        (Usage(input_tokens=million, cached_input_tokens=million, output_tokens=0), listed.cached_input),
        (Usage(input_tokens=0, output_tokens=million), listed.output),
    ):
        assert cost_usd(spec(name), usage) == amount
    assert listed.source.startswith("https://")


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Each model is a row with figures, date and source; unknown is unpriced, never zero; own prices win."""
    Path("pyproject.toml").write_text(
        '[tool.llmupgrade.models."gpt-4o"]\nprice = {input = 1.50, output = 6}\n'
    )
    assert main(["prices", "gpt-4o", "gpt-5", "no-such-model", "local/smollm2-135m"]) == 0
    head, own, listed, unknown, local, *notes = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "input", "cached", "output", "date", "source"]
    assert own.split()[:5] == ["gpt-4o", "1.5", "1.5", "6", "-"]
    assert own.endswith("pyproject.toml")
    assert listed.split()[1:4] == ["1.25", "0.125", "10"]
    assert "https://" in listed
    assert unknown.split()[:4] == ["no-such-model", "unpriced", "unpriced", "unpriced"]
    assert local.split()[1:4] == ["0", "0", "0"]
    assert any(note.startswith("USD per million tokens; catalogue: genai-prices ") for note in notes)


def test_prices_that_depend_on_the_size_are_all_shown() -> None:
    """A price that rises with the input is shown with its steps."""
    row = price_row(spec("claude-sonnet-4-5", base_url="https://api.anthropic.com/v1"))
    assert row.figures[0] == "3, 6 over 200,000"


def test_an_own_price_without_a_cached_one() -> None:
    """Cached tokens cost what others do where the user declares nothing else."""
    row = price_row(spec("m", price=Price(input=Decimal(10), output=Decimal("0.50"))))
    assert row.figures == ("10", "10", "0.5")
