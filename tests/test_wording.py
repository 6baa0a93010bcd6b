from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade import wording

SHARES = st.floats(0, 1)
# st.text() leaves lone surrogates out, which a JSON answer may well hold
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "unpriced"),
        ("0", "$0"),
        ("0E-9", "$0"),
        ("0.0000001", "<$0.000001"),
        ("0.0000123", "$0.000012"),
        ("0.0042", "$0.0042"),
        ("0.01", "$0.010"),
        ("0.5", "$0.50"),
        ("0.999", "$1.00"),
        ("12.3", "$12.30"),
        ("1234567.891", "$1,234,567.89"),
        ("-0.0042", "-$0.0042"),
        ("-12", "-$12.00"),
    ],
)
def test_money(amount: str | None, shown: str) -> None:
    """Money shows two significant digits at least; unknown is never shown as zero."""
    assert wording.money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.875, "87.5 %"),
        (1.0, "100.0 %"),
        (0.99999, ">99.9 %"),
        (0.0, "0.0 %"),
        (0.0001, "<0.1 %"),
        (0.001, "0.1 %"),
    ],
)
def test_share(value: float | None, shown: str) -> None:
    """One miss among thousands never reads as all passed, nor one pass as none."""
    assert wording.share(value) == shown


@given(SHARES)
def test_share_says_all_only_of_all(value: float) -> None:
    """Only 1 is shown as all, and only 0 as none."""
    assert (wording.share(value) == "100.0 %") == (value == 1)
    assert (wording.share(value) == "0.0 %") == (value == 0)


@pytest.mark.parametrize(
    ("difference", "shown"),
    [(-0.021, "-2.1 pp"), (0.021, "+2.1 pp"), (0.0, "0.0 pp"), (-0.0001, "0.0 pp"), (1.0, "+100.0 pp")],
)
def test_points(difference: float, shown: str) -> None:
    """A difference carries its sign, unless nothing of it is left."""
    assert wording.points(difference) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.812, 0.934, "[81.2, 93.4]"), (-0.00001, 0.05, "[0.0, 5.0]"), (-0.05, -0.01, "[-5.0, -1.0]")],
)
def test_interval(low: float, high: float, shown: str) -> None:
    """An interval stands in per cent, without a minus before a zero."""
    assert wording.interval(low, high) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.89, "0.89x"),
        (1.0, "1.00x"),
        (12.345, "12.35x"),
        (0.0042, "0.0042x"),
        (0.00001234, "0.000012x"),
        (120.4, "120x"),
        (0.0, "0.00x"),
    ],
)
def test_ratio(value: float, shown: str) -> None:
    """A ratio keeps two digits that mean something."""
    assert wording.ratio(value) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0 ms"),
        (0.2, "<1 ms"),
        (840.4, "840 ms"),
        (999.7, "1.00 s"),
        (1240, "1.24 s"),
        (59_999, "1:00 min"),
        (125_000, "2:05 min"),
        (3_599_900, "1:00:00 h"),
        (3_725_000, "1:02:05 h"),
    ],
)
def test_duration(milliseconds: float, shown: str) -> None:
    """A duration is shown in the unit that suits it, also where rounding reaches the next one."""
    assert wording.duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0 s"),
        (400, "0.4 s"),
        (45_000, "45 s"),
        (119_999, "120 s"),
        (120_000, "2 min"),
        (5_400_000, "90 min"),
        (8_000_000, "2.2 h"),
        (233_000_000, "2.7 days"),
        (10**11, "1,200 days"),
    ],
)
def test_rough_duration(milliseconds: float, shown: str) -> None:
    """An estimated duration has the two digits that are meant."""
    assert wording.rough_duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (12_345, "12.3k"),
        (999_960, "1.00M"),
        (1_200_000, "1.20M"),
        (12_345_678_901, "12,345.68M"),
    ],
)
def test_tokens(count: int, shown: str) -> None:
    """Many tokens are shown short."""
    assert wording.tokens(count) == shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((1, "case"), "1 case"),
        ((0, "case"), "0 cases"),
        ((12_345, "case"), "12,345 cases"),
        ((2, "category", "categories"), "2 categories"),
    ],
)
def test_plural(arguments: tuple[int, str] | tuple[int, str, str], shown: str) -> None:
    """One is one, and none is many."""
    assert wording.plural(*arguments) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("concice", "Did you mean 'concise'?"),
        ("Contains", "Did you mean 'contains'?"),
        ("gpt4o", "Did you mean 'gpt-4o'?"),
        ("zzz", ""),
        ("", ""),
        ("contains" * 20, ""),
    ],
)
def test_nearest(name: str, shown: str) -> None:
    """A slip of the pen is answered with the name that was meant, anything else with nothing."""
    assert wording.nearest(name, ["concise", "contains", "equals", "gpt-4o"]) == shown


def test_nearest_escapes() -> None:
    """A hostile known name cannot act on the terminal."""
    assert "\x1b" not in wording.nearest("ab\x1b[31mc", ["ab\x1b[31md"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\n\tnext", "plain text\n\tnext"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;https://evil.example\x07link", r"\x1b]8;;https://evil.example\x07link"),
        ("over\rwritten\x08", r"over\rwritten\x08"),
        ("\x9b31mred", r"\x9b31mred"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066isolate\u2069", r"\u2066isolate\u2069"),
        ("\ud800", r"\ud800"),
        ("\u2028", r"\u2028"),
        ("\x00\x7f", r"\x00\x7f"),
        ("\U000e0041", r"\U000e0041"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
        ("naïve 東京 🙂 👩\u200d🔬 e\u0301 a\xa0b", "naïve 東京 🙂 👩\u200d🔬 e\u0301 a\xa0b"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """What would act on a terminal is shown instead; what people write in any language stays."""
    assert wording.printable(text) == shown


@given(ANY_TEXT)
def test_printable_is_harmless(text: str) -> None:
    """Of no text is anything left that acts, or that cannot be encoded; and doing it twice changes nothing."""
    shown = wording.printable(text)
    for character in set(shown) - {"\n", "\t", "\u200c", "\u200d"}:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    assert shown.encode().decode() == shown
    assert wording.printable(shown) == shown


@given(ANY_TEXT)
def test_one_line(text: str) -> None:
    """Whatever a model writes fits on one line without outer space."""
    shown = wording.one_line(text)
    assert len(shown.splitlines()) <= 1
    assert shown == shown.strip()


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("", 0),
        ("東京", 4),
        ("ｱ", 1),
        ("\uff21", 2),
        ("e\u0301", 1),
        ("🙂", 2),
        ("👩\u200d", 2),
        ("naïve", 5),
    ],
)
def test_cells(text: str, width: int) -> None:
    """Wide characters take two cells, combining ones none."""
    assert wording.cells(text) == width


@given(ANY_TEXT.map(wording.printable), st.integers(0, 60))
def test_shorten(text: str, width: int) -> None:
    """A shortened text is never wider than asked, and only shortened where it has to be."""
    shown = wording.shorten(text, width)
    assert wording.cells(shown) <= width
    assert shown == text or (shown.endswith("." * min(3, width)) and wording.cells(text) > width)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc..."),
        ("東京都庁", 7, "東京..."),
        ("東京都庁", 6, "東..."),
        ("abcd", 2, ".."),
        ("abcd", 0, ""),
    ],
)
def test_shorten_table(text: str, width: int, shown: str) -> None:
    """No wide character is cut in half."""
    assert wording.shorten(text, width) == shown


@given(ANY_TEXT.map(wording.printable), st.integers(0, 60))
def test_pad(text: str, width: int) -> None:
    """A padded text fills its column on either side, and nothing of it is lost."""
    left, right = wording.pad(text, width), wording.pad(text, width, right=True)
    assert wording.cells(left) == wording.cells(right) == max(width, wording.cells(text))
    assert left.startswith(text)
    assert right.endswith(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain :: text", "plain :: text"),
        ("::error::boo", ": :error::boo"),
        ("  ::stop-commands::x", "  : :stop-commands::x"),
        ("a ##[error]b", "a ## [error]b"),
        ("", ""),
    ],
)
def test_inert(line: str, shown: str) -> None:
    """No line is a workflow command of GitHub: its runner passes over blanks before `::`, and finds `##[` anywhere."""
    assert wording.inert(line) == shown


def test_inline() -> None:
    """A name that a file brought along begins no line of its own."""
    assert wording.inline("a\n::error::b\x1b[0m") == r"a ::error::b\x1b[0m"
