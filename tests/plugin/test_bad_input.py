from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

pytestmark = pytest.mark.usefixtures("inside")

CASE = "  - {id: a, input: x, expected: y, judge: contains}\n"

FILES: dict[str, tuple[str | bytes, str]] = {
    "unknown key": (
        "cases:\n  - id: a\n    input: x\n    expcted: y\n    judge: contains\n",
        "evals/eval_bad.yaml:4: case 'a': unknown key 'expcted'. Did you mean 'expected'?",
    ),
    "duplicate id": (
        f"cases:\n{CASE}{CASE}",
        "evals/eval_bad.yaml:3: case 'a': this id stands in line 2 already; choose another",
    ),
    "duplicate key": (
        "cases:\n  - id: a\n    input: x\n    input: z\n    judge: contains\n",
        "evals/eval_bad.yaml:4: 'input' stands twice; the other is in line 3; remove one",
    ),
    "tab": ("cases:\n\t- id: a\n", "evals/eval_bad.yaml:2: a tab in the indentation; indent with spaces"),
    "not UTF-8": (
        b"cases:\n  - id: \xe9\n",
        "evals/eval_bad.yaml:2: not UTF-8 (byte 0xe9); save the file as UTF-8",
    ),
    "huge scalar": (
        "cases: " + "x" * 10_000_000,
        "evals/eval_bad.yaml:1: a text of 10,000,000 characters; at most 1,000,000 are read",
    ),
    "alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "evals/eval_bad.yaml:7: aliases expand to more than 2,000,000 values; write them out",
    ),
    "python object": (
        "cases: !!python/object/apply:os.system [echo]\n",
        (
            "evals/eval_bad.yaml:1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read; "
            "write the plain value"
        ),
    ),
    "empty file": ("", "evals/eval_bad.yaml:1: it is empty; write a mapping with the key 'cases'"),
    "no cases": ("cases: []\n", "evals/eval_bad.yaml:1: cases is empty; write at least one"),
    "unknown judge": (
        "cases:\n  - id: a\n    input: x\n    judge: contians\n",
        "evals/eval_bad.yaml:4: case 'a': unknown judge 'contians'. Did you mean 'contains'?",
    ),
    "unknown judge of the whole file": (
        "judge: contians\ncases:\n  - {id: a, input: x}\n  - {id: b, input: y}\n",
        "evals/eval_bad.yaml:1: case 'a' and 1 more: unknown judge 'contians'. Did you mean 'contains'?",
    ),
    "invalid regex": (
        "cases:\n  - id: a\n    input: x\n    judge: {regex: '(('}\n",
        "evals/eval_bad.yaml:4: case 'a': regex: '((' is no regular expression: missing ) at position 2",
    ),
    "invalid JSON Schema": (
        "cases:\n  - id: a\n    input: x\n    judge: {json_schema: {schema: {type: objekt}}}\n",
        (
            "evals/eval_bad.yaml:4: case 'a': json_schema: schema is no JSON Schema: "
            "$.type: 'objekt' is not valid under any of the given schemas"
        ),
    ),
    "reserved mark": (
        "cases:\n  - {id: a, input: x, expected: y, judge: contains, category: skip}\n",
        "evals/eval_bad.yaml:2: case 'a': 'skip' is a mark of pytest's own; name it otherwise",
    ),
    "llm_judge without a model": (
        "cases:\n  - {id: a, input: x, judge: llm_judge}\n",
        (
            "evals/eval_bad.yaml:2: case 'a': llm_judge needs a model: pass --llm-judge-model=MODEL, "
            "or set model = ... in [tool.llmupgrade.judge]"
        ),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_faulty_file_is_one_clear_line(project: Project, name: str) -> None:
    """What is wrong in an eval file is one line with its place and the remedy, exit code 4, and no call."""
    text, line = FILES[name]
    project.write("evals/eval_bad.yaml", text)
    result = project.run("-q")
    assert line in result.outlines
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert project.server.calls == []


def test_all_faults_of_all_files_at_once(project: Project, distribution: tuple[str, ...]) -> None:
    """One run names every fault of every file."""
    project.write("evals/eval_one.yaml", f"cases:\n{CASE}{CASE}  - id: b\n    imput: x\n")
    project.write("evals/eval_two.yaml", "cases: 3\n")
    result = project.run("-q", *distribution)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert {line for line in result.outlines if re.match(r"evals/eval_\w+\.yaml:\d+: ", line)} == {
        "evals/eval_one.yaml:3: case 'a': this id stands in line 2 already; choose another",
        "evals/eval_one.yaml:5: case 'b': unknown key 'imput'. Did you mean 'input'?",
        "evals/eval_two.yaml:1: cases must be a list, not 3",
    }
    assert project.server.calls == []


@pytest.mark.parametrize(
    ("models", "line"),
    [
        ("", "--llm-models=: a name is empty; write --llm-models=MODEL[,MODEL...]"),
        ("old,", "--llm-models=old,: a name is empty; write --llm-models=MODEL[,MODEL...]"),
        (
            "old,old",
            (
                "--llm-models=old,old: 'old' stands twice; to measure how often a model disagrees with itself, "
                "write old,old#2"
            ),
        ),
        ("old;new", "--llm-models=old;new: write a comma between two models, not ';'"),
        ("a b", "--llm-models=a b: 'a b' has a space, a bracket or '::' in it"),
        (
            "local/smollm2-135",
            (
                "--llm-models: no local model 'local/smollm2-135'. Did you mean 'local/smollm2-135m'?; for a file "
                'of your own set gguf = "PATH" in [tool.llmupgrade.models."local/smollm2-135"]'
            ),
        ),
    ],
)
def test_wrong_models(project: Project, models: str, line: str) -> None:
    """A model that cannot be is one line and exit code 4."""
    project.models = models
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {line}" in [*result.errlines, *result.outlines]


def test_missing_key(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose key is not set is one line that names the variable, before anything is called."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    project.models = "gpt-4o"
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    line = (
        'ERROR: gpt-4o needs a key: set OPENAI_API_KEY, or api_key_env in [tool.llmupgrade.models."gpt-4o"]'
    )
    assert line in [*result.errlines, *result.outlines]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            '[tool.llmupgrade.models."old"]\nbase_ulr = "x"\n',
            "pyproject.toml:2: [tool.llmupgrade.models.\"old\"]: unknown key 'base_ulr'. Did you mean 'base_url'?",
        ),
        (
            '[tool.llmupgrade.models."old"]\nprice = {input = 1}\n',
            "pyproject.toml:2: [tool.llmupgrade.models.\"old\"]: price lacks 'output', in USD per million tokens",
        ),
        (
            "[tool.llmupgrade.judge]\nvotes = 2\n",
            "pyproject.toml:2: [tool.llmupgrade.judge]: votes must be odd, so that they cannot tie",
        ),
    ],
)
def test_wrong_settings(project: Project, table: str, line: str) -> None:
    """A wrong setting is one line with its place and exit code 4."""
    project.write("pyproject.toml", table)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {line}" in [*result.errlines, *result.outlines]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("--llm-report=out.txt",),
            "--llm-report=out.txt: the suffix names the format; known: .json, .md, .html",
        ),
        (
            ("--llm-incumbent=older",),
            "--llm-incumbent=older is not among --llm-models; add it there: older,old,new",
        ),
    ],
)
def test_wrong_flags(project: Project, arguments: tuple[str, ...], line: str) -> None:
    """A wrong flag is one line and exit code 4."""
    result = project.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {line}" in [*result.errlines, *result.outlines]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('model="gpt-4"', "llm(..., model=...): --llm-models says who is asked; leave it out"),
        ("stream=True", "llm(..., stream=...): answers are read whole; leave it out"),
    ],
)
def test_a_python_test_asks_the_model_under_test(project: Project, call: str, words: str) -> None:
    """A parameter of `llm` that would ask another model is an error of ours, and nothing is asked."""
    (project.pytester.path / "evals/eval_support.yaml").unlink()
    project.write("test_own.py", f"def test_own(llm):\n    llm('hello', {call})\n")
    project.models = "old"
    result = project.run()
    result.assert_outcomes(failed=1)
    assert words in result.outlines
    assert project.server.calls == []


def test_params_name_no_model(project: Project) -> None:
    """A case's parameters cannot put one model in all columns: one line, exit code 4, and no call."""
    project.write(
        "evals/eval_bad.yaml",
        "cases:\n  - {id: a, input: x, expected: x, judge: contains, params: {model: gpt-4}}\n",
    )
    result = project.run("-q")
    assert (
        "evals/eval_bad.yaml:2: case 'a': params must not hold 'model'; --llm-models says who is asked; "
        "another name on the wire is wire_name in pyproject.toml"
    ) in result.outlines
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.server.calls == []


@pytest.mark.parametrize("flag", ["--co", "--llm-estimate"])
def test_wrong_settings_where_nothing_is_called(project: Project, flag: str) -> None:
    """A wrong setting is the same line and exit code 4 where a run only lists or plans."""
    project.write("pyproject.toml", '[tool.llmupgrade.models."old"]\nbase_ulr = "x"\n')
    result = project.run(flag)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    line = (
        "pyproject.toml:2: [tool.llmupgrade.models.\"old\"]: unknown key 'base_ulr'. Did you mean 'base_url'?"
    )
    assert f"ERROR: {line}" in [*result.errlines, *result.outlines]
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


NATIVE = pytest.param(
    "tool.pytest",
    marks=pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest reads this table since 9.0"),
)


@pytest.mark.parametrize("table", ["tool.pytest.ini_options", NATIVE])
def test_a_list_of_models_in_the_ini_file(project: Project, table: str) -> None:
    """A TOML list for llm_models is read as a text is, or refused in one line where pytest itself takes none."""
    project.write("pyproject.toml", f'[{table}]\nllm_models = ["old", "new"]\n')
    project.models = None
    result = project.run("--co", "-q")
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    if table == "tool.pytest":
        assert result.ret == pytest.ExitCode.USAGE_ERROR
    else:
        assert "evals/eval_support.yaml::order-status[new]" in result.outlines


def test_a_misspelt_model_is_not_sent_elsewhere(project: Project) -> None:
    """A slip of a declared model is one line and no call: its prompts would go to another provider."""
    project.write("pyproject.toml", '[tool.llmupgrade.models.old]\nbase_url = "http://127.0.0.1:9/v1"\n')
    project.models = "OLD,new"
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    line = (
        "ERROR: model 'OLD' is not declared in pyproject.toml; did you mean 'old'? "
        'If it is another model, declare it, too: [tool.llmupgrade.models."OLD"]'
    )
    assert line in [*result.errlines, *result.outlines]
    assert project.server.calls == []


def test_real_models_may_resemble_declared_ones(project: Project) -> None:
    """A model that a provider is known to have is no slip of a declared one."""
    project.write("pyproject.toml", "[tool.llmupgrade.models.gpt-4-1]\n[tool.llmupgrade.models.gpt-40]\n")
    project.models = "gpt-4.1,gpt-4o"
    assert project.run("--co").ret == 0


def test_a_wrong_address_in_the_environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An OPENAI_BASE_URL that is no address is one line for all models, before anything is tried."""
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8801")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    line = "OPENAI_BASE_URL must be an address such as https://llm.example.com/v1, not 'localhost:8801'"
    assert [each for each in [*result.errlines, *result.outlines] if "OPENAI_BASE_URL" in each] == [
        f"ERROR: {line}"
    ]


def test_a_judge_s_wrong_option_costs_no_call(project: Project) -> None:
    """An option that a built-in judge does not take ends the run before any call; one that was replaced takes its own."""
    text = "cases:\n  - {id: a, input: x, expected: y, judge: {similarity: {treshold: 0.9}}}\n"
    project.write("evals/eval_bad.yaml", text)
    result = project.run("-q")
    assert (
        "evals/eval_bad.yaml:2: case 'a': judge 'similarity' takes no option 'treshold'. "
        "Did you mean 'threshold'? It takes: expected, threshold, ignore_case."
    ) in result.outlines
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.server.calls == []
    project.write(
        "conftest.py",
        "import pytest\n\n@pytest.fixture\ndef judge_similarity():\n"
        "    return lambda completion, case, treshold: True\n",
    )
    assert project.run("-q", "--co").ret == 0
