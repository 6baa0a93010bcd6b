from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = [
    pytest.mark.usefixtures("inside"),
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the extra `local` is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
]

SUITE = """\
params: {temperature: 0, max_tokens: 20}
judge: contains
cases:
  - {id: france, input: Name the capital city of France., expected: Paris}
  - {id: germany, input: Name the capital city of Germany., expected: Berlin}
"""


def processes_with(marker: str) -> list[int]:
    """Return the ids of processes, ours aside, whose environment holds a marker."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if marker.encode() in environment:
            found.append(int(path.parent.name))
    return found


def test_a_real_model_answers_alike_everywhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real model's run gives the same answers plain, with -n0 and with -n2, and no server outlives it."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    marker = f"LLMUPGRADE_TEST_MARK={project.pytester.path}"
    monkeypatch.setenv(*marker.split("=", 1))
    project.write("evals/eval_support.yaml", SUITE)
    project.models = "local/smollm2-135m"
    answers = []
    for flags in ((), ("-n0",), ("-n2",)):
        result = project.run("--llm-report=out.json", *flags)
        result.assert_outcomes(passed=2)
        report = json.loads((project.pytester.path / "out.json").read_text())
        answers.append({case["id"]: case["answer"] for case in report["cases"]})
        assert report["models"][0]["cost_usd"] == "0"
        assert processes_with(marker) == []
    assert answers[0] == answers[1] == answers[2]
    assert project.server.calls == []


def test_two_prompts_on_two_real_models(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the example with prompts: both models, told two versions, each of them priced, judged and named."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    folder = Path(__file__).parents[2] / "example_suite" / "with_prompts"
    for path in folder.glob("*.yaml"):
        project.write(f"with_prompts/{path.name}", path.read_bytes())
    project.models = "local/smollm2-135m-q3,local/smollm2-135m"
    project.run(
        "with_prompts", "--llm-prompts=verbose,concise", "-k", "great or terrible", "--llm-report=out.json"
    )
    report = json.loads((project.pytester.path / "out.json").read_text())
    (grid,) = report["prompts"]
    assert [(cell["model"], cell["version"], cell["judged"], cell["now"]) for cell in grid["cells"]] == [
        ("local/smollm2-135m-q3", "verbose", 2, True),
        ("local/smollm2-135m-q3", "concise", 2, False),
        ("local/smollm2-135m", "verbose", 2, False),
        ("local/smollm2-135m", "concise", 2, False),
    ]
    assert all(one["saved_input_tokens"] > 40 for one in grid["simplifications"])
    assert len({case["prompt"]["sha256"] for case in report["cases"]}) == 2
    assert project.server.calls == []
