"""JSON values in an answer: read without trust, compared as JSON does, shown in a few words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typing import TypeGuard

    from pytest_llmupgrade.model import Json

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class NotJson:
    """Why a text is no JSON, in words that fit behind 'the answer is not JSON'."""

    reason: str


def parse_json(text: str) -> Json | NotJson:
    """Read a whole text as one JSON value; NaN, endless nesting and numbers without end are not JSON."""
    try:
        value: Json = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return NotJson(f"{error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        return NotJson("it is nested too deep")
    except ValueError as error:
        return NotJson(str(error).partition(";")[0])
    return value


def parse_answer(text: str, *, fenced: bool) -> Json | NotJson:
    """Read an answer as JSON; with `fenced` it may stand in one Markdown fence, which must be all of it."""
    fence = _FENCE.fullmatch(text.strip())
    if fence is None:
        return parse_json(text)
    if fenced:
        return parse_json(fence[1])
    return NotJson("it stands in a Markdown fence, which `fenced: true` would accept")


def unfenced(text: str) -> str:
    """Return what stands inside of the one Markdown fence around a text, or the text itself."""
    fence = _FENCE.fullmatch(text.strip())
    return fence[1] if fence else text


def json_equal(left: Json, right: Json) -> bool:
    """Compare as JSON does: 1 is 1.0, true is not 1, the order of keys does not count."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(json_equal(left[key], right[key]) for key in left)
    if is_list(left) and is_list(right):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return left == right


def is_list(value: object) -> TypeGuard[Sequence[Json]]:
    """Tell a JSON array: a sequence that is no text."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def shown(value: object, *, longest: int = _LONGEST) -> str:
    """Return a value as JSON on one line, unprintable characters escaped, cut to `longest` characters."""
    text = json.dumps(plain(value), ensure_ascii=False, default=repr)
    return clipped(escaped(text[: longest + 1]), longest)


def pretty(value: object) -> str:
    """Return a value as indented JSON with sorted keys: what a diff compares."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2, sort_keys=True, default=repr)


def plain(value: object) -> object:
    """Return a value with its mappings as dicts and its sequences as lists, which is what `json` writes."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if is_list(value):
        return [plain(inner) for inner in value]
    return value


def quoted(text: str, *, longest: int = _LONGEST) -> str:
    """Return a text in quotes on one line, cut to about `longest` characters."""
    return repr(clipped(text, longest))


def clipped(text: str, longest: int) -> str:
    """Cut a text to `longest` characters, and show that it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def escaped(text: str) -> str:
    r"""Write every character that does not print as JSON's \uXXXX: bidi marks, controls, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
