"""What fails a run: which misses fail their items, and what fails the run beside them."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.variants import once_more

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_llmupgrade.model import Case
    from pytest_llmupgrade.plugin.session import LlmSession
    from pytest_llmupgrade.run.summary import Summary
    from pytest_llmupgrade.verdict import Rule
    from pytest_llmupgrade.verdict.table import FailOn


def incumbent_of(session: LlmSession) -> str | None:
    """Return whom the candidates are compared with: a kept baseline, or the first of several columns."""
    if session.baseline is not None:
        return session.baseline.shown
    columns = tuple(session.columns)
    return columns[0] if len(columns) > 1 else None


def fail_on(session: LlmSession) -> FailOn:
    """Return what fails the run: as asked, else a miss with one model and a regression with several."""
    asked = session.options.verdict.fail_on or session.settings.gate.fail_on
    if asked == "miss" or incumbent_of(session) is None:
        return "miss"
    return asked or "regression"


def rule_of(session: LlmSession) -> Rule:
    """Return the rule of this run's verdicts."""
    verdict = session.options.verdict
    return session.settings.gate.rule(margin_pp=verdict.margin, look=verdict.look)


def check_gate(session: LlmSession) -> None:
    """Raise UsageError for flags that contradict the models or the settings."""
    verdict, gate = session.options.verdict, session.settings.gate
    if verdict.look > gate.looks:
        raise UsageError(
            f"--llm-look={verdict.look}: only {gate.looks} is planned; set looks = 2 in [tool.llmupgrade.gate] "
            "before the first look, since it makes each of them stricter"
        )
    if verdict.fail_on not in (None, "miss") and incumbent_of(session) is None:
        raise UsageError(
            f"--llm-fail-on={verdict.fail_on} needs an incumbent and a candidate: --llm-models=OLD,NEW"
        )
    if verdict.decision is not None:
        from pytest_llmupgrade.plugin.deciding import check_decision

        check_decision(session, verdict.decision)


# --- an item ---------------------------------------------------------------------------------------


def excuse(session: LlmSession, case: Case, column: str, passed_before: Callable[[], bool | None]) -> str:
    """Return why a miss in a column does not fail its item, '' where it does.

    `passed_before` judges the incumbent on the same case, and is asked only where it matters; None is unknown, and
    what is unknown is never excused.
    """
    mode, incumbent = fail_on(session), incumbent_of(session)
    if mode == "miss" or incumbent is None:
        return ""
    if column == incumbent:
        return f"{incumbent}, the incumbent, misses it"
    if case.criticality == "must_pass":
        return ""
    if "#" in column and once_more(column, incumbent):
        return f"{column} is the incumbent asked once more"
    if mode == "verdict":
        return "the verdict on all cases decides"
    return f"{incumbent}, the incumbent, misses it, too" if passed_before() is False else ""


def skips(case: Case, model: str) -> bool:
    """Whether a case's rules keep it from a model."""
    return any(rule.action == "skip" and fnmatch(model, rule.pattern) for rule in case.rules)


# --- the run ---------------------------------------------------------------------------------------


def with_breaches(session: LlmSession, summary: Summary) -> Summary:
    """Return the summary with what fails the run beside its items."""
    from pytest_llmupgrade.verdict.breaches import breaches

    gate = session.settings.gate
    return replace(
        summary, breaches=tuple(breaches(gate, fail_on(session), summary.models, summary.comparisons))
    )


def count_breaches(session: pytest.Session) -> None:
    """Make the run fail for its breaches, in the process that knows all of it."""
    config = session.config
    state = config.stash[SESSION]
    if hasattr(config, "workerinput") or not state.planned:
        return
    if fail_on(state) == "verdict" or state.settings.gate.has_thresholds:
        from pytest_llmupgrade.plugin.reporting import summary_of

        session.testsfailed += len(summary_of(state, "finished").breaches)


def warning_before(session: LlmSession) -> str | None:
    """Return what to say before a run whose cases cannot prove the margin."""
    from pytest_llmupgrade.verdict.words import unprovable

    if incumbent_of(session) is None:
        return None
    # of the candidates of `--llm-prompts`, one may be what the incumbent is told now, which is compared with nothing
    tried = max(1, len(session.columns) - 2) if session.options.prompts else 1
    rule = replace(rule_of(session), together=tried)
    return unprovable(rule, max(session.planned.values(), default=0))
