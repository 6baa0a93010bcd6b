"""Whether a decision file is the evidence for a rollout: SAFE, on its models, its prompts and its cases; pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeAlias

from pytest_llmupgrade import wording
from pytest_llmupgrade.errors import LlmUpgradeError
from pytest_llmupgrade.rollout.ruling import PASSED, Ruling, against
from pytest_llmupgrade.wording import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_llmupgrade.decisions.wire import Asked, Candidate, DecisionFile, Suite
    from pytest_llmupgrade.rollout.change import Change
    from pytest_llmupgrade.rollout.config import Rollout
    from pytest_llmupgrade.verdict import Rule

_OLD_DAYS = 90
"""From this age on a decision's date is told: providers change models behind their names."""
_ROUNDING = 1e-9
PromptNow: TypeAlias = "Callable[[str, str], str]"
"""(prompt, model) -> the SHA-256 of what the model is told now; UsageError where nobody can say."""
SuiteNow: TypeAlias = "Callable[[str], Suite | str]"
"""FILE -> the eval file as it stands now, or why it cannot be read."""
AskedNow: TypeAlias = "Callable[[str, Asked], str]"
"""(FILE, who was asked) -> the SHA-256 of what that model would be sent now; LlmUpgradeError where nobody can say."""


def evidence_ruling(
    change: Change, decision: DecisionFile | str, *, rule: Callable[[], Rule], today: dt.date
) -> Ruling:
    """Return whether an offline run found the new arm's model safe; a text says why there is no decision.

    `rule` is the project's own: a run may have been told a wider margin than that accepts.
    """
    if isinstance(decision, str):
        return against(f"evidence: {decision}", change)
    file, model = change.after.evidence, change.after.arms["new"].model
    found = candidates_for(decision, model)
    if not found:
        others = ", ".join(printable(each.model) for each in decision.candidates)
        return against(f"evidence: {file} decides on {others or 'nobody'}, not on {model}", change)
    if found[0].verdict == "safe":
        weak = [fault for each in _likely(found) for fault in _weak(each, decision, rule())]
        return against(f"evidence: {file}: {weak[0]}", change) if weak else _aged(change, decision, today)
    words = f"evidence: {file}: {verdict_words(found[0])}"
    worse = found[0].verdict == "regression" and change.after.percent > 0
    return Ruling(result="fail", words=words) if worse else against(words, change)


def fingerprint_ruling(
    change: Change,
    decision: DecisionFile | str,
    *,
    prompt_now: PromptNow,
    suite_now: SuiteNow,
    asked_now: AskedNow,
) -> Ruling:
    """Return whether the decision is on the models, prompts, cases and parameters that there are now."""
    if isinstance(decision, str):
        return Ruling(result="noted", words="fingerprint: there is no decision to compare with; see evidence")
    found = candidates_for(decision, change.after.arms["new"].model)
    faults = [
        *_model_faults(change.after, decision),
        *_prompt_faults(change.after, found, prompt_now),
        *_suite_faults(decision, suite_now),
    ] or _asked_faults(decision, found, asked_now)  # whatever differs above was sent otherwise, too
    if not faults:
        return PASSED
    more = f" (and {plural(len(faults) - 1, 'more difference')})" if faults[1:] else ""
    return against(
        f"fingerprint: {change.after.evidence} was decided on something else: {faults[0]}{more}; "
        "run the suite again with --llm-decision",
        change,
    )


def candidates_for(decision: DecisionFile, model: str) -> Sequence[Candidate]:
    """Return what was decided on a model, the safe verdicts first."""
    found = [each for each in decision.candidates if model in (each.model, each.name)]
    return sorted(found, key=lambda each: each.verdict != "safe")


def verdict_words(candidate: Candidate) -> str:
    """Return a verdict that is not SAFE, with its figures."""
    word = candidate.verdict.upper()
    if candidate.difference is None or candidate.interval is None:
        return f"{candidate.name} is {word}: no case was judged on both models"
    return (
        f"{candidate.name} is {word}: {wording.points(candidate.difference)} "
        f"{wording.interval(*candidate.interval)} on {plural(candidate.paired, 'case')}, "
        f"where a drop of {candidate.margin * 100:g} pp is accepted; only SAFE lets a pilot start"
    )


def _aged(change: Change, decision: DecisionFile, today: dt.date) -> Ruling:
    """Return a pass, or the note on a decision that is old: how old it may be is the reviewer's to say."""
    made = dt.datetime.fromisoformat(decision.created).date()
    age = (today - made).days
    if -1 <= age < _OLD_DAYS:
        return PASSED
    when = f"{age:,} days ago" if age > 0 else "which is yet to come"
    words = (
        f"evidence: {change.after.evidence} was decided on {made}, {when}; models change behind their names"
    )
    return Ruling(result="noted", words=words)


def _weak(candidate: Candidate, decision: DecisionFile, rule: Rule) -> Iterator[str]:
    """Yield why a SAFE is none for this project: its run failed otherwise, or it was asked for less than the rule."""
    name, total = printable(candidate.name), candidate.paired + candidate.unpaired
    more = f" (and {len(candidate.breaches) - 1:,} more)" if candidate.breaches[1:] else ""
    for breach in candidate.breaches[:1]:
        yield f"{name} is SAFE, but its run fails: {printable(breach)}{more}"
    if candidate.margin > rule.margin + _ROUNDING:
        yield (
            f"{name} is SAFE within {candidate.margin * 100:g} pp, and [tool.llmupgrade.gate] accepts a drop of "
            f"{rule.margin * 100:g} pp; declare the wider margin there, or run the suite again without --llm-margin"
        )
    if candidate.confidence < rule.confidence - _ROUNDING:
        yield (
            f"{name} is SAFE by a {candidate.confidence * 100:g} % interval, where [tool.llmupgrade.gate] asks "
            f"for {rule.confidence * 100:g} %"
        )
    if candidate.unpaired > rule.max_unpaired * total:
        yield (
            f"{candidate.unpaired:,} of its {plural(total, 'case')} had no verdict on both models, more than "
            f"{rule.max_unpaired * 100:g} %"
        )
    cases = sum(suite.cases for suite in decision.suites)
    if total < cases:
        yield f"{name} was compared on {total:,} of {plural(cases, 'case')}"


# --- what differs ----------------------------------------------------------------------------------


def _model_faults(rollout: Rollout, decision: DecisionFile) -> Iterator[str]:
    old, incumbent = rollout.arms["old"].model, decision.incumbent
    if old not in (incumbent.model, incumbent.name):
        yield f"its incumbent is {printable(incumbent.model)}, arms.old is {old}"


def _prompt_faults(rollout: Rollout, found: Sequence[Candidate], prompt_now: PromptNow) -> Sequence[str]:
    """Return what the prompts of the likest candidate differ in: a model may stand there in several versions."""
    return min(
        (tuple(_told_otherwise(rollout, each, prompt_now)) for each in _likely(found)), key=len, default=()
    )


def _likely(found: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the verdicts that may let a pilot start; where there are none, those that come nearest."""
    safe = [each for each in found if each.verdict == "safe"]
    return [each for each in safe if not each.breaches] or safe or found


def _told_otherwise(rollout: Rollout, candidate: Candidate, prompt_now: PromptNow) -> Iterator[str]:
    for name, arm in rollout.arms.items():
        if arm.prompt is None:
            continue
        both = candidate.prompts.get(arm.prompt)
        told = None if both is None else both.candidate if name == "new" else both.incumbent
        if told is None:
            yield f"no case of it used the prompt {arm.prompt!r} on {arm.model}, which arms.{name} does"
            continue
        try:
            if prompt_now(arm.prompt, arm.model) != told.sha256:
                yield f"the prompt {arm.prompt!r} tells {arm.model} something else now"
        except LlmUpgradeError as error:
            yield str(error)


def _suite_faults(decision: DecisionFile, suite_now: SuiteNow) -> Iterator[str]:
    if not decision.suites:
        yield "no case of it came from an eval file"
    for suite in decision.suites:
        now = suite_now(suite.file)
        if isinstance(now, str):
            yield now
        elif now.cases != suite.cases:
            yield f"{suite.file} has {plural(now.cases, 'case')} now, {suite.cases:,} were run"
        elif now.sha256 != suite.sha256:
            yield f"{suite.file} asks or wants something else now"


def _asked_faults(decision: DecisionFile, found: Sequence[Candidate], asked_now: AskedNow) -> Sequence[str]:
    """Return what either model is sent otherwise now, whatever it is: an inline system message, a temperature."""
    faults = {each.asked: tuple(_sent_otherwise(decision, each.asked, asked_now)) for each in _likely(found)}
    old = tuple(_sent_otherwise(decision, decision.incumbent.asked, asked_now))
    return (*old, *min(faults.values(), key=len, default=()))


def _sent_otherwise(decision: DecisionFile, asked: Asked, asked_now: AskedNow) -> Iterator[str]:
    sent = {suite.file: suite for suite in asked.suites}
    for suite in decision.suites:
        then = sent.get(suite.file)
        if then is None or then.cases != suite.cases:
            count = 0 if then is None else then.cases
            yield f"{printable(asked.model)} was sent {count:,} of the {plural(suite.cases, 'case')} of {suite.file}"
            continue
        try:
            if asked_now(suite.file, asked) != then.sha256:
                yield (
                    f"{suite.file} sends {printable(asked.model)} something else now: messages, parameters, "
                    "tools or the response format"
                )
        except LlmUpgradeError as error:
            yield "; ".join(str(error).splitlines())
