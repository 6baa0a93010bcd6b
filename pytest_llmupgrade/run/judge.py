"""Judge: every judge's word on a completion, as judgements; a broken judge is an error, never a miss."""

from __future__ import annotations

import asyncio
import inspect
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import JudgeError, LlmUpgradeError
from pytest_llmupgrade.model import Judgement, Verdict
from pytest_llmupgrade.wording import nearest, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from types import TracebackType

    from pytest_llmupgrade.model import Case, Completion, Judge, JudgeSpec

_HERE = str(Path(__file__).parent.parent)
_POSITIONAL = 2
"""`(completion, case)` come first; the rest of a judge's parameters are its options."""


def judge_completion(
    completion: Completion, case: Case, judges: Iterable[tuple[JudgeSpec, Judge]]
) -> tuple[Judgement, ...]:
    """Return every judge's judgement, in order; JudgeError where one cannot decide."""
    return tuple(_judgement(completion, case, spec, judge) for spec, judge in judges)


def _judgement(completion: Completion, case: Case, spec: JudgeSpec, judge: Judge) -> Judgement:
    __tracebackhide__ = True
    if not callable(judge):
        raise JudgeError(f"judge {spec.name!r} is no function but {type(judge).__name__}; return a callable")
    _check_options(spec, judge)
    verdict = _verdict(completion, case, spec, judge)
    if spec.negated:
        reason = verdict.reason or f"{spec.name} {'passed' if verdict.passed else 'missed'}"
        verdict = Verdict(not verdict.passed, reason, verdict.calls)
    return Judgement(judge=spec.label, passed=verdict.passed, reason=verdict.reason, calls=verdict.calls)


def _verdict(completion: Completion, case: Case, spec: JudgeSpec, judge: Judge) -> Verdict:
    __tracebackhide__ = True
    try:
        value: Any = judge(completion, case, **spec.options)
        if inspect.isawaitable(value):
            value = _run(_wait(value))
    except AssertionError as error:
        return Verdict(passed=False, reason=str(error) or "an assertion failed")
    except LlmUpgradeError:
        raise
    except Exception as error:
        raise JudgeError(_broken(spec, error)) from error
    if isinstance(value, Verdict):
        return value
    if value is None or isinstance(value, bool):
        return Verdict(value is not False)
    raise JudgeError(
        f"judge {spec.name!r} returned {shorten(one_line(repr(value)), 80)}; return True, False or a Verdict"
    )


# --- awaiting --------------------------------------------------------------------------------------


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, beside a loop that may be running in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(asyncio.run(coroutine)))
    thread.start()
    thread.join()
    return box[0]


# --- a judge that is wrong -------------------------------------------------------------------------


def _broken(spec: JudgeSpec, error: Exception) -> str:
    text = shorten(one_line(str(error)), 200)
    return f"judge {spec.name!r} raised {type(error).__name__}: {text}{_place(error.__traceback__)}"


def _place(traceback: TracebackType | None) -> str:
    """Return ` (file.py:12)` for the innermost frame outside this package."""
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(_HERE):
            place = f" ({Path(code.co_filename).name}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place


def _check_options(spec: JudgeSpec, judge: Judge) -> None:
    known = _options(judge)
    if known is None:
        return
    for name in spec.options:
        if name not in known:
            hint = nearest(name, known) or f"It takes: {', '.join(known) or 'none'}"
            raise JudgeError(f"judge {spec.name!r} takes no option {name!r}. {hint}")
    lacking = [name for name, required in known.items() if required and name not in spec.options]
    if lacking:
        raise JudgeError(
            f"judge {spec.name!r} needs the option {lacking[0]!r}: {{{spec.name}: {{{lacking[0]}: ...}}}}"
        )


@lru_cache(maxsize=1024)
def _options(judge: Judge) -> Mapping[str, bool] | None:
    """Return a judge's options with whether each is required; None where it takes any."""
    try:
        parameters = list(inspect.signature(judge).parameters.values())
    except (TypeError, ValueError):  # some callables of C code tell no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return {
        parameter.name: parameter.default is parameter.empty
        for parameter in parameters[_POSITIONAL:]
        if parameter.kind is not parameter.VAR_POSITIONAL
    }
