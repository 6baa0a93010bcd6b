"""The decision file: what is in it, and that it is read back as it was written."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.decisions.files import decision_text, read_decision, write_decision
from pytest_llmupgrade.decisions.soundness import sound
from pytest_llmupgrade.decisions.wire import SCHEMA, decision_schema
from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.kept.wire import End
from pytest_llmupgrade.model import PromptUse, Usage
from pytest_llmupgrade.verdict import Change, Evidence, Rule
from pytest_llmupgrade.verdict import decide as decide_evidence
from tests.kept.making import head, keep, record
from tests.rollout.test_proof import DECISION, SAFE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_llmupgrade.model import Record


def records(model: str, *, missed: Iterable[int] = (), cases: int = 100, **more: Any) -> list[Record]:
    """Return one record for each case on a model."""
    gone = set(missed)
    return [
        record(
            f"case-{n}",
            model,
            "missed" if n in gone else "passed",
            usage=Usage(input_tokens=10, output_tokens=2),
            **more,
        )
        for n in range(cases)
    ]


def decide(folder: Path, monkeypatch: pytest.MonkeyPatch, *kept: Sequence[Record], **heads: Any) -> Any:
    """Keep a run, let `llmupgrade report` write its decision, and return the file's JSON."""
    monkeypatch.chdir(folder)
    keep(folder / "run.jsonl", [one for each in kept for one in each], head(**heads))
    assert main(["report", "run.jsonl", "-o", "report.txt", "--decision", "decision.json"]) == 0
    return json.loads((folder / "decision.json").read_text("utf-8"))


def test_one_entry_for_each_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every candidate has its verdict with its figures, the bad ones, too; a model beside itself is none."""
    found = decide(
        tmp_path,
        monkeypatch,
        records("old"),
        records("good"),
        records("bad", missed=range(20)),
        records("old#2"),
        models=("old", "good", "bad", "old#2"),
    )
    Draft202012Validator(decision_schema()).validate(found)
    assert (found["schema"], found["runs"]) == (SCHEMA, ["run"])
    assert found["incumbent"]["model"] == "old"
    good, bad = found["candidates"]
    assert (good["model"], good["verdict"], good["paired"], good["broke"]) == ("good", "safe", 100, 0)
    assert (bad["model"], bad["verdict"], bad["broke"]) == ("bad", "regression", 20)
    assert bad["interval"][0] < bad["difference"] == pytest.approx(-0.2)
    assert (bad["margin"], bad["confidence"]) == (0.05, 0.9)
    assert [(suite["file"], suite["cases"]) for suite in found["suites"]] == [("evals/eval_a.yaml", 100)]


def test_the_file_is_deterministic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run gives the same bytes, whatever the order of its records, one field a line."""
    decide(tmp_path, monkeypatch, records("old"), records("new"))
    first = (tmp_path / "decision.json").read_bytes()
    decide(tmp_path, monkeypatch, records("new")[::-1], records("old"))
    assert (tmp_path / "decision.json").read_bytes() == first
    assert b'\n   "verdict": "safe",\n' in first


def test_prompts_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each model was told stands beside the verdict; a model in two versions has two entries of one model."""

    def use(version: str) -> PromptUse:
        return PromptUse(name="support", version=version, sha256=f"sha of {version}")

    found = decide(
        tmp_path,
        monkeypatch,
        records("old", prompt=use("long")),
        [*versions("new", "long", use("long")), *versions("new", "short", use("short"))],
        models=("old", "new-long", "new-short"),
    )
    told = {each["name"]: (each["model"], each["prompts"]["support"]) for each in found["candidates"]}
    assert set(told) == {"new-long", "new-short"}
    assert {model for model, _ in told.values()} == {"new"}
    assert told["new-short"][1] == {
        "incumbent": {"version": "long", "sha256": "sha of long"},
        "candidate": {"version": "short", "sha256": "sha of short"},
    }


def versions(model: str, version: str, use: PromptUse) -> list[Record]:
    """Return records of a model that was told one version of its prompt."""
    return [
        replace(one, nodeid=f"{one.case_id}[{model}-{version}]", asked_version=version)
        for one in records(model, prompt=use)
    ]


def test_names_on_the_wire_and_money(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model stands as its requests name it, money as a decimal string, and the unpriced as null."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.llmupgrade.models."new"]\nwire_name = "acme-large"\n', encoding="utf-8"
    )
    found = decide(tmp_path, monkeypatch, records("old"), records("new", cost_usd="0.000123"))
    candidate = found["candidates"][0]
    assert (candidate["name"], candidate["model"]) == ("new", "acme-large")
    assert candidate["cost_per_1000_usd"] == "0.123000"
    assert found["incumbent"]["cost_per_1000_usd"] is None


def test_nothing_compared_is_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of one model decides nothing, and says so."""
    monkeypatch.chdir(tmp_path)
    keep(tmp_path / "run.jsonl", records("old"), head(models=("old",)))
    assert main(["report", "run.jsonl", "--decision", "decision.json"]) == 2
    assert "no candidate was compared with an incumbent" in capsys.readouterr().err
    assert not (tmp_path / "decision.json").exists()


def test_an_interrupted_run_is_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was stopped leaves the decision of before as it is."""
    decide(tmp_path, monkeypatch, records("old"), records("new"))
    before = (tmp_path / "decision.json").read_bytes()
    keep(tmp_path / "run.jsonl", records("old"), end=End(exit_reason="interrupted"))
    assert main(["report", "run.jsonl", "-o", "report.txt", "--decision", "decision.json"]) == 2
    assert "the run did not finish (interrupted), so it decided nothing" in capsys.readouterr().err
    assert (tmp_path / "decision.json").read_bytes() == before


def test_nothing_else_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that holds something else is refused before anything is read."""
    monkeypatch.chdir(tmp_path)
    keep(tmp_path / "run.jsonl", records("old"))
    (tmp_path / "package.json").write_text('{"name": "shop"}')
    assert main(["report", "run.jsonl", "--decision", "package.json"]) == 2
    assert "holds something else than a decision" in capsys.readouterr().err
    assert (tmp_path / "package.json").read_text() == '{"name": "shop"}'


def test_two_runs_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`llmupgrade compare` decides on the new run against the old one's incumbent, and names both runs."""
    monkeypatch.chdir(tmp_path)
    keep(tmp_path / "then.jsonl", records("old"), head(models=("old",)))
    keep(tmp_path / "now.jsonl", records("new"), head(models=("new",)))
    main(["compare", "then.jsonl", "now.jsonl", "--decision", "decision.json"])
    found = read_decision(tmp_path / "decision.json", shown="decision.json")
    assert (found.incumbent.model, found.candidates[0].model) == ("old", "new")
    assert found.runs == ("then", "now")


def test_the_shipped_schema() -> None:
    """The package ships the schema that `llmupgrade schema decision` prints."""
    shipped = json.loads(files("pytest_llmupgrade").joinpath("data/decision.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(shipped)
    assert shipped == decision_schema()


def test_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read and written again is the same text."""
    decide(tmp_path, monkeypatch, records("old"), records("new"))
    path = tmp_path / "decision.json"
    text = path.read_text("utf-8")
    read = read_decision(path, shown="decision.json")
    assert decision_text(read) == text
    write_decision(path, read)
    assert path.read_text("utf-8") == text


BAD = [
    (b"", "Expecting value"),
    (b"[]", "its schema is not 'llmupgrade-decision/2'"),
    (b'{"schema": "llmupgrade-report/1"}', "its schema is not"),
    (b'{"schema": "llmupgrade-decision/3"}', "upgrade pytest-llmupgrade"),
    (b'{"schema": "llmupgrade-decision/1"}', "run the suite again with --llm-decision"),
    (b'{"schema": "llmupgrade-decision/2"}', "created: field required"),
    (b"\xff\xfe", ""),
]


@pytest.mark.parametrize(("data", "words"), BAD)
def test_bad_files_are_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    """A file that is no decision is told in one line."""
    path = tmp_path / "decision.json"
    path.write_bytes(data)
    with pytest.raises(FaultyFiles) as caught:
        read_decision(path, shown="decision.json")
    assert str(caught.value).startswith("decision.json: no decision file: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"interval": [-0.9, 0.04]}, "good: safe, though its interval begins at -0.9"),
        ({"difference": 0.5}, "good: the difference 0.5 is outside its interval"),
        ({"interval": None}, "good: safe without an interval"),
        ({"paired": 0}, "good: safe on no case"),
        ({"broke": -1}, "good: a count below 0"),
        ({"paired": 10**400}, "good: a count below 0 or above 1,000,000,000"),
        ({"broke": 400}, "good: 400 broke and 0 were fixed of 100"),
        ({"broke": 30}, "good: its 30 broken and 0 fixed of 100 give another interval"),
        ({"interval": [-0.01, 0.01]}, "good: safe by an interval from -0.01, which 100 cases cannot show"),
        (
            {"paired": 1},
            "good: safe by an interval from -0.026.*, which 1 cases cannot show: from -0.73 at best",
        ),
        ({"paired": 1, "weighted": True}, "good: safe by an interval from"),
        ({"confidence": 0.0}, "good: confidence 0; no rule goes below 0.9"),
        ({"confidence": 0.8}, "good: confidence 0.8; no rule goes below 0.9"),
        ({"margin": 0.99}, "good: margin 0.99; it is a share, of 0.001 to 0.5"),
        ({"margin": 2.0}, "good: margin 2; it is a share"),
    ],
)
def test_an_edited_verdict_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: dict[str, Any], words: str
) -> None:
    """A verdict that its own figures contradict was written by no run, and starts no pilot."""
    found = decide(tmp_path, monkeypatch, records("old"), records("good"), models=("old", "good"))
    found["candidates"][0].update(edit)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(FaultyFiles, match=words):
        read_decision(path, shown="decision.json")


def test_a_date_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision that does not say when it was made is told to be none."""
    found = decide(tmp_path, monkeypatch, records("old"), records("good"), models=("old", "good"))
    path = tmp_path / "decision.json"
    path.write_text(json.dumps({**found, "created": "yesterday"}), encoding="utf-8")
    with pytest.raises(FaultyFiles, match="no decision file: Invalid isoformat string: 'yesterday'"):
        read_decision(path, shown="decision.json")


KINDS = st.lists(
    st.tuples(st.sampled_from((-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0)), st.sampled_from((1.0, 1.0, 2.0, 50.0))),
    min_size=1,
    max_size=60,
)


@given(kinds=KINDS, alike=st.booleans(), repeated=st.booleans(), margin=st.sampled_from((0.05, 0.2, 0.5)))
def test_what_a_run_decides_is_sound(
    *,
    kinds: list[tuple[float, float]],
    alike: bool,
    repeated: bool,
    margin: float,
) -> None:
    """No decision that the rule gives, on whatever cases, weights and repeats, is refused when it is read."""
    changes = tuple(
        Change(
            difference=difference if repeated else float(round(difference * 1.1)),
            weight=1.0 if alike else weight,
            repeated=repeated,
        )
        for difference, weight in kinds
    )
    made = decide_evidence(Evidence(changes=changes), Rule(margin=margin))
    assert made.interval is not None
    broke, fixed = (sum(sign * each.difference > 0 for each in changes) for sign in (-1, 1))
    candidate = replace(
        SAFE,
        verdict=made.verdict,
        difference=made.interval.estimate,
        interval=(made.interval.low, made.interval.high),
        confidence=made.confidence,
        margin=made.margin,
        paired=made.paired,
        broke=broke,
        fixed=fixed,
        weighted=made.equal_weights is not None or made.repeated,
    )
    sound(replace(DECISION, candidates=(candidate,)))


def test_a_decision_knows_its_breaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails the run beside the verdict stands in the decision: a must_pass case, and the gate's thresholds."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.llmupgrade.gate]\nmin_accuracy = 0.999\nmax_cost_ratio = 1.1\n", encoding="utf-8"
    )
    old = records("old", cases=200, cost_usd="0.001")
    new = records("good", cases=200, cost_usd="0.002", missed=(7,))
    new[7] = replace(new[7], must_pass=True)
    found = decide(tmp_path, monkeypatch, old, new, models=("old", "good"))["candidates"][0]
    assert found["verdict"] == "safe"
    assert found["breaches"] == [
        "good: 1 must_pass case did not pass, such as evals/eval_a.yaml::case-7",
        "good: accuracy is 99.5 % of 200 judged cases, below 99.9 %",
        "good: cost is 2.00x the incumbent's, above 1.10x",
    ]


def test_no_link_is_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that a repository brings along under the file's passing name leads nowhere."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / ".decision.json.new").symlink_to("mine.txt")
    decide(tmp_path, monkeypatch, records("old"), records("good"), models=("old", "good"))
    assert (tmp_path / "mine.txt").read_text("utf-8") == "mine"


def test_no_key_stands_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two verdicts the reviewer would read one, and JSON count the other."""
    decide(tmp_path, monkeypatch, records("old"), records("good"), models=("old", "good"))
    path = tmp_path / "decision.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"verdict":', '"verdict": "regression", "verdict":'), encoding="utf-8")
    with pytest.raises(FaultyFiles, match="the key 'verdict' stands twice"):
        read_decision(path, shown="decision.json")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), at=st.floats(0, 1))
def test_broken_bytes_never_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, at: float
) -> None:
    """Whatever a merge or an editor leaves, the file is read or told to be none."""
    path = tmp_path / "decision.json"
    if not (tmp_path / "whole.json").exists():
        decide(tmp_path, monkeypatch, records("old", cases=3), records("new", cases=3))
        path.replace(tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_bytes()
    cut = int(at * len(whole))
    path.write_bytes(whole[:cut] + data + whole[cut + len(data) :])
    told = ""
    try:
        read_decision(path, shown="decision.json")
    except FaultyFiles as error:
        told = str(error)
    assert not told or told.startswith("decision.json: ")
