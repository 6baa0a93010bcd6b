"""`llmupgrade cases` as a user meets it: updates, mistakes, own functions, standard input, the bar."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.logs.building import Tally
from pytest_llmupgrade.logs.progress import Bar
from pytest_llmupgrade.run.load import load_suite
from pytest_llmupgrade.snapshots.files import read_entries
from tests.logs.planted import KEYS, PERSONAL

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Path("evals/eval_x.yaml")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def log(*questions: str, name: str = "log.jsonl", **fields: Any) -> str:
    """Write a log and return its name."""
    rows = [
        {"messages": [{"role": "user", "content": text}], "assistant_response": "Yes.", **fields}
        for text in questions
    ]
    Path(name).write_text("".join(json.dumps(one) + "\n" for one in rows))
    return name


def cases(*arguments: str) -> int:
    """Run the command."""
    return main(["cases", *arguments, "-o", str(OUT)])


def ids() -> Sequence[str]:
    """Return the ids in the file."""
    return [case.id for case in load_suite(OUT, file="x")]


EDITED = """\
# Ours.
judge: contains   # for now
cases:
- id: by-hand          # keep
  input:   Do you ship to Norway?
  expected: 'yes'
  tags: [a,   b]

# the end of the cases
category: shop
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_update_adds_and_touches_nothing(newline: str) -> None:
    """--update adds what is new in the file's own layout; every other byte stays, and a second update adds nothing."""
    OUT.parent.mkdir()
    OUT.write_bytes(EDITED.replace("\n", newline).encode())
    source = log("do you ship to norway?", "Is it blue?", "Second\nline?")
    assert cases(source, "--update") == 0
    after = OUT.read_bytes().decode()
    head, tail = EDITED.replace("\n", newline).split(newline + newline + "# the end")
    assert after.startswith(head + newline + "- id: is-it-blue")
    assert after.endswith(newline + newline + "# the end" + tail)
    assert ids()[0] == "by-hand"
    assert len(ids()) == 3
    assert newline == "\n" or after.count("\n") == after.count("\r\n")
    assert cases(source, "--update") == 0
    assert OUT.read_bytes().decode() == after


def test_update_knows_an_edited_case() -> None:
    """A case whose text was edited by hand is known by its id and not added again."""
    source = log("Is it blue?", "Is it late?")
    assert cases(source) == 0
    OUT.write_text(OUT.read_text().replace("input: Is it blue?", "input: Is the sky blue?"))
    before = OUT.read_text()
    assert cases(source, "--update") == 0
    assert OUT.read_text() == before


@pytest.mark.parametrize("end", ["", "\n", "\n\n# last words\n"])
def test_update_at_any_end(end: str) -> None:
    """A file without a last line break, or with comments at its end, takes more cases."""
    OUT.parent.mkdir()
    OUT.write_text(f"cases:\n    - id: one\n      judge: contains\n      expected: a\n      input: A?{end}")
    assert cases(log("Is it blue?"), "--update") == 0
    assert len(ids()) == 2
    assert load_suite(OUT, file="x")[1].judges[0].name == "llm_judge"


def test_nothing_is_overwritten() -> None:
    """A file that is there is refused without --update or --force, and so is one whose cases are no lines."""
    source = log("Is it blue?")
    assert cases(source) == 0
    before = OUT.read_text()
    assert cases(source) == 2
    assert cases(log("Is it late?"), "--force") == 0
    assert OUT.read_text() != before
    OUT.write_text("cases: [{id: a, input: b, judge: contains, expected: c}]\n")
    assert cases(source, "--update") == 2
    assert OUT.read_text().startswith("cases: [")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.json"], "none.json: no such file"),
        (["log.jsonl", "--format", "langfus"], "--format langfus: unknown. Did you mean 'langfuse'?"),
        (["log.jsonl", "--map", "expected"], "--map expected: write KEY=PATH"),
        (["log.jsonl", "--map", "expcted=a"], "Did you mean 'expected'?"),
        (["log.jsonl", "--by", "user"], "--by user: write category, difficulty"),
        (["log.jsonl", "--sample", "0"], "--sample 0: draw at least one case"),
        (["log.jsonl", "--min-rating", "4"], "--min-rating 4: no record carries a rating"),
        (["log.jsonl", "--judge", "a b"], "--judge a b: write a judge's name"),
        (["log.jsonl", "--redact", "nowhere:f"], "--redact nowhere:f: No module named 'nowhere'"),
        (["log.jsonl", "--format", "litellm"], "log.jsonl:1: not litellm"),
        (["bad.jsonl"], "bad.jsonl:1: not valid JSON"),
        (["log.jsonl", "--no-redact", "--pii", "en"], "--no-redact beside --redact or --pii"),
        (["empty.jsonl"], "empty.jsonl: no records"),
        (["own.jsonl"], "own.jsonl:1: none of the known formats: name it with --format"),
        (["own.jsonl"], "--map expected=response.text (39 more records alike)\n"),
    ],
)
def test_mistakes(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake is exit code 2 and a line that says what is wrong; nothing is written."""
    log("Is it blue?")
    Path("bad.jsonl").write_text("{\n[\n")
    Path("empty.jsonl").write_text("\n")
    Path("own.jsonl").write_text('{"asked": 1}\n' * 40)
    assert cases(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not OUT.parent.exists()


def test_no_planted_secret_reaches_any_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is planted anywhere in a record, and in broken ones, is in no file and in no line on the terminal."""
    planted = [*KEYS, *PERSONAL]
    rows: list[Any] = []
    for secret in planted:
        rows += [
            {
                "messages": [{"role": "user", "content": f"I am {secret}."}],
                "assistant_response": f"Hi {secret}",
                "category": secret,
            },
            {
                "messages": [{"role": "user", "name": secret, "content": "?"}],
                "assistant_response": "a",
                "tools": [{"x": secret}],
            },
            {"messages": secret},
            {"error": secret},
        ]
    Path("log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows) + f'{{"cut": "{planted[0]}')
    assert cases("log.jsonl") == 0
    out = "".join(capsys.readouterr()) + OUT.read_text()
    assert [secret for secret in planted if secret in out] == []
    assert [path.name for path in OUT.parent.iterdir()] == [OUT.name]


def test_a_case_that_would_not_load_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A request whose tools no API would take makes no case, is told with its line, and the others are written."""
    bad = log("Bad?", name="bad.jsonl", tools=[{"function": {"name": "f", "parameters": {"type": 7}}}])
    assert cases(log("Good?"), bad) == 0
    assert [name.rpartition("-")[0] for name in ids()] == ["good"]
    assert "bad.jsonl:1: makes no case: case 'bad-" in capsys.readouterr().out


def test_flat_tools_become_what_the_api_takes() -> None:
    """Tools in the Responses' or Anthropic's form are written in Chat Completions' form."""
    tools = [
        {"type": "function", "name": "a", "parameters": {}},
        {"name": "b", "input_schema": {"type": "object"}},
    ]
    assert cases(log("Good?", tools=tools)) == 0
    written = load_suite(OUT, file="x")[0].tools
    assert [tool["function"]["name"] for tool in written] == ["a", "b"]  # type: ignore[index,call-overload]  # it is JSON


def test_no_redact_is_loud(capsys: pytest.CaptureFixture[str]) -> None:
    """--no-redact writes the texts as they stand and says so in capitals."""
    assert cases(log(PERSONAL[0]), "--no-redact") == 0
    assert "SECRETS AND PERSONAL DATA" in capsys.readouterr().err
    assert PERSONAL[0] in OUT.read_text()


def test_own_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    """--redact calls the project's function; where it raises, its text is not shown and nothing is written."""
    Path("clean_for_test.py").write_text(
        "def names(text):\n    return text.replace('Anna', '[NAME]')\n\n\ndef broken(text):\n    raise ValueError(text)\n"
    )
    assert cases(log("I am Anna"), "--redact", "clean_for_test:names") == 0
    assert "I am [NAME]" in OUT.read_text()
    assert cases("log.jsonl", "--force", "--redact", "clean_for_test:broken") == 2
    assert "raised ValueError" in (told := capsys.readouterr().err)
    assert "Anna" not in told
    sys.modules.pop("clean_for_test")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input."""
    data = Path(log("Is it blue?")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert cases("-") == 0
    assert load_suite(OUT, file="x")[0].source == "stdin:1"


def test_a_pipe() -> None:
    """A pipe, as a shell's `<(zcat log.gz)` gives, is read like a file."""
    data = Path(log("Is it blue?")).read_bytes()
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(data,))
    writer.start()
    assert cases("pipe") == 0
    writer.join()
    assert load_suite(OUT, file="x")[0].source == "pipe:1"


def test_judges_by_category() -> None:
    """--judge CATEGORY=NAME gives a category its judge, and the file's default covers the rest."""
    source = log("Is it blue?", name="a.jsonl", category="triage")
    assert cases(source, log("Is it late?"), "--judge", "similarity", "--judge", "triage=equals") == 0
    assert [case.judges[0].name for case in load_suite(OUT, file="x")] == ["equals", "similarity"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_the_bar() -> None:
    """On a terminal the bar shows share and rates; elsewhere nothing is written."""
    source = log("Is it blue?")
    size = Path(source).stat().st_size
    for stream in (Terminal(), io.StringIO()):
        times = iter((0.0, 0.1, 1.0))
        with Bar([source], stream, lambda times=times: next(times)) as bar:  # type: ignore[misc]  # mypy cannot type a lambda's default
            bar.told(size // 2, Tally(records=1))
            bar.told(size - size // 2, Tally(records=2))
        shown = stream.getvalue()
        assert ("100%" in shown) is stream.isatty()
        assert ("2 records, 2/s" in shown) is stream.isatty()


def test_without_the_fast_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the same cases come out; only .zst asks for it, in one line."""
    source = log("Is it blue?", "Is it late?")
    assert cases(source) == 0
    fast = OUT.read_text()
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert cases(source, "--force") == 0
    assert OUT.read_text() == fast


def test_zst_asks_for_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A .zst file without the extra is refused with the command that brings it."""
    Path("log.zst").write_bytes(zstandard.ZstdCompressor().compress(b"{}\n"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert cases("log.zst") == 2
    assert "pip install 'pytest-llmupgrade[logs]'" in capsys.readouterr().err


def test_shared_system_prompts_are_written_once() -> None:
    """A system prompt of several cases is written once and named, in a new file and in what an update adds."""
    prompt = {"role": "system", "content": "Be brief, be kind,\nbe right."}
    for number, names in enumerate(("ab", "abcd")):
        rows = [
            {
                "messages": [prompt, {"role": "user", "content": f"What is {name}?"}],
                "assistant_response": "A letter.",
            }
            for name in names
        ]
        Path("log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
        assert cases("log.jsonl", "--near", "1", *(["--update"] if number else [])) == 0
    loaded = load_suite(OUT, file="x")
    assert [case.messages[0] for case in loaded] == [prompt] * 4
    assert OUT.read_text().count("be right") == 3


HOSTILE = (
    "a\x00b\x01c",
    "- a: b\n  c: &x !!python/object [1]\n---\n...\n# no",
    "%YAML 1.1\n--- >\n folded",
    "{{ 7*7 }} {{ cases }} {% for x in y %} {# c #} ${HOME} $(id)",
    "\x1b[31mred\x1b]0;title\x07 \x9b31m",
    "right \u202e left \u2066 \u200b\ufeff \u2028 \u2029 \x85 \u00ad",
    "   leading\n  and\n\ttabs\n",
    "ends  \n\n\n",
    "a\r\nb\rc",
    "true",
    "~",
    "0x10",
    "12:30:45",
    "<img src=x onerror=alert(1)>",
    "&anchor *alias",
    "\U0001f468\u200d\U0001f469 \u2603",
)


def test_hostile_texts_come_back_as_they_were() -> None:
    """YAML, templates, control and hidden characters in questions and answers are literal text; none is hidden in the file."""
    rows = [
        {"messages": [{"role": "user", "content": f"{n} {text}"}], "assistant_response": text}
        for n, text in enumerate(HOSTILE)
    ]
    Path("log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert cases("log.jsonl", "--near", "1", "--snapshot-model", "old") == 0
    loaded = load_suite(OUT, file="x")
    assert [case.expected for case in loaded] == list(HOSTILE)
    assert [case.messages[0]["content"] for case in loaded] == [
        f"{n} {text}" for n, text in enumerate(HOSTILE)
    ]
    written = OUT.read_text(), Path("evals/__llm_snapshots__/eval_x/old.yaml").read_text()
    for text in written:
        assert not any(hidden in text for hidden in "\x00\x1b\x9b\u202e\u2066\u200b\ufeff\u2028\xad")
    entries = read_entries(written[1].encode(), "x")
    assert [entries[case.id].calls[0].answer for case in loaded] == list(HOSTILE)


def test_what_only_the_standard_parser_reads_is_read() -> None:
    """NaN and half an emoji, which JavaScript and pandas write, do not cost the record, whichever parser is there."""
    Path("log.jsonl").write_text(
        '{"input": "Is it blue?", "assistant_response": "cut \\ud83d", "user_rating": NaN}\n'
        '{"input": "Is it late?", "assistant_response": "Yes.", "user_rating": 1e999}\n'
    )
    assert cases("log.jsonl", "--snapshot-model", "old") == 0
    assert [case.expected for case in load_suite(OUT, file="x")] == ["cut \ufffd", "Yes."]


def test_a_files_vars_change_no_question(capsys: pytest.CaptureFixture[str]) -> None:
    """A question that the file's own vars would fill in is not added, and is told; others are."""
    OUT.parent.mkdir()
    OUT.write_text("vars: {name: Ann}\njudge: llm_judge\ncases:\n  - id: a\n    input: Hi {{ name }}\n")
    assert cases(log("What is {{ name }}?", "Is it blue?"), "--update") == 0
    assert [case.messages[0]["content"] for case in load_suite(OUT, file="x")] == ["Hi Ann", "Is it blue?"]
    assert "log.jsonl:1: makes no case: its {{ }} would be filled in" in capsys.readouterr().out


def test_labels_are_one_line() -> None:
    """Categories and difficulties with line breaks and control characters become short texts on one line."""
    source = log("Is it blue?", category="<b>\n\x1b[31m", difficulty=f"hard\r\n{'x' * 200}")
    assert cases(source) == 0
    case = load_suite(OUT, file="x")[0]
    assert case.category.isprintable()
    assert case.difficulty.isprintable()
    assert len(case.difficulty) <= 80


@pytest.mark.parametrize(
    ("rating", "kept"),
    [
        ("thumbs up", True),
        ("Positive", True),
        ("4.5", True),
        (True, True),
        ("down", False),
        ("NaN", False),
        ("ok?", False),
    ],
)
def test_ratings_in_words(rating: object, kept: bool) -> None:  # noqa: FBT001  a table's column
    """Thumbs up count as 5 and thumbs down as 1, in the words that tools use for them; other words are no rating."""
    source = log("Is it blue?", user_rating=rating)
    assert (cases(source, "--min-rating", "4") == 0) is kept


def test_a_name_that_pytest_does_not_collect_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A file under a name that pytest would pass over is written, with a word on that."""
    assert main(["cases", log("Is it blue?"), "-o", "evals/mine.yaml"]) == 0
    assert "evals/mine.yaml: pytest collects eval_*.yaml" in capsys.readouterr().err
    Path("c.csv").write_text("input,expected\na,b\n")
    assert main(["import", "csv", "c.csv", "-o", "evals/mine.yaml", "--force"]) == 0
    assert "evals/mine.yaml: pytest collects eval_*.yaml" in capsys.readouterr().out


def test_the_next_command_names_a_judge(capsys: pytest.CaptureFixture[str]) -> None:
    """Where cases are judged by a model, the command that runs them asks for one, unless the settings name it."""
    assert cases(log("Is it blue?")) == 0
    assert capsys.readouterr().out.endswith("--llm-models=MODEL --llm-judge-model=JUDGE\n")
    Path("pyproject.toml").write_text("[tool.llmupgrade.judge]\nmodel = 'umpire'\n")
    assert cases("log.jsonl", "--force") == 0
    assert capsys.readouterr().out.endswith("--llm-models=MODEL\n")
