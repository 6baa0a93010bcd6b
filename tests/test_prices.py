from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

import pytest
from genai_prices import Usage as CatalogueUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmupgrade import prices
from pytest_llmupgrade.model import ModelSpec, Price, Usage
from pytest_llmupgrade.prices import cost_usd, prices_version

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

KNOWN = [
    "gpt-4o",
    "gpt-4o-2024-08-06",
    "gpt-4.1-mini",
    "gpt-3.5-turbo",
    "gpt-5",
    "gpt-5.4",
    "o3",
    "gpt-6-luna",
]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Draw the usage of any call, short or far beyond the tiers."""
    size = draw(st.one_of(st.integers(0, 5000), st.integers(100_000, 2_000_000)))
    out = draw(st.integers(0, 200_000))
    return Usage(
        input_tokens=size,
        output_tokens=out,
        cached_input_tokens=draw(st.integers(0, size)),
        reasoning_tokens=draw(st.integers(0, out)),
    )


def spec(name: str, *, base_url: str | None = None, price: Price | None = None) -> ModelSpec:
    """Return a model without further settings."""
    return ModelSpec(name=name, wire_name=name, base_url=base_url, price=price)


def catalogue_usage(usage: Usage) -> CatalogueUsage:
    """Return the same usage in the catalogue's words."""
    return CatalogueUsage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )


@given(st.sampled_from(KNOWN), usages())
def test_catalogue_price(name: str, usage: Usage) -> None:
    """A known model's call costs exactly what genai-prices says, also beyond a tier's start."""
    expected = calc_price(catalogue_usage(usage), name, provider_id="openai").total_price
    assert cost_usd(spec(name), usage) == expected


@given(st.sampled_from(["gpt-4o", "gpt-4.1-mini", "gpt-6-luna"]), usages())
def test_batch_price(name: str, usage: Usage) -> None:
    """A batch call costs exactly what genai-prices says for a batch."""
    expected = calc_price(
        catalogue_usage(usage), name, provider_id="openai", price_context={"processing": "batch"}
    ).total_price
    assert cost_usd(spec(name), usage, batch=True) == expected


@cache
def every_price() -> list[tuple[ModelInfo, ModelPrice]]:
    """Return every price of the catalogue that has both an input and an output price."""
    models = [model for provider in get_snapshot().providers for model in provider.models]
    found = [(model, model.get_prices(NOW)) for model in models]
    return [(model, price) for model, price in found if price.input_mtok is not None]


@settings(max_examples=40)
@given(usages())
def test_every_model_of_the_catalogue(usage: Usage) -> None:
    """The short way to a price agrees with the catalogue's own for every model it knows, or gives none."""
    for model, price in every_price()[usage.input_tokens % 13 :: 13]:
        found = prices._as_tariff(price).cost_usd(usage)
        if found is not None:
            assert found == price.calc_price(catalogue_usage(usage))["total_price"], model.id
        else:
            assert price.output_mtok is None
            assert usage.output_tokens


def test_own_price_wins() -> None:
    """The user's price is taken before any catalogue; cached tokens cost their own price."""
    price = Price(input=Decimal("2.50"), cached_input=Decimal("1.25"), output=Decimal(10))
    usage = Usage(input_tokens=1000, cached_input_tokens=400, output_tokens=50)
    expected = (600 * Decimal("2.50") + 400 * Decimal("1.25") + 50 * Decimal(10)) / 1_000_000
    assert cost_usd(spec("gpt-5", price=price), usage) == expected


def test_cached_tokens_cost_input_without_a_price_of_their_own() -> None:
    """Where no cached price is declared, cached tokens are not free."""
    price = Price(input=Decimal(2), output=Decimal(0))
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=1_000_000, output_tokens=7)
    assert cost_usd(spec("mine", price=price), usage) == Decimal(2)


def test_own_price_knows_no_batch() -> None:
    """A declared price says nothing about batches, so a batch is unpriced rather than wrong by half."""
    price = Price(input=Decimal(2), output=Decimal(1))
    assert cost_usd(spec("mine", price=price), Usage(input_tokens=1, output_tokens=1), batch=True) is None


USED = Usage(input_tokens=100, output_tokens=10)


def test_unlisted_batch_price_is_unknown() -> None:
    """Where the catalogue lists no batch price it would give the usual one; we give none."""
    assert cost_usd(spec("gpt-6-rosalind"), USED) is not None
    assert cost_usd(spec("gpt-6-rosalind"), USED, batch=True) is None


@pytest.mark.parametrize(
    "name",
    [
        "no-such-model",
        "gpt-4o-2099-01-01",
        "gpt-4o-madeup",
        "",
        "ft:gpt-4-0613:acme::x1",
        "ft:no-such:acme::x1",
    ],
)
def test_unknown_is_unpriced(name: str) -> None:
    """A name that the catalogue does not truly know has no price: not zero, and not its base model's."""
    assert cost_usd(spec(name), USED) is None


def test_fine_tuned_models_with_their_own_price() -> None:
    """A fine-tuned model costs its own price, which is not its base model's."""
    tuned, base = cost_usd(spec("ft:gpt-4o-2024-08-06:acme::x1"), USED), cost_usd(spec("gpt-4o"), USED)
    assert tuned is not None
    assert base is not None
    assert tuned > base


@pytest.mark.parametrize(
    ("base_url", "name", "known"),
    [
        ("https://api.openai.com/v1", "gpt-4o", True),
        ("https://api.mistral.ai/v1", "mistral-large-latest", True),
        ("https://my.openai.azure.com/openai/v1", "gpt-4o", True),
        ("https://llm.example.com/v1", "gpt-4o", False),
        ("http://127.0.0.1:8000/v1", "gpt-4o", False),
        ("https://api.mistral.ai/v1", "gpt-4o", False),
    ],
)
def test_provider_by_address(base_url: str, name: str, known: bool) -> None:  # noqa: FBT001  a table's column
    """The price is that of the endpoint's provider; what a private gateway charges is unknown."""
    assert (cost_usd(spec(name, base_url=base_url), USED) is not None) is known


def test_address_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAI_BASE_URL moves the calls elsewhere, so OpenAI's price is no longer theirs."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert cost_usd(spec("gpt-4o"), USED) is None


def test_local_models_cost_nothing() -> None:
    """The embedded models are free; without usage even they are unpriced."""
    assert cost_usd(spec("local/smollm2"), USED) == 0
    assert cost_usd(spec("local/smollm2"), None) is None


@pytest.mark.parametrize(
    "usage",
    [
        None,
        Usage(input_tokens=10, cached_input_tokens=11, output_tokens=0),
        Usage(input_tokens=-1, cached_input_tokens=-1, output_tokens=0),
        Usage(input_tokens=10, output_tokens=-1),
    ],
)
def test_usage_that_cannot_be_true_is_unpriced(usage: Usage | None) -> None:
    """A server that counts nonsense, or not at all, makes a call unpriced: never negative, never zero."""
    price = Price(input=Decimal(2), output=Decimal(1))
    assert cost_usd(spec("gpt-4o"), usage) is None
    assert cost_usd(spec("mine", price=price), usage) is None


@pytest.mark.parametrize("name", ["sonar", "sonar-deep-research"])
def test_prices_beyond_tokens(name: str) -> None:
    """A model that also charges by the request or by reasoning costs what the catalogue says."""
    usage = Usage(input_tokens=100, output_tokens=90, reasoning_tokens=80)
    expected = calc_price(catalogue_usage(usage), name, provider_id="perplexity").total_price
    found = cost_usd(spec(name, base_url="https://api.perplexity.ai"), usage)
    assert found == expected
    plain = get_snapshot().find_provider_model(name, None, "perplexity", None)[1].get_prices(NOW)
    assert isinstance(plain.input_mtok, Decimal)
    assert isinstance(plain.output_mtok, Decimal)
    assert found != (plain.input_mtok * 100 + plain.output_mtok * 90) / 1_000_000


def test_reasoning_beside_the_output_is_priced() -> None:
    """A server that counts more reasoning than output costs no exception."""
    usage = Usage(input_tokens=100, output_tokens=5, reasoning_tokens=80)
    assert cost_usd(spec("sonar-deep-research", base_url="https://api.perplexity.ai"), usage) is not None


def test_price_by_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A price that changes on a day is the one of the call's day, whatever was cached before."""
    before, after = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    found = []
    for moment in (before, after):
        monkeypatch.setattr("time.time", moment.timestamp)
        found.append(cost_usd(spec("gpt-5.6-luna"), Usage(input_tokens=1_000_000 // 4, output_tokens=0)))
    assert found == [Decimal("0.25"), Decimal("0.05")]


def test_thousands_of_calls_look_up_once() -> None:
    """The catalogue is asked once a minute and model, not once a call."""
    prices.tariff_of.cache_clear()
    for size in range(20_000):
        cost_usd(spec("gpt-4o"), Usage(input_tokens=size, output_tokens=1))
    assert prices.tariff_of.cache_info().misses <= 2  # a minute may end meanwhile


def test_version_names_the_catalogue() -> None:
    """A report can say which prices it used."""
    name, number = prices_version().split()
    assert name == "genai-prices"
    assert number[0].isdigit()


def test_import_is_light() -> None:
    """Neither importing the module nor an own price loads the catalogue."""
    program = (
        "import sys\nfrom decimal import Decimal\nfrom pytest_llmupgrade.prices import cost_usd, prices_version\n"
        "from pytest_llmupgrade.model import ModelSpec, Price, Usage\nprices_version()\n"
        "price = Price(input=Decimal(1), output=Decimal(1))\n"
        "cost_usd(ModelSpec(name='m', wire_name='m', price=price), Usage(input_tokens=1, output_tokens=1))\n"
        "print([m for m in ('genai_prices', 'pydantic', 'openai') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603  this interpreter, a fixed program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
