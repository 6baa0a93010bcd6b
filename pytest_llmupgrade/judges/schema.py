"""JSON Schema (Draft 2020-12) against hostile values: nothing is fetched, no `pattern` runs for ever."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import JudgeError
from pytest_llmupgrade.judges.values import clipped, escaped, plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from pytest_llmupgrade.model import Json

_NAMED = 3
"""Errors that a reason lists."""
_LONGEST = 200
_PATTERN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Schema:
    """A checked schema for the judge of that name."""

    judge: str
    text: str

    def faults(self, value: Json) -> tuple[str, ...]:
        """Return what is wrong with a value, each as `$.path: what`, () if nothing; JudgeError if undecidable."""
        from referencing.exceptions import Unresolvable

        try:
            return tuple(_line(error) for error in _validator(self.text).iter_errors(value))
        except Unresolvable as error:
            raise JudgeError(
                f"judge {self.judge!r}: the schema refers to {shown(error.ref)}, which is not in it; "
                "nothing is fetched: copy it into the schema's $defs"
            ) from None
        except RecursionError:
            raise JudgeError(
                f"judge {self.judge!r}: the schema refers to itself without end, or the answer is nested too deep"
            ) from None
        except _PatternError as error:
            raise JudgeError(f"judge {self.judge!r}: {error}") from None


def schema_for(judge: str, schema: Json) -> Schema:
    """Check a schema; JudgeError says where it is wrong."""
    from jsonschema.exceptions import SchemaError

    text = json.dumps(plain(schema), sort_keys=True, default=repr)
    try:
        _validator(text)
    except SchemaError as error:
        raise JudgeError(f"judge {judge!r}: the schema itself is wrong: {_shown(error)}") from None
    return Schema(judge, text)


def listed(faults: tuple[str, ...]) -> str:
    """Return the first three faults, each on a line of its own, and how many more there are."""
    more = [f"... and {len(faults) - _NAMED} more"] if len(faults) > _NAMED else []
    return "\n".join([*faults[:_NAMED], *more])


class _PatternError(Exception):
    """A `pattern` that is wrong or took too long."""


@lru_cache(maxsize=128)
def _validator(text: str) -> Validator:
    from jsonschema_specifications import REGISTRY

    validator_class = _validator_class()
    schema = json.loads(text)
    validator_class.check_schema(schema)
    # A registry of one's own: the default one downloads what a $ref names.
    validator: Validator = validator_class(schema, registry=REGISTRY)
    return validator


@cache
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend  # its stub has no types
    return extend(Draft202012Validator, {"pattern": _pattern})


def _pattern(
    _validator: Any, pattern: str, instance: object, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    import regex
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, str):
        return
    try:
        found = regex.search(pattern, instance, timeout=_PATTERN_SECONDS)
    except TimeoutError:
        raise _PatternError(
            f"the schema's pattern {shown(pattern)} took longer than {_PATTERN_SECONDS:g} s"
        ) from None
    except regex.error as error:
        raise _PatternError(
            f"the schema's pattern {shown(pattern)} is no regular expression: {error}"
        ) from None
    if not found:
        yield ValidationError(f"{shown(instance)} does not match {shown(pattern)}")


def _line(error: Any) -> str:
    from jsonschema.exceptions import best_match

    # Descends into the branch of an anyOf that fits best, which says more than 'fits none of them'.
    return _shown(best_match([error]) or error)


def _shown(error: Any) -> str:
    return f"{_tidy(error.json_path)}: {_tidy(error.message)}"


def _tidy(text: str) -> str:
    return clipped(escaped(text[: _LONGEST + 1]), _LONGEST)
