"""Whether a decision file, and the models' ends, let a pilot start."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.deadlines import Deadline, Match, Notice
from pytest_llmupgrade.decisions.wire import Asked, Candidate, DecisionFile, Incumbent, Suite, Told, ToldBoth
from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.rollout.change import Change
from pytest_llmupgrade.rollout.ends import deadline_ruling, last_day
from pytest_llmupgrade.rollout.proof import evidence_ruling, fingerprint_ruling
from pytest_llmupgrade.rollout.ruling import placed
from pytest_llmupgrade.verdict import Rule
from tests import golden
from tests.rollout.making import rollout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.rollout.config import ArmName
    from pytest_llmupgrade.rollout.ruling import Ruling

FILE = "evals/eval_support.yaml"
SUITE = Suite(file=FILE, cases=120, sha256="suite")
SENT = Suite(file=FILE, cases=120, sha256="sent")
OLD = Asked(model="gpt-3.5-turbo", version=None, suites=(SENT,))
NEW = Asked(model="gpt-4o", version=None, suites=(SENT,))
BOTH = ToldBoth(incumbent=Told(version="v1", sha256="old"), candidate=Told(version="v2", sha256="new"))
SAFE = Candidate(
    name="gpt-4o",
    model="gpt-4o",
    asked=NEW,
    verdict="safe",
    difference=0.01,
    interval=(-0.02, 0.04),
    confidence=0.9,
    margin=0.05,
    paired=120,
    unpaired=0,
    broke=1,
    fixed=2,
    weighted=True,
    breaches=(),
    prompts={"support": BOTH},
)
DECISION = DecisionFile(
    schema="llmupgrade-decision/2",
    created="2026-11-20T10:00:00+00:00",
    plugin_version="0.1.0",
    runs=("run",),
    suite_hash="all",
    suites=(SUITE,),
    judge_models=(),
    incumbent=Incumbent(name="gpt-3.5-turbo", model="gpt-3.5-turbo", asked=OLD),
    candidates=(SAFE,),
)
WORSE = replace(SAFE, verdict="regression", difference=-0.08, interval=(-0.12, -0.04))
UNSURE = replace(SAFE, verdict="inconclusive", difference=-0.01, interval=(-0.06, 0.04))
EMPTY = replace(SAFE, verdict="inconclusive", difference=None, interval=None)
OTHER = replace(SAFE, name="gpt-5", model="gpt-5")
MISSING = "there is no decision.json"

START = Change(after=rollout(), before=rollout(("percent: 5\n", "percent: 0\n")), compared=True)
PRESENT = Change(after=rollout(), before=None, compared=False)
NOTHING = Change(after=rollout(("percent: 5\n", "percent: 0\n")), before=None, compared=False)


def decided(*candidates: Candidate) -> DecisionFile:
    """Return a decision on these candidates."""
    return replace(DECISION, candidates=candidates)


def evidence(
    decision: DecisionFile | str,
    *,
    change: Change = START,
    rule: Rule | None = None,
    today: str = "2026-11-25",
) -> Ruling:
    """Return the ruling under a rule on a day."""
    return evidence_ruling(change, decision, rule=lambda: rule or Rule(), today=dt.date.fromisoformat(today))


BREACHES = ("gpt-4o: 1 must_pass case did not pass, such as eval_a.yaml::a", "gpt-4o: cost is 2.00x")
WIDE = replace(SAFE, margin=0.2)
WEAK = {
    "a breach": evidence(decided(replace(SAFE, breaches=BREACHES[:1]))),
    "two breaches": evidence(decided(replace(SAFE, breaches=BREACHES))),
    "a wide margin": evidence(decided(WIDE)),
    "one look of two": evidence(DECISION, rule=Rule(looks=2)),
    "unpaired": evidence(decided(replace(SAFE, unpaired=500))),
    "few cases": evidence(decided(replace(SAFE, paired=60))),
}
DATED = {"old": evidence(DECISION, today="2027-11-25"), "to come": evidence(DECISION, today="2026-11-01")}


def test_a_weak_safe_is_no_evidence() -> None:
    """SAFE starts nothing where its run failed otherwise, or where it was asked for less than the project's rule."""
    assert {ruling.result for ruling in WEAK.values()} == {"fail"}
    text = "".join(f"# {story}\n{placed(START, ruling)}\n" for story, ruling in (WEAK | DATED).items())
    golden.check("rollout/weak.txt", text)
    assert evidence(decided(WIDE), rule=Rule(margin=0.2)).result == "pass"
    assert evidence(decided(WIDE), change=PRESENT).result == "noted"


def test_an_old_decision_is_told() -> None:
    """Nothing says how old a decision may be, so its age stops nobody and is said; so is a day that is yet to come."""
    assert {ruling.result for ruling in DATED.values()} == {"noted"}
    assert evidence(DECISION, today="2027-02-01").result == "pass"


def test_what_failed_otherwise_lends_no_prompts() -> None:
    """Of two SAFE versions of a prompt, the one whose run failed does not let the pilot start with its text."""
    other = ToldBoth(incumbent=BOTH.incumbent, candidate=Told(version="v3", sha256="terse"))
    both = decided(replace(SAFE, breaches=BREACHES), replace(SAFE, prompts={"support": other}))
    assert evidence(both).result == "pass"
    assert fingerprint(both).result == "fail"


@pytest.mark.parametrize(
    ("change", "decision", "result"),
    [
        (START, DECISION, "pass"),
        (START, decided(OTHER, SAFE), "pass"),
        (START, decided(UNSURE, SAFE), "pass"),  # the same model told otherwise; the fingerprint says which
        (START, decided(WORSE), "fail"),
        (START, decided(UNSURE), "fail"),
        (START, decided(EMPTY), "fail"),
        (START, decided(OTHER), "fail"),
        (START, MISSING, "fail"),
        (PRESENT, decided(WORSE), "fail"),
        (PRESENT, decided(UNSURE), "noted"),
        (PRESENT, decided(OTHER), "noted"),
        (PRESENT, MISSING, "noted"),
        (NOTHING, decided(WORSE), "noted"),
        (NOTHING, MISSING, "noted"),
    ],
)
def test_only_safe_starts(change: Change, decision: DecisionFile | str, result: str) -> None:
    """A pilot starts on a SAFE verdict on its very model; where nothing starts, only a regression fails."""
    assert evidence(decision, change=change).result == result


def fingerprint(
    decision: DecisionFile,
    *,
    prompts: Mapping[tuple[str, str], str] | None = None,
    suite: Suite | str = SUITE,
    sent: Mapping[str, str] | None = None,
    change: Change = START,
) -> Ruling:
    """Return the ruling where prompts, suite and what each model is sent are as given now."""
    now = prompts or {("support", "gpt-3.5-turbo"): "old", ("support", "gpt-4o"): "new"}

    def prompt_now(name: str, model: str) -> str:
        if (name, model) not in now:
            raise UsageError(f"unknown prompt {name!r} (prompts.yaml). Known: terse")
        return now[name, model]

    return fingerprint_ruling(
        change,
        decision,
        prompt_now=prompt_now,
        suite_now=lambda _file: suite,
        asked_now=lambda _file, asked: (sent or {}).get(asked.model, "sent"),
    )


OLD_ONLY = {("support", "gpt-3.5-turbo"): "old"}
STORIES = {
    "another incumbent": fingerprint(
        replace(DECISION, incumbent=replace(DECISION.incumbent, name="gpt-4", model="gpt-4")),
    ),
    "a prompt was edited": fingerprint(DECISION, prompts={**OLD_ONLY, ("support", "gpt-4o"): "edited"}),
    "a prompt is gone": fingerprint(DECISION, prompts=OLD_ONLY),
    "the prompt was never run": fingerprint(decided(replace(SAFE, prompts={}))),
    "a case was added": fingerprint(DECISION, suite=replace(SUITE, cases=121)),
    "a case was edited": fingerprint(DECISION, suite=replace(SUITE, sha256="edited")),
    "the suite is gone": fingerprint(DECISION, suite=f"{FILE} is gone"),
    "the new model is sent something else": fingerprint(DECISION, sent={"gpt-4o": "hotter"}),
    "both are": fingerprint(DECISION, sent={"gpt-4o": "hotter", "gpt-3.5-turbo": "hotter"}),
    "some of it was not sent": fingerprint(decided(replace(SAFE, asked=replace(NEW, suites=())))),
    "no suite": fingerprint(replace(DECISION, suites=())),
    "all of it": fingerprint(
        replace(DECISION, incumbent=replace(DECISION.incumbent, name="gpt-4", model="gpt-4")),
        suite=f"{FILE} is gone",
    ),
    "a regression": evidence(decided(WORSE)),
    "inconclusive": evidence(decided(UNSURE)),
    "nothing judged": evidence(decided(EMPTY)),
    "another model": evidence(decided(OTHER)),
}


def test_golden_sentences() -> None:
    """What a decision lacks as evidence is said in one sentence, the first difference by name."""
    text = "".join(f"# {story}\n{placed(START, ruling)}\n" for story, ruling in STORIES.items())
    golden.check("rollout/proof.txt", text)
    assert {ruling.result for ruling in STORIES.values()} == {"fail"}


def test_the_same_is_the_same() -> None:
    """Where models, prompts and cases are as they were, the fingerprint passes."""
    assert fingerprint(DECISION).result == "pass"
    named = replace(DECISION, incumbent=replace(DECISION.incumbent, model="deployment-7"))
    assert fingerprint(named).result == "pass"


def test_of_several_versions_the_one_that_serves_counts() -> None:
    """A model that was run in two versions of a prompt is evidence for the one that is SAFE and in use."""
    other = ToldBoth(incumbent=BOTH.incumbent, candidate=Told(version="v3", sha256="terse"))
    assert fingerprint(decided(replace(SAFE, prompts={"support": other}), SAFE)).result == "pass"
    unsafe = replace(UNSURE, prompts={"support": BOTH})
    assert fingerprint(decided(unsafe, replace(SAFE, prompts={"support": other}))).result == "fail"


def test_where_nothing_starts_a_difference_is_noted() -> None:
    """Editing the suite while the pilot runs breaks no plain local run."""
    assert fingerprint(DECISION, suite=replace(SUITE, cases=121), change=PRESENT).result == "noted"


# --- the models' ends --------------------------------------------------------------------------------

TODAY = dt.date(2026, 11, 25)
RAISE = Change(after=rollout(("percent: 5\n", "percent: 25\n")), before=rollout(), compared=True)
LONG = ("{percent: 25, max_ratio: 1.5}", "{percent: 25, min_duration: 20d, max_ratio: 1.5}")
LONG_START = Change(after=rollout(LONG), before=None, compared=True)
LONG_RAISE = Change(
    after=rollout(LONG, ("percent: 5\n", "percent: 25\n")), before=rollout(LONG), compared=True
)


AT_ONCE = Change(
    after=rollout(
        ("percent: 5\n", "percent: 100\n"),
        (
            "  - {percent: 5,  min_duration: 24h, max_ratio: 3}\n  - {percent: 25, max_ratio: 1.5}\n  - {percent: 50, max_ratio: 1.25}\n",
            "",
        ),
    ),
    before=None,
    compared=True,
)


def notice(name: str, days: int | None, *, earliest: bool = False) -> Notice:
    """Return a notice of a model that ends in so many days; None: no day is named."""
    shutdown = None if days is None else TODAY + dt.timedelta(days=days)
    row = Deadline(
        provider="openai", id=name, shutdown=shutdown, source="a test", checked=TODAY, earliest=earliest
    )
    return Notice(roles=(), match=Match(name=name, deadline=row), today=TODAY)


def ends(change: Change, **days: Notice) -> Ruling:
    """Return the ruling on arms that end so."""
    notices: dict[ArmName, Notice] = {}
    if "new" in days:
        notices["new"] = days["new"]
    if "old" in days:
        notices["old"] = days["old"]
    return deadline_ruling(change, notices, today=TODAY)


def test_the_last_day() -> None:
    """A rollout can be over when the steps that are left have lasted as long as they must."""
    assert last_day(rollout(), TODAY) == dt.date(2026, 11, 26)
    assert last_day(rollout(LONG), TODAY) == dt.date(2026, 12, 16)
    assert last_day(rollout(("percent: 5\n", "percent: 100\n")), TODAY) == TODAY


@pytest.mark.parametrize(
    ("change", "new", "old", "result"),
    [
        (LONG_START, None, None, "pass"),
        (LONG_START, 90, 90, "pass"),
        (LONG_START, 15, None, "fail"),
        (LONG_START, None, 15, "fail"),
        (LONG_START, None, -3, "fail"),
        (LONG_RAISE, 15, None, "fail"),
        (LONG_RAISE, None, 15, "noted"),
        (PRESENT, -3, -3, "noted"),
        (LONG_START, 40, None, "noted"),
        (LONG_START, None, 40, "pass"),
        (RAISE, -1, None, "fail"),
        (AT_ONCE, None, -33, "noted"),
        (AT_ONCE, -1, None, "fail"),
    ],
)
def test_ends(change: Change, new: int | None, old: int | None, result: str) -> None:
    """Neither model may end before the rollout can; later the old one's end is only noted."""
    assert ends(change, new=notice("gpt-4o", new), old=notice("gpt-3.5-turbo", old)).result == result


def test_an_earliest_date_stops_nobody() -> None:
    """A day before which a model is not shut down is no announcement."""
    assert ends(LONG_START, new=notice("gpt-4o", 3, earliest=True)).result == "noted"


def test_ends_in_words() -> None:
    """The end is told in words, with the day on which the rollout could be over."""
    told = [
        ends(LONG_START, new=notice("gpt-4o", 15), old=notice("gpt-3.5-turbo", -33)),
        ends(LONG_RAISE, old=notice("gpt-3.5-turbo", 15)),
        ends(LONG_START, new=notice("gpt-4o", 40)),
    ]
    golden.check("rollout/ends.txt", "".join(f"{placed(LONG_START, each)}\n" for each in told))
