from __future__ import annotations

import io

import pytest

from pytest_llmupgrade.providers.local.progress import bar, lines


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (0, 100_000_000, "\rx  [..............................]  0.0 MB of 100.0 MB\x1b[K"),
        (50_000_000, 100_000_000, "\rx  [###############...............]  50.0 MB of 100.0 MB\x1b[K"),
        (100_000_000, 100_000_000, "\rx  [##############################]  100.0 MB of 100.0 MB\x1b[K\n"),
        (2_500_000, None, "\rx  2.5 MB\x1b[K"),
    ],
)
def test_bar(done: int, total: int | None, expected: str) -> None:
    """A terminal's line is redrawn, and left standing once all bytes are there."""
    stream = io.StringIO()
    bar(stream)(done, total, "x")
    assert stream.getvalue() == expected


def test_lines() -> None:
    """A log gets one line for each thing that is fetched, however often its progress is told."""
    said: list[str] = []
    tell = lines(said.append)
    for done in range(3):
        tell(done, 93_000_000, "fetching a")
    tell(0, None, "making b")
    assert said == ["fetching a (93.0 MB)", "making b"]
