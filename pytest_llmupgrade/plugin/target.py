"""`llm_target`: the project's own function in place of the bare model."""

from __future__ import annotations

import inspect
import time
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import CallError, LlmUpgradeError, UsageError
from pytest_llmupgrade.model import CallFailure, Completion
from pytest_llmupgrade.plugin.internals import is_builtin_fixture
from pytest_llmupgrade.providers.reading import from_sdk_object

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_llmupgrade.model import Case
    from pytest_llmupgrade.plugin.asking import Llm
    from pytest_llmupgrade.plugin.trial import Trial


OVER = CallFailure(kind="cancelled", message="not run: the run was stopped")


def check_target(item: pytest.Item, target: object) -> None:
    """Raise UsageError for a project's `llm_target` that is no function: the bare model must not stand in unseen."""
    if callable(target) or (target is None and is_builtin_fixture(item, "llm_target")):
        return
    what = "None" if target is None else f"a value of type {type(target).__name__}"
    raise UsageError(f"llm_target in conftest.py returned {what}: return the function")


def run_target(
    target: Callable[..., Any], case: Case, llm: Llm, trial: Trial, wait: Callable[[Any], Any]
) -> Completion:
    """Call the project's function and return its answer as a completion; CallError where it raised.

    `wait` runs an awaitable on the loop that all of a run's share, so that one client may serve them.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    try:
        value = target(case, llm)
        if inspect.isawaitable(value):
            value = wait(value)
    except LlmUpgradeError:
        raise
    except CancelledError:
        raise CallError(OVER) from None
    except Exception as error:
        raise CallError(_failure(error)) from error
    latency_ms = (time.perf_counter() - start) * 1000
    completion = _completion(value, latency_ms)
    if all(completion is not counted for counted in trial.completions):
        _count(llm, trial, completion)
    return completion


def _failure(error: Exception) -> CallFailure:
    text = str(error).strip().partition("\n")[0]
    return CallFailure(kind="target", message=f"llm_target raised {type(error).__name__}: {text}")


def _completion(value: object, latency_ms: float) -> Completion:
    if isinstance(value, Completion):
        return value if value.latency_ms or value.batch else replace(value, latency_ms=latency_ms)
    if isinstance(value, str):
        return Completion(text=value, latency_ms=latency_ms)
    answer = from_sdk_object(value)
    if isinstance(answer, CallFailure):
        raise CallError(answer if _is_answer(value) else _no_answer(value))
    return replace(answer, latency_ms=latency_ms)


def _is_answer(value: object) -> bool:
    """Whether a value is a response of either API, such as one that says what went wrong."""
    names = ("choices", "output", "error")
    return any(name in value if isinstance(value, dict) else hasattr(value, name) for name in names)


def _no_answer(value: object) -> CallFailure:
    what = "None" if value is None else f"a value of type {type(value).__name__}"
    wanted = "return a text, a Completion or what the openai client returned"
    return CallFailure(kind="target", message=f"llm_target returned {what}; {wanted}")


def _count(llm: Llm, trial: Trial, completion: Completion) -> None:
    """Count what the function returned; what it asked through `llm` has been counted and priced already."""
    if trial.completions and completion.usage is None:
        trial.completions.append(completion)
    else:
        llm.count(completion)
