"""Names of models, as users write them, meet the rows that tell when they end."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.deadlines import Deadline, Table, as_of, find, provider_at, shipped
from pytest_llmupgrade.deadlines.models import notices
from pytest_llmupgrade.model import ModelSpec

DATA = Path(__file__).parents[2] / "pytest_llmupgrade" / "data" / "deadlines.json"
TODAY = dt.date(2026, 11, 23)


def shutdown(name: str, provider: str | None = None) -> str | None:
    """Return the date found for a name, as text."""
    match = find(name, shipped(), provider=provider)
    return str(match.deadline.shutdown) if match else None


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("gpt-3.5-turbo", "2026-10-23"),
        ("GPT-4o ", "2027-01-14"),
        ("gpt-4o#2", "2027-01-14"),
        ("openai/gpt-5", "2026-12-11"),
        ("openrouter/openai/o3", "2026-12-11"),
        ("openai:gpt-4o", "2027-01-14"),
        ("openai:chat:gpt-4o", "2027-01-14"),
        ("gpt-4o-2024-05-13", "2026-10-23"),
        ("gpt-5.1-2026-01-31", "2027-04-01"),
        ("gpt-35-turbo", "2026-10-23"),
        ("azure/gpt-35-turbo-16k", "2024-09-13"),
        ("ft:gpt-3.5-turbo-0125:acme::abc", "2026-10-23"),
        ("ft:gpt-4o-mini-2024-07-18:acme:tone:xyz:ckpt-step-90", "2027-01-14"),
        ("ft:gpt-4-0613:acme::abc", "2026-10-23"),
        ("ft:gpt-4o-2024-05-13:acme::abc", "2026-10-23"),
        ("claude-3-opus-20240229", "2026-01-05"),
        ("claude-3-5-sonnet-latest", "2025-10-28"),
        ("claude-sonnet-4-5", "2026-11-30"),
        ("anthropic/claude-sonnet-4", "2026-06-15"),
        ("claude-sonnet-4@20250514", "2026-06-15"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "found"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", "found"),
        ("models/gemini-2.0-flash", "2026-06-01"),
        ("gemini-1.5-pro", "2025-09-24"),
        ("gemini/text-embedding-004", "2026-01-14"),
        ("vertex_ai/text-embedding-004", "2027-04-01"),
        ("command-r", "None"),
        ("mistral-large-latest", None),
        ("gpt-6-luna", None),
        ("gpt-4o-turbo", None),
        ("local/smollm2-135m", None),
        ("my-gpt-4o", None),
        ("", None),
    ],
)
def test_names(name: str, date: str | None) -> None:
    """A name is found under its route, snapshot, alias, fine-tune or Azure spelling, and never by a mere part of it."""
    found = shutdown(name)
    assert found == date or (date == "found" and found not in (None, "None"))


def test_a_match_says_how_it_was_found() -> None:
    """What is not the row's own name is explained, Azure's own calendar included."""
    azure = find("gpt-4o", shipped(), provider="azure")
    tuned = find("ft:gpt-4o-2024-05-13:acme::a", shipped())
    alias = find("claude-sonnet-4-5", shipped())
    assert azure is not None
    assert "Azure's own may differ" in azure.how
    assert tuned is not None
    assert tuned.how == "a fine-tune of gpt-4o-2024-05-13, whose date this is"
    assert alias is not None
    assert alias.how == "an alias of claude-sonnet-4-5-20250929"


def test_providers_that_differ_are_all_told() -> None:
    """Where two providers serve a name, the earliest date leads and the other is kept; a known server decides."""
    match = find("text-embedding-004", shipped())
    assert match is not None
    assert str(match.deadline.shutdown) == "2026-01-14"
    assert [row.provider for row in match.others] == ["google-vertex-ai"]
    assert shutdown("text-embedding-004", "google-vertex-ai") == "2027-04-01"
    assert shutdown("gpt-4o", "mistral") is None


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        (None, None),
        ("https://api.openai.com/v1", "openai"),
        ("https://acme.openai.azure.com/openai/v1", "azure"),
        ("https://europe-west1-aiplatform.googleapis.com/v1", "google-vertex-ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "google-gemini-api"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://notopenai.com", None),
        ("http://[broken", None),
    ],
)
def test_whose_server_it_is(url: str | None, provider: str | None) -> None:
    """An address tells the provider only where the host is truly the provider's."""
    assert provider_at(url) == provider


@given(st.text(max_size=80))
def test_any_text_is_a_name(text: str) -> None:
    """No text makes the search fail, and what is found is found again under the row's own name."""
    match = find(text, shipped())
    if match is not None:
        assert find(match.deadline.id, shipped(), provider=match.deadline.provider) is not None


def test_the_table_is_sound() -> None:
    """Each row has a source on the web and the day it was checked, no row stands twice, and each finds itself."""
    rows = shipped().rows
    assert len(rows) > 380
    assert len({(row.provider, row.id) for row in rows}) == len(rows)
    for row in rows:
        assert row.source.startswith("https://")
        assert dt.date(2026, 1, 1) <= row.checked <= as_of()
        assert row.shutdown is None or row.announced is None or row.announced <= row.shutdown
        match = find(row.id, shipped(), provider=row.provider)
        assert match is not None
        assert match.deadline == row


def test_the_data_is_one_row_a_line() -> None:
    """A review sees which date moved: every row of the file is a line of its own."""
    head, *rows, tail = DATA.read_text(encoding="utf-8").splitlines()
    assert "do not edit" in head
    assert tail == "]}"
    assert [json.loads(row.rstrip(","))["id"] for row in rows] == [row.id for row in shipped().rows]


def test_notices_are_told_once_and_soonest_first() -> None:
    """A model in two roles has one notice; a declared date wins over the table; local models have none."""
    spec = ModelSpec(name="gpt-4o", wire_name="gpt-4o")
    own = ModelSpec(name="gpt-5", wire_name="gpt-5", retires=dt.date(2026, 11, 30))
    local = ModelSpec(name="local/smollm2-135m", wire_name="local/smollm2-135m")
    found = notices(
        [("incumbent", spec), ("candidate", own), ("candidate", local), ("judge", spec)],
        shipped(),
        today=TODAY,
    )
    assert [(notice.match.name, notice.roles, notice.days) for notice in found] == [
        ("gpt-5", ("candidate",), 7),
        ("gpt-4o", ("incumbent", "judge"), 52),
    ]


def test_a_row_of_the_user_wins_at_any_server() -> None:
    """A live or declared row leads, whatever the server."""
    own = Deadline(provider="yours", id="gpt-4o", shutdown=None, source="", checked=TODAY)
    match = find("gpt-4o", Table((own, *shipped().rows)), provider="mistral")
    assert match is not None
    assert match.deadline is own
