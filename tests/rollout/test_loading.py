from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.rollout.config import EventMetric, MeanMetric, Step
from pytest_llmupgrade.rollout.loading import load_rollout, parse_rollout
from pytest_llmupgrade.rollout.wire import rollout_schema
from pytest_llmupgrade.run.load.yaml_values import read_yaml
from tests.rollout.making import FILE, changed, rollout

if TYPE_CHECKING:
    from pathlib import Path


def test_the_documented_file() -> None:
    """The file of the documentation means what it says."""
    read = rollout()
    assert (read.id, read.unit, read.mode, read.percent) == ("gpt-4o-2026-11", "conversation", "live", 5)
    assert read.arms["new"].model == "gpt-4o"
    assert read.steps[0] == Step(percent=5, min_duration_s=86400, max_ratio=3, line=7)
    assert read.event_metrics[1] == EventMetric(name="slow", source="latency", threshold_ms=2400, line=13)
    assert read.mean_metrics == (MeanMetric(name="cost_usd", source="cost_usd", max_ratio=3.0, line=15),)
    assert read.fallback_on == {"timeout", "rate_limit", "5xx"}
    assert (read.breaker.window_s, read.max_age_s, read.evidence) == (60, 3600, "decision.json")
    assert read.step_of(25) is read.steps[1]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("mode: live", "mode: lvie", "rollout.yaml:1: rollout.mode must be one of 'live' or 'shadow', not 'lvie'"),
        ("percent: 5\n", "percent: 7\n", "rollout.yaml:5: percent 7 is no step; write one of 0, 5, 25, 50, 100"),
        ("percent: 5\n", "percent: yes\n", "rollout.yaml:5: percent must be a number, not 'yes'"),
        ("percent: 25", "percent: 5", "rollout.yaml:8: steps must rise: 5 comes after 5"),
        ("24h", "24", "rollout.yaml:7: steps.0.min_duration must be a duration such as 500ms, 30s, 5m, 24h or 7d, not 24"),
        ("  - {percent: 100}\n", "", "rollout.yaml:9: the last step must be {percent: 100}: all of the traffic"),
        (", max_ratio: 1.5", "", "rollout.yaml:8: the step 25 lacks max_ratio: what must be excluded before going on?"),
        ("max_ratio: 1.5", "max_ratio: 1", "rollout.yaml:8: steps.1.max_ratio must be more than 1.0, not 1"),
        ("threshold_ms", "treshold_ms", "rollout.yaml:13: unknown key 'treshold_ms' in metrics.slow. Did you mean 'threshold_ms'?"),
        ("source: rating", "source: latency", "rollout.yaml:14: metric 'bad': source latency needs threshold_ms"),
        ("  error: {type: event}", "  eror: {type: event}", "rollout.yaml:12: metric 'eror': type event has no source 'eror'; write source: one of error, latency, first_token, rating"),
        ("max_ratio: 3.0, role", "role", "rollout.yaml:15: metric 'cost_usd' lacks max_ratio: how many times the old arm's mean is too much?"),
        ("  error:", "  Error Rate:", "rollout.yaml:12: 'metrics.Error Rate' is no name for a metric; write small letters, digits and '_'"),
        ("gpt-4o, prompt", "gpt-3.5-turbo, prompt", "rollout.yaml:4: arms.new is the same as arms.old: nothing to roll out; change model or prompt"),
        ("sink: {path: ./pilot}", "", "rollout.yaml:1: lacks sink"),
        ("mode: live", "mode: shadow", "rollout.yaml:5: in mode shadow nobody is answered by the new arm; write percent: 0"),
        ("on_inconclusive: hold", "on_inconclusive: promote", "rollout.yaml:8: the step 25 lacks min_duration: on_inconclusive: promote acts at its end\nrollout.yaml:9: the step 50 lacks min_duration: on_inconclusive: promote acts at its end"),
        ("id: gpt-4o-2026-11", "id: 'a b'", "rollout.yaml:1: rollout.id must be letters, digits, '.', '_' and '-', not 'a b'"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_instead(old: str, new: str, fault: str) -> None:
    """A mistake in the file is one line: where it stands, what is wrong, what to write instead."""
    with pytest.raises(FaultyFiles) as caught:
        rollout((old, new))
    assert str(caught.value) == fault


def test_every_fault_at_once() -> None:
    """All faults of a file are told together, in the order of its lines."""
    text = changed(
        ("mode: live", "mode: no"),
        ("percent: 5\n", "percent: 5\npercent: 25\n"),
        ("max_age: 1h", "max_age: x"),
    )
    with pytest.raises(FaultyFiles) as caught:
        parse_rollout(text.encode(), file="r.yaml")
    assert [fault.line for fault in caught.value.faults] == [1, 6, 20]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"a: &a [*a]", b"\xff", b"rollout: !!python/object:os.system x"]
)
def test_hostile_files_are_faults(data: bytes) -> None:
    """No bytes whatever make the reader raise anything but its own fault."""
    with pytest.raises(FaultyFiles):
        parse_rollout(data, file="r.yaml")


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    """A file that is not there is one line, too."""
    with pytest.raises(FaultyFiles, match=r"r\.yaml: cannot be read: No such file"):
        load_rollout(tmp_path / "r.yaml", file="r.yaml")


def test_the_schema_in_the_package_is_the_reader() -> None:
    """The JSON Schema that editors use is the one the reader goes by, and takes the documented file."""
    shipped = json.loads(files("pytest_llmupgrade").joinpath("data/rollout.schema.json").read_text("utf-8"))
    assert shipped == rollout_schema()
    jsonschema.Draft202012Validator.check_schema(shipped)
    jsonschema.validate(read_yaml(FILE.encode(), "r.yaml")[0], shipped)
