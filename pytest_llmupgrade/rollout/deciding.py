"""Decisions: which arm, under which name; and the thread that keeps what they go by up to date."""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from pytest_llmupgrade.rollout.breaker import Breaker
from pytest_llmupgrade.rollout.buckets import SPACE, call_id, mark_of, read_call_id, unit_hash
from pytest_llmupgrade.rollout.events import Decision

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import ArmName, BreakerRule
    from pytest_llmupgrade.rollout.policy import Policy

POLL_S = 0.5
UNIT: ContextVar[str | None] = ContextVar("llmupgrade_unit", default=None)
"""The unit of the requests in this context."""
log = logging.getLogger("pytest_llmupgrade.rollout")


class Source(Protocol):
    """What decisions go by: files that may change, or whatever a simulation says."""

    @property
    def fault(self) -> str | None:
        """What is wrong with it as it stands."""

    def look(self) -> Policy:
        """Return what is in force now."""


class Decider:
    """Decides for a process; `policy` is replaced as a whole, so a decision takes no lock."""

    def __init__(self, source: Source, *, watches: bool = True) -> None:
        self._watch, self._watches = source, watches
        self.policy = self._watch.look()
        self.breaker = Breaker(self.policy.rollout.breaker)
        self._told: str | None = None
        self._unnamed = False
        self._begin()

    def _begin(self) -> None:
        self._token = f"{mark_of(self.policy.rollout.id)}{secrets.token_hex(4)}"
        self._count = itertools.count()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting, self._looking = threading.Lock(), threading.Lock()

    def after_fork(self) -> None:
        """Take other ids than the parent's, and a thread and locks of one's own."""
        self.breaker = Breaker(self.policy.rollout.breaker)
        self._begin()

    @property
    def fault(self) -> str | None:
        """What is wrong with the file, or with a state, as it stands."""
        return self._watch.fault

    def decide(self, unit: str | None) -> Decision:
        """Return the decision for a unit, by default the context's; without any, each request is its own."""
        if self._thread is None and self._watches:
            self._start()
        policy = self.policy
        name = unit if unit is not None else UNIT.get()
        if name is None or policy.rollout.unit == "request":
            self._note_unnamed(policy.rollout.unit)
            number = secrets.randbelow(SPACE)
        else:
            number = unit_hash(policy.rollout.id, name)
        arm: ArmName = "new" if number < policy.threshold else "old"
        name_of_call = call_id(arm, policy.step, number, f"{self._token}{next(self._count):x}")
        return Decision(arm, name_of_call, number, policy.step, policy.rollout.mode, policy.rollout)

    def named(self, call: str) -> Decision | None:
        """Return the decision behind a call's id; None where it is no id of this rollout."""
        policy = self.policy
        name = read_call_id(call, policy.rollout.id)
        if name is None:
            return None
        return Decision(name.arm, call, name.unit, name.step, policy.rollout.mode, policy.rollout)

    def poll(self) -> None:
        """Look at the file, the environment and the sink now; the thread does so every half second."""
        with self._looking:
            before = self.policy
            policy = self._watch.look()
            if policy != before:
                self._take(policy, before.rollout.breaker)
        if self.fault != self._told:
            self._told = self.fault
            if self.fault is not None:
                log.error("rollout: %s", self.fault)

    def _take(self, policy: Policy, rule: BreakerRule) -> None:
        if policy.rollout.breaker != rule:
            self.breaker = Breaker(policy.rollout.breaker)
        if policy.rollout.id != self.policy.rollout.id:
            self._token = f"{mark_of(policy.rollout.id)}{secrets.token_hex(4)}"
        self.policy = policy
        log.warning(
            "rollout %s: %g %% to the new arm%s",
            policy.rollout.id,
            policy.step,
            f" ({policy.stopped})" if policy.stopped else "",
        )

    def close(self) -> None:
        """Stop the thread; a later decision starts it again."""
        thread, self._thread = self._thread, None
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _start(self) -> None:
        """Look once, for a kill may have come since nobody looked any more, and then let a thread do so."""
        with self._starting:
            if self._thread is None:
                self.poll()
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="llmupgrade-rollout-watch", daemon=True
                )
                self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(POLL_S):
            try:
                self.poll()
            except Exception:
                log.exception("the rollout's file cannot be looked at")

    def _note_unnamed(self, unit: str) -> None:
        if unit != "request" and not self._unnamed:
            self._unnamed = True
            log.warning(
                "a request without a unit is its own %s: pass unit=..., or use router.unit(...)", unit
            )
