"""Judge: from a completion and a case's judges to what each of them says."""

from __future__ import annotations

import inspect
import sysconfig
import traceback
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import JudgeError, LlmUpgradeError
from pytest_llmupgrade.model import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pytest_llmupgrade.model import Case, Completion, Judge, JudgeSpec

_PACKAGE = str(Path(__file__).parents[1])
_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_LONGEST = 300


def judge_completion(
    completion: Completion, case: Case, judges: Sequence[tuple[JudgeSpec, Judge]]
) -> tuple[Judgement, ...]:
    """Ask every judge, also after a miss; JudgeError where one cannot decide, CallError where its call fails."""
    return tuple(_judgement(completion, case, spec, judge) for spec, judge in judges)


def _judgement(completion: Completion, case: Case, spec: JudgeSpec, judge: Judge) -> Judgement:
    __tracebackhide__ = True
    verdict = _verdict(completion, case, spec, judge)
    passed, reason = verdict.passed, verdict.reason
    if spec.negated:
        passed = not passed
        reason = reason or f"{spec.name} {'misses' if passed else 'passes'}"
    elif not passed:
        reason = reason or f"{spec.name} gave no reason"
    return Judgement(judge=spec.label, passed=passed, reason=reason, calls=verdict.calls)


def _verdict(completion: Completion, case: Case, spec: JudgeSpec, judge: Judge) -> Verdict:
    __tracebackhide__ = True
    _check_options(spec, judge)
    try:
        result: object = judge(completion, case, **spec.options)
        if inspect.isawaitable(result):
            result = _run(result)
    except LlmUpgradeError:
        raise
    except AssertionError as error:
        return Verdict(passed=False, reason=str(error) or f"an assert failed{_place(error)}")
    except Exception as error:
        raise JudgeError(
            f"judge {spec.name!r} raised {type(error).__name__}: {_first_line(str(error))}{_place(error)}"
        ) from error
    return _as_verdict(result, spec)


def _as_verdict(result: object, spec: JudgeSpec) -> Verdict:
    if isinstance(result, Verdict):
        return result
    if result is None or isinstance(result, bool):
        return Verdict(passed=result is not False)
    raise JudgeError(
        f"judge {spec.name!r} returned {_first_line(repr(result))} ({type(result).__name__}): "
        "return True, False or a Verdict, or assert"
    )


def _run(result: Awaitable[object]) -> object:
    """Run an async judge to its end; beside a loop that runs already, in a thread of its own."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(result))
    import contextvars
    from concurrent.futures import ThreadPoolExecutor

    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="llmupgrade-judge") as thread:
        return thread.submit(context.run, asyncio.run, _awaited(result)).result()


async def _awaited(result: Awaitable[object]) -> object:
    return await result


# --- options ---------------------------------------------------------------------------------------


def _check_options(spec: JudgeSpec, judge: Judge) -> None:
    """Raise JudgeError for options that the judge's signature does not take, before it runs."""
    __tracebackhide__ = True
    try:
        fault = _option_fault(judge, spec.name, tuple(spec.options))
    except TypeError:  # the judge is not hashable, so nothing of it can be kept
        fault = _option_fault.__wrapped__(judge, spec.name, tuple(spec.options))
    if fault:
        raise JudgeError(fault)


@lru_cache(maxsize=512)
def _option_fault(judge: object, name: str, options: tuple[str, ...]) -> str | None:
    """Return what is wrong with the names of the options, None if nothing is."""
    if not callable(judge):
        return f"judge {name!r} is no function, but {type(judge).__name__}: a judge is a fixture that returns one"
    try:
        signature = inspect.signature(judge)
    except (ValueError, TypeError):  # a function written in C tells nothing
        return None
    try:
        signature.bind(None, None, **dict.fromkeys(options))
    except TypeError as error:
        return _explained(name, options, list(signature.parameters.values()), error)
    return None


def _explained(
    name: str, options: Sequence[str], parameters: Sequence[inspect.Parameter], error: TypeError
) -> str:
    taken = _option_names(parameters)
    listing = f"It takes: {', '.join(taken)}." if taken else "It takes no options."
    for option in options:
        if option not in taken and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return f"judge {name!r} takes no option {option!r}{_hint(name, option, taken)} {listing}"
    needed = [
        p.name for p in parameters if p.name in taken and p.default is p.empty and p.name not in options
    ]
    if needed:
        return f"judge {name!r} needs the option {needed[0]!r}. {listing}"
    return f"judge {name!r} cannot be called as (completion, case, **options): {error}"


def _option_names(parameters: Sequence[inspect.Parameter]) -> tuple[str, ...]:
    """Return the parameters that YAML can set: all but the first two positional ones and the starred."""
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = (p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return tuple(one for one in named if one not in positional[:2])


def _hint(name: str, option: str, taken: Sequence[str]) -> str:
    from pytest_llmupgrade.wording import nearest

    if option == "expected":
        return f", which is what `{name}: VALUE` sets."
    guess = nearest(option, taken)
    if guess or "expected" not in taken:
        return f". {guess}".rstrip()
    return f"; to compare with a mapping, write `{name}: {{expected: {{...}}}}`."


# --- errors ----------------------------------------------------------------------------------------


def _place(error: BaseException) -> str:
    """Return ` (file.py:12)`: the innermost frame of the project, else of a library, never one of ours."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_PACKAGE, "<"))
    ]
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)] or frames
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _first_line(text: str) -> str:
    from pytest_llmupgrade.wording import one_line, shorten

    return shorten(one_line(text.strip().partition("\n")[0]), _LONGEST)
