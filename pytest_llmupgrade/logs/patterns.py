"""What secrets and personal data look like: patterns of bounded length, with the checks that their makers defined."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_IBAN_LENGTHS = {
    "AD": 24,
    "AE": 23,
    "AT": 20,
    "BE": 16,
    "BG": 22,
    "CH": 21,
    "CY": 28,
    "CZ": 24,
    "DE": 22,
    "DK": 18,
    "EE": 20,
    "ES": 24,
    "FI": 18,
    "FR": 27,
    "GB": 22,
    "GR": 27,
    "HR": 21,
    "HU": 28,
    "IE": 22,
    "IL": 23,
    "IS": 26,
    "IT": 27,
    "LI": 21,
    "LT": 20,
    "LU": 20,
    "LV": 21,
    "MC": 27,
    "MT": 31,
    "NL": 18,
    "NO": 15,
    "PL": 28,
    "PT": 25,
    "RO": 24,
    "SA": 24,
    "SE": 24,
    "SI": 19,
    "SK": 24,
    "TR": 26,
    "UA": 29,
}  # fmt: skip  a table
"""Characters of an IBAN by country (SWIFT's IBAN registry)."""
_CARD_DIGITS = range(13, 20)
_PHONE_DIGITS = range(7, 16)
_HEX_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One kind of thing that must not be written."""

    kind: str
    expression: re.Pattern[str]
    """What is to go is its group `v`, else all of it."""
    length: Callable[[str], int] = len
    """How many characters of what was found are to go; 0: none, it only looks like it."""


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdecimal()]


def _card(text: str) -> int:
    """Return the length of a card number by its check digit (Luhn, ISO/IEC 7812-1), 0 for another number."""
    digits = _digits(text)
    if len(digits) not in _CARD_DIGITS or len(set(digits)) == 1:
        return 0
    doubled = [2 * digit for digit in digits[-2::-2]]
    total = sum(digits[-1::-2]) + sum(double - 9 if double > 9 else double for double in doubled)  # noqa: PLR2004  a digit's limit
    return len(text) if total % 10 == 0 else 0


def _iban(text: str) -> int:
    """Return the length of an IBAN at the start of a text by its check digits (ISO 13616), 0 without one."""
    compact = "".join(text.split()).upper()
    known = _IBAN_LENGTHS.get(compact[:2])
    for length in (known,) if known else range(len(compact), 14, -1):
        if length <= len(compact) and _mod97(compact[:length]):
            return _spanned(text, length)
    return 0


def _mod97(iban: str) -> bool:
    turned = iban[4:] + iban[:4]
    return iban.isascii() and int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _spanned(text: str, count: int) -> int:
    """Return how long a text is up to so many characters that are no spaces."""
    seen = 0
    for at, character in enumerate(text):
        seen += not character.isspace()
        if seen == count:
            return at + 1
    return len(text)


def _phone(text: str) -> int:
    return len(text) if len(_digits(text)) in _PHONE_DIGITS else 0


def _address(text: str) -> int:
    """Return the length of an IP address, 0 for a time, a version or a scope operator."""
    if ":" in text and sum(character != ":" for character in text) < _HEX_DIGITS:
        return 0
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return 0
    return len(text)


def _secret(text: str) -> int:
    """Return the length of a value that is no plain word."""
    return 0 if text.isalpha() or text.startswith("[") else len(text)


def _unnamed(text: str) -> int:
    """Return the length of a value that is no placeholder already."""
    return 0 if text.startswith("[") else len(text)


def _pattern(kind: str, expression: str, length: Callable[[str], int] = len) -> Pattern:
    return Pattern(kind=kind, expression=re.compile(expression), length=length)


_PREFIXED = "|".join(  # noqa: FLY002  a comment beside each
    (
        r"sk-[A-Za-z0-9_-]{16,256}",  # OpenAI, Anthropic, DeepSeek, OpenRouter
        r"(?:sk|rk|pk|whsec)_(?:live|test)?_?[A-Za-z0-9]{16,256}",  # Stripe
        r"(?:AKIA|ASIA|AGPA|AROA|AIDA)[A-Z0-9]{16}",  # AWS
        r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}",
        r"glpat-[A-Za-z0-9_-]{16,64}",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}",  # Slack
        r"AIza[A-Za-z0-9_-]{30,45}|ya29\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{20,40}",  # Google
        r"hf_[A-Za-z0-9]{20,64}|gsk_[A-Za-z0-9]{20,100}|xai-[A-Za-z0-9]{20,128}|pplx-[A-Za-z0-9]{20,100}",
        r"r8_[A-Za-z0-9]{20,64}|nvapi-[A-Za-z0-9_-]{20,128}|tvly-[A-Za-z0-9-]{16,64}|lsv2_[a-z]{2}_[A-Za-z0-9_]{20,100}",
        r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}",  # SendGrid
        r"npm_[A-Za-z0-9]{30,50}|pypi-[A-Za-z0-9_-]{30,300}|dop_v1_[a-f0-9]{40,64}|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}",
        r"eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}(?:\.[A-Za-z0-9_-]{0,2000})?",  # JWT
    )
)
_BEGINNINGS = (
    r"sk-|[sr]k_(?:live|test)|whsec_|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|AIza|ya29\.|hf_|gsk_|xai-|pplx-"
    r"|r8_|nvapi-|tvly-|lsv2_|SG\.|npm_|pypi-|dop_v1_|eyJ"
)
_WHOLE_KEY = re.compile(rf"(?:{_PREFIXED})")
_PIECES = 4
"""Lines over which a key may be wrapped."""


def _wrapped_key(text: str) -> int:
    """Return the length of a key that a mailer or a terminal broke over lines, 0 for a key and the text after it."""
    pieces = [found.span() for found in re.finditer(r"[^\s>|]+", text)]
    while len(pieces) > 1:
        joined = "".join(text[start:end] for start, end in pieces)
        key = joined.rstrip(".-")
        random = all(_DIGIT.search(text[start:end]) for start, end in pieces[1:])
        if random and _WHOLE_KEY.fullmatch(key):
            return pieces[-1][1] - (len(joined) - len(key))
        pieces.pop()
    return 0


_DIGIT = re.compile(r"\d")
"""A line that goes on with a key has one; the word that follows a key has none."""
_NAMED = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|api[_ -]?key|(?:access|auth|refresh)?[_ -]?token|client[_ -]?secret|private[_ -]?key|account[_ -]?key)"

PATTERNS = (
    _pattern(
        "KEY",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,20000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    ),
    _pattern(
        "KEY",
        rf"(?<![A-Za-z0-9])(?:{_BEGINNINGS})[A-Za-z0-9_.-]{{0,4000}}"
        rf"(?:\r?\n[ \t>|]{{0,8}}[A-Za-z0-9_.-]{{4,4000}}){{1,{_PIECES}}}",
        _wrapped_key,
    ),
    _pattern("KEY", rf"(?<![A-Za-z0-9])(?:{_PREFIXED})"),
    _pattern("KEY", r"(?i)\bbearer\s{1,4}(?P<v>[A-Za-z0-9._~+/=-]{12,4000})", _secret),
    _pattern("SECRET", r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,100}:(?P<v>[^\s/@]{1,200})@", _unnamed),
    _pattern("SECRET", rf"(?i){_NAMED}[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?P<v>[^\s\"',;\[\]{{}}]{{4,500}})"),
    _pattern("SECRET", rf"(?i){_NAMED}\s{{1,4}}(?:is|was)\s{{1,4}}[\"']?(?P<v>[^\s\"',;]{{4,500}})", _secret),
    _pattern(
        "EMAIL",
        r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}",
    ),
    _pattern("IBAN", r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \n]?[A-Z0-9]{1,4}){3,9}(?![a-z])", _iban),
    _pattern("IBAN", r"(?<![A-Za-z0-9])[a-z]{2}\d{2}[a-z0-9]{11,30}(?![A-Za-z0-9])", _iban),
    _pattern("CARD", r"(?<![\w.])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w])", _card),
    _pattern("CARD", r"(?<![\w.])[2-6]\d{3}(?:[ -]?\d{4}){0,2}\n(?:\d{4}[ -]?){1,3}(?!\w)", _card),
    _pattern("SSN", r"(?<![\d-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])"),
    _pattern("SSN", r"(?i)\b(?:ssn|social security)\D{0,30}(?P<v>\d{9})(?!\d)"),
    _pattern("IP", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)", _address),
    _pattern("IP", r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?![\w:])", _address),
    _pattern("PHONE", r"(?<![\w.])(?:\+|00)\s?[1-9](?:[ ()./-]{0,2}\d){6,14}(?![\w])", _phone),
    _pattern(
        "PHONE", r"(?<![\w.-])(?:1[-. ])?\(?[2-9]\d{2}\)?[-. ]{1,2}[2-9]\d{2}[-. ]\d{4}(?![\w-])", _phone
    ),
    _pattern("PHONE", r"(?<![\w.,])0[1-9](?:[ ()/-]?\d){7,11}(?![\w])", _phone),
    _pattern(
        "PHONE",
        r"(?i)\b(?:phone|tel|telephone|call|mobile|cell|fax|whatsapp|telefon|handy)\b[^\d\n]{0,20}(?P<v>\d(?:[ ()./-]{0,2}\d){6,14})(?!\w)",
        _phone,
    ),
)
"""In the order in which they are looked for: what is longest and surest first."""

SECRET_NAME = re.compile(rf"(?i)(?:{_NAMED}|authorization|ssn|credentials?)$")
"""Keys of JSON objects whose values go whatever they look like."""
