"""Every exception this package raises on purpose.

```text
LlmUpgradeError                 one base: the shell turns it into exit code 4 (pytest) or 2 (CLI)
├── UsageError                  a wrong flag, setting or model name; one clear line
├── FaultyFiles                 what is wrong in eval, prompt or settings files, all of it together
├── CallError                   a call to a model brought no answer; carries a CallFailure
└── JudgeError                  a judge could not decide; never a miss
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_llmupgrade.model import CallFailure


class LlmUpgradeError(Exception):
    """The base of everything this package raises on purpose."""


class UsageError(LlmUpgradeError):
    """A wrong flag, setting or model name, in one line that says what to write instead."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a file: `file:line: case 'id': what, and what to write instead`."""

    file: str
    """Path as the user would write it, relative to the root where it can be."""
    line: int
    """1-based; 0 where the fault has no line (an unreadable file)."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class FaultyFiles(LlmUpgradeError):  # noqa: N818  it names what is at fault
    """What is wrong in one or more files, every fault on a line of its own."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class CallError(LlmUpgradeError):
    """A call to a model brought no answer; `failure` says why."""

    def __init__(self, failure: CallFailure) -> None:
        self.failure = failure
        super().__init__(str(failure))


class JudgeError(LlmUpgradeError):
    """A judge could not decide: it raised, or gave an answer that is neither pass nor miss."""
