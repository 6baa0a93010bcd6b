"""What can be wrong with a model's table in pyproject.toml, and with any table of ours."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from pytest_llmupgrade.parameters import param_faults
from pytest_llmupgrade.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    TableFault = tuple[tuple[str, ...], str]
    """The keys that lead to a fault, and what is wrong."""

_MODEL_KEYS: Mapping[str, tuple[type, ...]] = {
    "wire_name": (str,),
    "base_url": (str,),
    "api_key_env": (str,),
    "api": (str,),
    "params": (dict,),
    "price": (dict,),
    "gguf": (str,),
    "retires": (date,),
    "timeout_s": (int, float),
    "concurrency": (int,),
    "requests_per_minute": (int, float),
    "tokens_per_minute": (int, float),
    "replay": (bool,),
}
_LIMITS = ("timeout_s", "concurrency", "requests_per_minute", "tokens_per_minute")
_PRICE_KEYS: Mapping[str, tuple[type, ...]] = dict.fromkeys(
    ("input", "output", "cached_input", "batch"), (int, float)
)
_TYPE_WORDS = {
    str: "a text",
    dict: "a table",
    int: "a number",
    float: "a number",
    bool: "true or false",
    date: "a date without quotes, such as 2026-12-31",
}
ADDRESS = "an address such as https://llm.example.com/v1"
_MOST_PORTS = 65_535


def table_faults(
    where: str, table: object, known: Mapping[str, tuple[type, ...]], *inside: str
) -> Iterator[TableFault]:
    """Yield a fault for each key of a table that is unknown or of another type."""
    if not isinstance(table, dict):
        return
    for key, value in table.items():
        if key not in known:
            hint = nearest(key, known) or f"Known: {', '.join(known)}"
            yield (*inside, key), f"[{where}]: unknown key {key!r}. {hint}"
        elif not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
            must = _TYPE_WORDS[known[key][0]]
            yield (*inside, key), f"[{where}]: {key} must be {must}, not {value!r}"


def model_faults(where: str, fields: object) -> Iterator[TableFault]:
    """Yield everything that is wrong with one model's table."""
    if not isinstance(fields, dict):
        yield (), f"[{where}] must be a table"
        return
    yield from table_faults(where, fields, _MODEL_KEYS)
    if fields.get("api", "chat") not in ("chat", "responses"):
        yield ("api",), f"[{where}]: api = {fields['api']!r} is unknown; write 'chat' or 'responses'"
    if isinstance(fields.get("retires"), datetime):
        yield ("retires",), f"[{where}]: retires must be a date without a time, such as 2026-12-31"
    url = fields.get("base_url")
    if isinstance(url, str) and not is_address(url):
        yield ("base_url",), f"[{where}]: base_url must be {ADDRESS}, not {url!r}"
    for key in _LIMITS:
        value = fields.get(key)
        if _is_number(value) and not 0 < value < math.inf:
            yield (key,), f"[{where}]: {key} must be a number above 0, and finite, not {value!r}"
    if isinstance(fields.get("params"), dict):
        for key, message in param_faults(fields["params"]):
            yield ("params", key), f"[{where}]: {message}"
    yield from _price_faults(where, fields.get("price"))


def _price_faults(where: str, price: object) -> Iterator[TableFault]:
    if not isinstance(price, dict):
        return
    yield from table_faults(f"{where}.price", price, _PRICE_KEYS, "price")
    for key in ("input", "output"):
        if key not in price:
            yield ("price",), f"[{where}]: price lacks {key!r}, in USD per million tokens"
    for key in ("input", "output", "cached_input"):
        value = price.get(key)
        if _is_number(value) and not 0 <= value < math.inf:
            yield (
                ("price", key),
                f"[{where}]: price.{key} must be a finite number of at least 0, not {value!r}",
            )
    share = price.get("batch")
    if _is_number(share) and not 0 <= share <= 1:
        yield (
            ("price", "batch"),
            f"[{where}]: price.batch is a share of these prices, such as 0.5, not {share!r}",
        )


def _is_number(value: Any) -> TypeGuard[int | float]:
    # nan compares as false with everything
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_address(text: str) -> bool:
    """Whether a text is the address of a server: http or https, a host, perhaps a port that exists."""
    from urllib.parse import urlsplit

    if not re.fullmatch(r"https?://[^\s]+", text, re.IGNORECASE):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or 0 < parts.port <= _MOST_PORTS)
    except ValueError:
        return False


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line where the last key of a path stands, its table before it; 0 if none does (tomllib tells no lines)."""
    lines = text.splitlines()
    at = 0
    for key in path:
        found = _line_from(lines, at, key)
        if found is None:
            return 0 if at == 0 else at + 1
        at = found
    return at + 1


def _line_from(lines: list[str], start: int, key: str) -> int | None:
    name = re.escape(key)
    pattern = re.compile(rf"""^\s*(\[.*)?["']?{name}["']?\s*(=|\]|\.)|\b{name}["']?\s*=""")
    return next((at for at in range(start, len(lines)) if pattern.search(lines[at])), None)
