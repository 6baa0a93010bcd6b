"""`llmupgrade calibrate`: figures as statsmodels gives them, faults told by line, reports that quote them."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from pytest_llmupgrade.calibration.record import (
    FILE,
    Calibration,
    figures,
    keep_calibration,
    read_calibrations,
)
from pytest_llmupgrade.cli import main
from pytest_llmupgrade.judges.identity import JudgeIdentity
from pytest_llmupgrade.model import JudgeCall, Judgement
from tests.kept.making import head, keep, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server import LlmServer
    from tests.wire import Call

PAIRS = 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llm_server: LlmServer) -> Path:
    """Return a project whose judge is the scripted server: it passes what says 'judge: pass'."""
    monkeypatch.chdir(tmp_path)
    for name, value in llm_server.environment().items():
        monkeypatch.setenv(name, value)

    def verdict(call: Call) -> Any:
        passed = "judge: pass" in call.text
        said = {"reason": "so it seems", "verdict": "pass" if passed else "fail"}
        return llm_server.said(json.dumps(said))

    llm_server.when(verdict)
    return tmp_path


def labelled(folder: Path, seed: int = 3) -> tuple[Path, list[tuple[bool, bool]]]:
    """Write 120 answers on which judge and person mostly agree; return the file and the labels (human, judge)."""
    chance = random.Random(seed)  # noqa: S311  the same labels each time
    cells = [
        (human := chance.random() < 0.6, human if chance.random() < 0.85 else not human) for _ in range(PAIRS)
    ]
    said = {True: "pass", False: "fail"}
    pairs = [
        {
            "id": f"p{n}",
            "input": f"Question {n}?",
            "answer": f"{n}. judge: {said[judge]}",
            "human": said[human],
        }
        for n, (human, judge) in enumerate(cells)
    ]
    path = folder / "labels.yaml"
    path.write_text(yaml.safe_dump({"pairs": pairs}, sort_keys=False))
    return path, cells


def test_the_figures_are_those_of_statsmodels(
    folder: Path, llm_server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kappa, sensitivity and specificity with their intervals are what statsmodels gives for the same labels."""
    path, cells = labelled(folder)
    assert main(["calibrate", str(path), "--judge-model=judge"]) == 0
    assert len(llm_server.calls) == PAIRS
    (kept,) = read_calibrations(folder / FILE)
    known = figures(kept)
    counts = np.array([[cells.count((h, j)) for j in (True, False)] for h in (True, False)])
    wanted = cohens_kappa(counts)
    kappa = known["kappa"]
    assert kappa is not None
    assert (kappa.estimate, kappa.low, kappa.high) == pytest.approx(
        (wanted.kappa, wanted.kappa_low, wanted.kappa_upp), abs=1e-9
    )
    for name, row in (("sensitivity", counts[0]), ("specificity", counts[1][::-1])):
        value = known[name]
        assert value is not None
        low, high = proportion_confint(row[0], row.sum(), method="wilson")
        assert (value.estimate, value.low, value.high) == pytest.approx(
            (row[0] / row.sum(), low, high), abs=1e-9
        )
    said = capsys.readouterr().out
    disagreements = [line for line in said.splitlines() if ": human " in line]
    assert len(disagreements) == counts[0][1] + counts[1][0]
    assert f"kappa        {wanted.kappa:.3f}" in said


def test_a_second_calibration_asks_nothing(folder: Path, llm_server: LlmServer) -> None:
    """Votes are stored as every answer is, and the same judge's figures take the place of the old ones."""
    path, _ = labelled(folder)
    main(["calibrate", str(path), "--judge-model=judge"])
    main(["calibrate", str(path), "--judge-model=judge"])
    assert len(llm_server.calls) == PAIRS
    main(["calibrate", str(path), "--judge-model=another"])
    assert [one.judge.model for one in read_calibrations(folder / FILE)] == ["judge", "another"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pairs: []", "labels.yaml:1: has no pairs; write pairs: "),
        (
            "pairs:\n  - {input: a, answer: b, human: maybe}",
            "labels.yaml:2: pair 1: human must be pass or fail, not 'maybe'",
        ),
        (
            "pairs:\n  - {answer: b, human: pass}",
            "labels.yaml:2: pair 1: write either input, a text, or messages, a list",
        ),
        (
            "pairs:\n  - {input: a, answer: 1, human: pass}",
            "labels.yaml:2: pair 1: answer must be a text, not 1",
        ),
        (
            "pairs:\n  - {input: a, answer: b, human: pass, x: 1}",
            "labels.yaml:2: pair 1: unknown key 'x'; known: id, ",
        ),
        ("pairs:\n  - 3", "labels.yaml:2: pair 1: must be a mapping, not 3"),
        ("pairs: [", "labels.yaml:"),
    ],
)
def test_faults_are_told_by_line(
    folder: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A faulty file is told of with file and line, exit code 2, and nothing is asked."""
    (folder / "labels.yaml").write_text(text)
    assert main(["calibrate", "labels.yaml", "--judge-model=judge"]) == 2
    assert words in capsys.readouterr().err


def test_without_a_judge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a judge one line says how to name one; a file that is not there is told of."""
    labelled(folder)
    assert main(["calibrate", "labels.yaml"]) == 2
    assert "--judge-model=MODEL" in capsys.readouterr().err
    assert main(["calibrate", "nothing.yaml", "--judge-model=judge"]) == 2
    assert "nothing.yaml: cannot be read" in capsys.readouterr().err


def test_a_judge_that_brings_no_verdict(
    folder: Path, llm_server: LlmServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vote that is no vote counts as no verdict, never as a pass or a miss."""
    path, _ = labelled(folder)
    llm_server.reply(text="I would rather not say", contains="Question 7?")
    main(["calibrate", str(path), "--judge-model=judge"])
    assert read_calibrations(folder / FILE)[0].undecided == 1
    assert "judge no verdict" in capsys.readouterr().out


def test_a_foreign_file_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of that name which is none of ours stays as it is."""
    path, _ = labelled(folder)
    (folder / FILE).write_text('{"mine": 1}')
    assert main(["calibrate", str(path), "--judge-model=judge"]) == 2
    assert (folder / FILE).read_text() == '{"mine": 1}'
    assert "no calibrations in it" in capsys.readouterr().err


JUDGE = JudgeIdentity(model="gpt-4o-mini", prompt_sha256="p", params_sha256="q")


def judged_run(folder: Path, *, passed: int, judged: int, judge: str = "llm_judge") -> Path:
    """Keep a run of one model of whose answers the judge passes so many; return its file."""
    by_judge = (JudgeCall(model="gpt-4o-mini", usage=None),)
    records = [
        record(
            f"c{n}",
            "m",
            "passed" if n < passed else "missed",
            judgements=(Judgement(judge=judge, passed=n < passed, calls=by_judge),),
        )
        for n in range(judged)
    ]
    return keep(folder / "run.jsonl", records, head(["m"], judge=JUDGE)).path


def test_a_kept_run_says_how_far_its_judge_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rendered run says `uncalibrated`, or quotes the labels and the accuracy that they correct (by hand: PPI)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "500")
    path = judged_run(tmp_path, passed=172, judged=200)
    main(["report", str(path)])
    assert "llm_judge (gpt-4o-mini): uncalibrated" in capsys.readouterr().out
    table = {"both_passed": 68, "only_judge_passed": 6, "only_human_passed": 8, "both_missed": 38}
    keep_calibration(tmp_path / FILE, Calibration(judge=JUDGE, created="now", labels="l", **table))
    main(["report", str(path)])
    said = capsys.readouterr().out
    assert "on 120 labelled answers kappa" in said
    bias, share = (8 - 6) / 120, 172 / 200
    se = (share * (1 - share) / 199 + ((8 + 6) / 120 - bias**2) / 119) ** 0.5
    low, high = (100 * (share + bias + sign * 1.959964 * se) for sign in (-1, 1))
    assert f"m {100 * (share + bias):.1f} % [{low:.1f}, {high:.1f}] (172 of 200 by the judge)" in said


def test_a_negated_judge_counts_by_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a case wants the judge to fail an answer, the judge's own verdict is what labels correct."""
    monkeypatch.chdir(tmp_path)
    main(
        ["report", str(judged_run(tmp_path, passed=3, judged=10, judge="not llm_judge")), "--format", "json"]
    )
    assert json.loads(capsys.readouterr().out)["models"][0]["llm_judge"] == {"passed": 7, "judged": 10}
