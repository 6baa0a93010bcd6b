"""Plain JSON values checked into frozen nouns, by the nouns' own annotations."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_llmupgrade import model

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def checked(kind: type[T], plain: object) -> T:
    """Return the dataclass that plain values describe; ValueError says in one line where they do not.

    Types are taken strictly (no `"1"` for 1); keys that a newer version wrote are passed over.
    """
    from pydantic import ValidationError

    try:
        value: T = _adapter(kind).validate_json(json.dumps(plain, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise ValueError(f"{where}: {what}" if where else what) from None
    return value


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return the checker of a noun, built at first use: it costs a tenth of a second."""
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        # The nouns' modules import each other, and Decimal, for their annotations only.
        namespace = {"Decimal": Decimal, **vars(model), **vars(sys.modules[kind.__module__])}
        adapter.rebuild(force=True, _types_namespace=namespace)
        _ADAPTERS[kind] = adapter
    return _ADAPTERS[kind]
