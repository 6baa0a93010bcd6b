"""What an exception of a call means for the rollout, by its shape alone: no client library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.rollout.config import FailureName

_BY_STATUS: dict[int, FailureName] = {
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    504: "timeout",
}
_BY_KIND: dict[str, FailureName] = {
    "auth": "auth",
    "not_found": "not_found",
    "quota": "rate_limit",
    "rate_limit": "rate_limit",
    "bad_request": "bad_request",
    "server": "5xx",
    "timeout": "timeout",
    "connection": "connection",
}
"""The kinds of this package's own CallFailure."""
_DEEPEST = 8


def failure_name(error: BaseException) -> FailureName:
    """Return how a call failed: by its status, else by the names of its classes and of its causes'; never raises."""
    try:
        names = (_by_status(each) or _by_failure(each) or _by_class(each) for each in _chain(error))
        return next((name for name in names if name is not None), "other")
    except Exception:  # noqa: BLE001  an exception's own attributes may raise
        return "other"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes; clients wrap what they meet."""
    each: BaseException | None = error
    for _ in range(_DEEPEST):
        if each is None:
            return
        yield each
        each = each.__cause__


def _by_status(error: BaseException) -> FailureName | None:
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        status = getattr(getattr(error, "response", None), "status_code", None)
    if not isinstance(status, int):
        return None
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "5xx" if status >= 500 else "bad_request" if status >= 400 else None  # noqa: PLR2004  HTTP's classes


def _by_failure(error: BaseException) -> FailureName | None:
    return _BY_KIND.get(getattr(getattr(error, "failure", None), "kind", ""))


def _by_class(error: BaseException) -> FailureName | None:
    names = [kind.__name__ for kind in type(error).__mro__]
    if any("Timeout" in name for name in names):
        return "timeout"
    if isinstance(error, ConnectionError) or any("Connect" in name or "Transport" in name for name in names):
        return "connection"
    return "rate_limit" if any("RateLimit" in name for name in names) else None
