"""Hostile and broken sources; what is written is read back as it was."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.importing.drafts import CaseDraft, SuiteDraft, slug, unique_ids
from pytest_llmupgrade.importing.openai_evals import import_openai_evals
from pytest_llmupgrade.importing.promptfoo.config import import_promptfoo
from pytest_llmupgrade.importing.writing import suite_text
from pytest_llmupgrade.run.load.yaml_values import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read(value: Any, question: str) -> None:
    """Whatever a case holds comes back from the file as the same value, and no comment becomes YAML."""
    remark = Fault(question, 1, question)
    cases = [
        CaseDraft(
            id=f"c{number}", fields={"input": question, "judge": value or "contains"}, remarks=(remark,)
        )
        for number in (1, 2)
    ]
    suite = SuiteDraft(source=question, cases=(*cases, CaseDraft(id="off", fields={"input": question})))
    root, faults = read_yaml(suite_text(suite).encode(), "x")
    assert faults == []
    assert [case["id"] for case in root["cases"]] == ["c1", "c2"]
    for case in root["cases"]:
        assert case["input"] == question
        assert json.dumps(case["judge"]) == json.dumps(value or "contains")


@given(st.lists(st.text(max_size=80), max_size=8))
def test_ids(texts: list[str]) -> None:
    """Any texts give ids that are words, and none twice."""
    ids = list(unique_ids(texts))
    assert len(set(ids)) == len(texts)
    assert all(id_ and not set(id_) - set("abcdefghijklmnopqrstuvwxyz0123456789.-") for id_ in ids)
    assert all(len(slug(text)) <= 60 for text in texts)


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        key: VALUES
        | st.just(["{{a}}"])
        | st.just([{"vars": {"a": ["b", 1]}, "assert": [{"type": "equals", "value": "x"}]}])
        for key in ("prompts", "tests", "providers", "defaultTest", "scenarios", "assertionTemplates")
    },
)


@given(CONFIGS)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_configuration(tmp_path: Path, config: dict[str, Any]) -> None:
    """Any mapping is imported into a file that is YAML, or refused with its faults; nothing crashes."""
    path = tmp_path / "any.json"
    path.write_text(json.dumps(config))
    with contextlib.suppress(FaultyFiles):
        for suite in import_promptfoo(path, shown="any.json", root=tmp_path).values():
            written = suite_text(suite).encode()
            assert read_yaml(written, "x")[1] == []


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_samples(tmp_path: Path, data: bytes) -> None:
    """Any bytes are samples, or one clear fault."""
    path = tmp_path / "any.jsonl"
    path.write_bytes(data)
    with contextlib.suppress(FaultyFiles):
        assert import_openai_evals(path, shown="any.jsonl", match="match").source == "any.jsonl"


REFS = """\
prompts: ["{{q}}"]
assertionTemplates: {a: {$ref: "#/assertionTemplates/b"}, b: {$ref: "#/assertionTemplates/a"}}
tests:
  - vars: {q: x}
    assert:
      - $ref: "#/assertionTemplates/a"
      - $ref: "other.yaml#/x"
      - $ref: "#/assertionTemplates/none"
      - {type: contains, value: x}
"""


def imported(tmp_path: Path, config: str) -> SuiteDraft:
    """Return the only suite of a configuration."""
    path = tmp_path / "c.yaml"
    path.write_text(config)
    (suite,) = import_promptfoo(path, shown="c.yaml", root=tmp_path).values()
    return suite


def test_references(tmp_path: Path) -> None:
    """References that go round, out of the file or nowhere are told with their lines."""
    suite = imported(tmp_path, REFS)
    assert [str(remark) for remark in suite.all_remarks()] == [
        "c.yaml:6: $ref: references that go round in a circle",
        "c.yaml:7: $ref other.yaml#/x points out of the file; copy what it names",
        "c.yaml:8: $ref #/assertionTemplates/none names nothing",
    ]


def test_tests_and_defaults_may_be_references(tmp_path: Path) -> None:
    """A test and the defaultTest may refer to another part of the file; their own keys win over it."""
    suite = imported(
        tmp_path,
        "prompts: ['{{q}}']\n"
        "defaultTest: {$ref: '#/shared/polite'}\n"
        "tests:\n- {$ref: '#/shared/hello', vars: {q: other}}\n- {$ref: '#/shared/none'}\n"
        "shared:\n  hello: {vars: {q: hello}, assert: [{type: contains, value: a}]}\n"
        "  polite: {assert: [{type: not-contains, value: b}]}\n",
    )
    (case,) = suite.cases
    assert case.fields["vars"] == {"q": "other"}
    assert case.fields["judge"] == [{"not": {"contains": "b"}}, {"contains": "a"}]
    told = [str(remark) for remark in suite.all_remarks()]
    assert told == [
        "c.yaml:5: tests: $ref #/shared/none names nothing",
        "c.yaml:6: shared has no counterpart",
    ]


def test_values_may_stand_in_files(tmp_path: Path) -> None:
    """Files in the place of a test's values are read and put together; one that is missing costs the case, and is told."""
    (tmp_path / "a.yaml").write_text("q: one\nb: x\n")
    (tmp_path / "b.json").write_text('{"b": "y"}')
    check = "assert: [{type: contains, value: '{{b}}'}]"
    suite = imported(
        tmp_path,
        f"prompts: ['{{{{q}}}} {{{{b}}}}']\ntests:\n- {{vars: [a.yaml, b.json], {check}}}\n"
        f"- {{vars: file://a.yaml, {check}}}\n- {{vars: none.yaml, {check}}}\n- {{vars: 5, {check}}}\n",
    )
    assert [case.fields.get("vars") for case in suite.cases[:2]] == [
        {"q": "one", "b": "y"},
        {"q": "one", "b": "x"},
    ]
    assert [case.disabled for case in suite.cases] == [False, False, True, True]
    told = [str(remark) for remark in suite.all_remarks()]
    assert "c.yaml:5: vars: none.yaml: no such file" in told
    assert "c.yaml:6: vars: no mapping, and no file's name" in told


def test_no_option_is_dropped_in_silence(tmp_path: Path) -> None:
    """Options and keys of tests and of defaultTest that are not taken over are told with their lines."""
    suite = imported(
        tmp_path,
        "prompts: ['{{q}}']\ndefaultTest:\n  options: {provider: openai:gpt-4o, prefix: a}\n  metadata: {x: 1}\n"
        "tests:\n- vars: {q: x}\n  options: {rubricPrompt: y}\n  assert: [{type: contains, value: x}]\n",
    )
    assert [str(remark) for remark in suite.all_remarks()] == [
        "c.yaml:3: options.provider of defaultTest has no counterpart",
        "c.yaml:4: metadata of defaultTest has no counterpart",
        "c.yaml:7: options.rubricPrompt of a test has no counterpart",
    ]


def test_references_that_grow_without_end_end(tmp_path: Path) -> None:
    """A set that holds itself, and sets of sets of sets, cost a remark, neither the stack nor the hour."""
    sets = {
        f"t{n}": {"type": "assert-set", "assert": [{"$ref": f"#/assertionTemplates/t{n + 1}"}] * 10}
        for n in range(12)
    }
    itself = {"type": "assert-set", "assert": [{"$ref": "#/assertionTemplates/me"}]}
    templates = {**sets, "t12": {"type": "contains", "value": "x"}, "me": itself}
    for name in ("t0", "me"):
        test = {"vars": {"q": "x"}, "assert": [{"$ref": f"#/assertionTemplates/{name}"}]}
        suite = imported(
            tmp_path,
            json.dumps({"prompts": ["{{q}}"], "assertionTemplates": templates, "tests": [test]}),
        )
        assert any("more than 1,000 assertions" in str(remark) for remark in suite.all_remarks())


HOSTILE = """prompts: [file://../secret.txt, "file:///etc/hostname", file://link.txt, "exec:touch pwned", file://a/../../secret.txt, "{{q}}"]
tests:
  - vars: {q: file://../secret.txt}
    assert: [{type: contains, value: x}]
  - vars: {q: one}
    assert:
      - {type: javascript, value: "require('fs').writeFileSync('pwned', 'x')"}
      - {type: python, value: "open('pwned', 'w')"}
      - {type: python, value: file://evil.py}
      - {type: is-json, value: file://../secret.txt}
  - file:///etc/*.csv
"""


def test_nothing_outside_is_read_and_no_code_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that climb out, absolute paths and links bring nothing into the file, and no program or code runs."""
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("THE SECRET")
    (root / "evil.py").write_text("open('pwned', 'w')")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.chdir(root)
    suite = imported(root, HOSTILE)
    assert "THE SECRET" not in suite_text(suite)
    assert not (root / "pwned").exists()
    assert all(case.disabled for case in suite.cases)
    told = " ".join(str(remark) for remark in suite.all_remarks())
    assert told.count("lies outside of the project") == 6
    assert "exec:touch pwned is code, and is not run" in told
    assert "evil.py is code, and is not run" in told


def test_scenarios_and_lists_multiply(tmp_path: Path) -> None:
    """Scenarios pair each configuration with each test, and lists of values make a test for each."""
    suite = imported(
        tmp_path,
        "prompts: ['{{a}}{{b}}']\n"
        "scenarios:\n- config: [{vars: {a: [1, 2]}}, {vars: {a: 3}}]\n"
        "  tests: [{vars: {b: x}, assert: [{type: contains, value: '{{a}}'}]}]\n",
    )
    assert [(case.fields["vars"], case.fields["judge"]) for case in suite.cases] == [
        ({"a": "1", "b": "x"}, {"contains": "1"}),
        ({"a": "2", "b": "x"}, {"contains": "2"}),
        ({"a": "3", "b": "x"}, {"contains": "3"}),
    ]


def test_too_many_tests_are_refused(tmp_path: Path) -> None:
    """Lists of values that would make millions of tests cost a remark, not the memory."""
    lists = ", ".join(f"v{number}: [{', '.join(map(str, range(100)))}]" for number in range(4))
    suite = imported(
        tmp_path, f"prompts: [hi]\ntests: [{{vars: {{{lists}}}, assert: [{{type: is-json}}]}}]\n"
    )
    assert "make 100,000,000 tests" in str(suite.all_remarks()[0])
    assert suite.cases[0].disabled


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return the command, run in a folder with a small configuration."""
    (tmp_path / "c.yaml").write_text("prompts: [hi]\ntests: [{assert: [{type: is-json}]}]\n")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: main(["import", *arguments])


def test_nothing_is_overwritten(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there stays, unless --force says otherwise."""
    assert run("promptfoo", "c.yaml", "-o", "evals/eval_c.yaml") == 0
    Path("evals/eval_c.yaml").write_text("mine")
    assert run("promptfoo", "c.yaml", "-o", "evals/eval_c.yaml") == 2
    assert "evals/eval_c.yaml: is there already" in capsys.readouterr().err
    assert Path("evals/eval_c.yaml").read_text() == "mine"
    assert run("promptfoo", "c.yaml", "-o", "evals/eval_c.yaml", "--force") == 0
    assert Path("evals/eval_c.yaml").read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "prompts: [\n", "a.yaml:2: not valid YAML"),
        ("a.yaml", "[]", "a.yaml:1: holds no mapping"),
        ("a.yaml", "tests: []", "no prompt that can be asked here"),
        ("a.yaml", "prompts: [hi]", "no test"),
        ("a.js", "module.exports = {}", "a.js: is code, and is not run"),
    ],
)
def test_mistakes(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str, text: str, words: str
) -> None:
    """A source that cannot be imported is one clear line and exit code 2, and nothing is written."""
    Path(name).write_text(text)
    assert run("promptfoo", name) == 2
    assert words in capsys.readouterr().err
    assert not Path("evals").exists()


def test_a_wrong_column_is_named(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A column that is not there is named, with the nearest that is."""
    Path("t.csv").write_text("inputs,expected\na,b\n")
    assert run("csv", "t.csv") == 2
    assert "no column 'input'. Did you mean 'inputs'?" in capsys.readouterr().err


KINDS = {".csv": "csv", ".jsonl": "openai-evals", ".json": "deepeval"}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.csv", b"input,expected\n\xff,a\n", "t.csv: not UTF-8\n"),
        ("t.csv", b"input,expected\na,b,c\n", "t.csv:2: more fields than the first line names\n"),
        ("t.csv", b"input,expected\n", "t.csv: holds no rows\n"),
        ("s.jsonl", b'{"input": "a", "ideal": "b"}\nnot json\n', "s.jsonl:2: not valid JSON: Expecting"),
        ("g.json", b"{}", "g.json: holds no list of objects\n"),
    ],
)
def test_broken_tables(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str, data: bytes, words: str
) -> None:
    """A table that cannot be read is one line that names the file once, and the line where there is one."""
    Path(name).write_bytes(data)
    assert run(KINDS[Path(name).suffix], name) == 2
    assert capsys.readouterr().err.startswith(words)
