from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.kept.reading import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_llmupgrade.kept.reading import KeptRun
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")


def kept(project: Project, name: str = "run.jsonl") -> KeptRun:
    """Return the kept run of that name."""
    return read_run(project.pytester.path / name)


def runs(project: Project) -> list[Path]:
    """Return the runs in pytest's cache folder."""
    return sorted(project.pytester.path.glob(".pytest_cache/d/llmupgrade/runs/*.jsonl"))


def test_every_run_is_kept(project: Project, distribution: tuple[str, ...]) -> None:
    """A run leaves its records, with answers, in the cache folder; one file per run."""
    project.run(*distribution)
    project.run(*distribution)
    first, second = runs(project)
    run = read_run(second)
    assert run.head.models == ("old", "new")
    assert dict(run.planned) == {"old": 3, "new": 3}
    assert run.end is not None
    assert run.end.exit_reason == "finished"
    assert len(run.rows) == 6
    assert {record.answer for record in run.records()} >= {"You have 30 days.", "Yes, in cash."}
    assert read_run(first).rows.keys() == run.rows.keys()


def test_a_run_is_kept_where_the_user_wants(project: Project) -> None:
    """--llm-keep names the file, and a second run replaces the first."""
    for _ in range(2):
        result = project.run("--llm-keep=out/run.jsonl")
        result.stdout.fnmatch_lines(["run kept in out/run.jsonl"])
    assert len(kept(project, "out/run.jsonl").rows) == 6
    assert runs(project) == []


def test_another_file_is_never_overwritten(project: Project) -> None:
    """--llm-keep refuses a file that is no kept run, before anything is called."""
    project.write("notes.jsonl", '{"mine": true}\n')
    result = project.run("--llm-keep=notes.jsonl")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*notes.jsonl: holds something else than a kept run; name another file"])
    assert not project.server.calls


def test_a_killed_run_is_kept(project: Project) -> None:
    """What was recorded before kill -9 is there, and what was planned, too."""
    project.write(
        "evals/conftest.py",
        "import os, signal, pytest\n"
        "@pytest.fixture(autouse=True)\n"
        "def deadly(request):\n"
        "    if request.node.name == 'refund-b[new]':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    project.apart("--llm-keep=run.jsonl", "-p", "no:cacheprovider")
    run = kept(project)
    assert run.end is None
    assert dict(run.planned) == {"old": 3, "new": 3}
    assert 0 < len(run.rows) < 6


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    """Where runs cannot be kept, the run goes on, reports in full, and says so."""
    project.write(".pytest_cache/d/llmupgrade/runs", "a file where the folder should be")
    result = project.run()
    result.stdout.fnmatch_lines(["*new against old, 3 cases paired*", "this run is not kept: *"])
    assert result.ret == 1


def test_a_plain_run_keeps_nothing(project: Project) -> None:
    """Without models nothing is kept."""
    project.models = None
    project.run()
    assert runs(project) == []


def test_shards_split_the_cases(project: Project) -> None:
    """The shards share no case, leave none out, keep a case's models together, and are the same with workers."""
    names: list[str] = []
    for number in (1, 2, 3):
        project.run(f"--llm-shard={number}/3", f"--llm-keep=shard{number}.jsonl")
        run = kept(project, f"shard{number}.jsonl")
        assert str(run.head.shard) == f"{number}/3"
        names += run.rows
        cases = [row.case_id for row in run.rows.values()]
        assert all(cases.count(case) == 2 for case in cases)
    project.run("--llm-shard=1/3", "--llm-keep=workers.jsonl", "-n2")
    assert kept(project, "workers.jsonl").rows.keys() == kept(project, "shard1.jsonl").rows.keys()
    assert len(names) == len(set(names)) == 6


def test_python_tests_are_sharded_too(project: Project) -> None:
    """A Python test that asks models belongs to one shard; one that does not runs in each."""
    project.write("test_mine.py", "def test_ask(llm):\n    llm('x')\ndef test_plain():\n    pass\n")
    passed = 0
    for number in (1, 2):
        outcomes = project.run(f"--llm-shard={number}/2", "test_mine.py").parseoutcomes()
        passed += outcomes["passed"]
    assert passed == 2 + 2


def test_wrong_flags(project: Project) -> None:
    """A flag's wrong value is one line that says what to write."""
    for flag, line in (
        (
            "--llm-shard=5/4",
            "*--llm-shard=5/4: write N/COUNT with N from 1 to COUNT, such as --llm-shard=1/4",
        ),
        ("--llm-keep=x.json", "*--llm-keep=x.json: a run is kept as JSON lines; write --llm-keep=NAME.jsonl"),
    ):
        result = project.run(flag)
        assert result.ret == 4
        result.stderr.fnmatch_lines([line])
    project.models = None
    assert project.run("--llm-shard=1/4").ret == 4
