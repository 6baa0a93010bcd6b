from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.providers.quoting import LONGEST, quoted, well_formed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-ab***1234. Find it", "Incorrect API key provided: [key] Find it"),
        ("Incorrect API key provided: hunter2", "Incorrect API key provided: [key]"),
        ("sent Bearer abcdefgh12345", "sent [key]"),
        ("use sk-proj-Ab_12345 or gsk_abcd1234", "use [key] or [key]"),
        ("at http://me:hunter2@host/v1", "at http://[key]@host/v1"),
        ("my own-secret-key", "my [key]"),
        ("a\nb\t c", "a b c"),
        ("\x1b]0;owned\x07 \u202eback", r"\x1b]0;owned\x07 \u202eback"),
        ("half \ud800", r"half \ud800"),
        ("task-list of risk-free work", "task-list of risk-free work"),
    ],
)
def test_foreign_text(text: str, shown: str) -> None:
    """Keys are masked, lines joined, what does not print is escaped; plain words stay."""
    assert quoted(text, secrets=("own-secret-key",)) == shown


@given(text=st.text(), secret=st.text(st.characters(categories=["L", "N"]), min_size=6))
def test_a_secret_never_shows(text: str, secret: str) -> None:
    """Wherever a key stands in it, the line has no key, is short and prints."""
    line = quoted(text + secret + text, secrets=[secret])
    assert secret not in line.replace("[key]", "")
    assert len(line) <= LONGEST
    assert line.isprintable()


@given(text=st.text(st.characters(categories=None)))
def test_well_formed_text_can_be_written(text: str) -> None:
    """Any text becomes one that UTF-8 can hold, and one that it could hold stays."""
    written = well_formed(text).encode().decode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert "\N{REPLACEMENT CHARACTER}" in written or not any("\ud800" <= c <= "\udfff" for c in written)
    else:
        assert written == text
