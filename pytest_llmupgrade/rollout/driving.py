"""Does what a course says, in a thread or in an event loop."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.course import Course, Outcome, Served


def drive(
    course: Course, call: Callable[[ArmName], Any], sleep: Callable[[float], None] = time.sleep
) -> Served:
    """Follow a course with plain calls; whatever they raise is part of it."""
    outcome: Outcome | None = None
    while True:
        try:
            todo = course.send(outcome)
        except StopIteration as done:
            served: Served = done.value
            return served
        try:
            if isinstance(todo, float):
                sleep(todo)
                outcome = None
            else:
                outcome = call(todo), None
        except BaseException as error:  # noqa: BLE001  it is raised again by the router, once it is recorded
            outcome = None, error


async def adrive(course: Course, call: Callable[[ArmName], Any]) -> Served:
    """Follow a course in an event loop; plain callables are taken, too."""
    outcome: Outcome | None = None
    while True:
        try:
            todo = course.send(outcome)
        except StopIteration as done:
            served: Served = done.value
            return served
        try:
            if isinstance(todo, float):
                await asyncio.sleep(todo)
                outcome = None
            else:
                outcome = await awaited(call(todo)), None
        except BaseException as error:  # noqa: BLE001  as above; CancelledError is among them
            outcome = None, error


async def awaited(value: Any) -> Any:
    """Return a value, or what it brings when awaited."""
    return await value if inspect.isawaitable(value) else value
