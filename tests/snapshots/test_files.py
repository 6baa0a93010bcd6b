from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.model import Completion, Request, ToolCall, Usage
from pytest_llmupgrade.run.load.yaml_values import read_yaml
from pytest_llmupgrade.snapshots.asked import Asked, asked, changed_parts
from pytest_llmupgrade.snapshots.entry import Call, Entry, call_of
from pytest_llmupgrade.snapshots.files import (
    HEADER,
    entry_text,
    join_texts,
    read_entries,
    snapshot_path,
    split_text,
)
from pytest_llmupgrade.snapshots.yaml_text import yaml_lines

ASKED = Asked(model="gpt-4o", prompt="1" * 12, messages="2" * 12, tools="3" * 12, params="4" * 12)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text(
    st.sampled_from("ab \n\t#:-|>\"'\\{}[]&*!%@`,?\r\x85\u2028\ufeff\u202e\x00\x1b"), max_size=30
)


@given(TEXTS)
@example(" leads with a space\nand goes on")
@example("\n\nleads with lines")
@example("ends with lines\n\n\n")
@example("a\n  b\n\n c \n")
@example("tab\there")
@example("---\n...\n# no comment\nkey: value\n- item")
@example("\\\n\\ \n \\")
@example("\U0001f469\u200d\U0001f680 and \u202e hidden")
def test_every_text_comes_back(text: str) -> None:
    """Whatever a model answers is read back from the file as it was."""
    lines = "\n".join(yaml_lines({"answer": text, "after": [{"inner": text}, {"inner": "x"}]})) + "\n"
    value, faults = read_yaml(lines.encode(), "x")
    assert not faults
    assert value == {"answer": text, "after": [{"inner": text}, {"inner": "x"}]}


@given(st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=4))
def test_cases_are_split_as_yaml_reads_them(answers: dict[str, str]) -> None:
    """Splitting a file by its lines finds the cases that YAML finds, and joining gives the file again."""
    texts = {
        name: entry_text(Entry(calls=(Call(answer=text, asked=ASKED),))) for name, text in answers.items()
    }
    whole = join_texts(texts)
    assert split_text(whole) == texts
    assert join_texts(split_text(whole)) == whole
    read = read_entries(whole.encode(), "x")
    assert {name: entry.calls[0].answer for name, entry in read.items()} == answers


def test_an_entry_comes_back() -> None:
    """Everything in an entry survives the file."""
    completion = Completion(
        text="",
        tool_calls=(ToolCall(name="look_up", arguments='{\n "id": 1}', id="c1"),),
        finish_reason="tool_calls",
        refusal="no",
        usage=Usage(input_tokens=10, output_tokens=2, cached_input_tokens=1, reasoning_tokens=1),
        model="gpt-4o-2024-08-06",
        latency_ms=12.0,
        adapted=("temperature dropped",),
    )
    call = call_of(ASKED, 2, completion)
    entry = Entry(verdict="missed", missed=("contains", "not regex"), calls=(call, call), judging=(call,))
    (read,) = read_entries(join_texts({"a": entry_text(entry)}).encode(), "x").values()
    assert read == entry
    replayed = read.calls[0].completion
    assert (replayed.tool_calls, replayed.usage, replayed.latency_ms) == (
        completion.tool_calls,
        completion.usage,
        12.0,
    )
    assert replayed.origin == "replayed"


READABLE = f"""{HEADER}
refund:
  verdict: passed
  calls:
    - answer: |-
        You have 30 days.

          - shoes
          - hats
      asked: {{model: gpt-4o, prompt: "111111111111", messages: "222222222222", tools: "333333333333", params: "444444444444"}}
      served_by: m-1
      tokens: {{input: 9, output: 4}}
      latency_ms: 812
"""


def test_a_file_reads_well() -> None:
    """A reviewer sees the answer as it was given, and one line for all that is not the answer's words."""
    call = call_of(
        ASKED,
        0,
        Completion(
            text="You have 30 days.\n\n  - shoes\n  - hats",
            usage=Usage(input_tokens=9, output_tokens=4),
            latency_ms=812.4,
            model="m-1",
        ),
    )
    text = join_texts({"refund": entry_text(Entry(verdict="passed", calls=(call,)))})
    assert text == READABLE


def test_the_order_is_by_name() -> None:
    """Cases stand in one order, however they were written."""
    assert list(split_text(join_texts({"b": "  x: 1\n", "a": "  x: 2\n"}))) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n", "x:1: no snapshot file; its first line is to begin with '# llmupgrade-snapshots/1'"),
        ("# llmupgrade-snapshots/2\n", "x:1: another version than llmupgrade-snapshots/1; upgrade"),
        (f"{HEADER}<<<<<<< HEAD\n", "x:2: no cases below the first line; git may have left a conflict here"),
        (f"{HEADER}a:\n  calls: []\n<<<<<<< HEAD\nb:\n", "x:"),
        (f"{HEADER}a:\n  calls: 1\n", "x:2: case 'a': calls: "),
        (
            f"{HEADER}a:\n  verdict: great\n",
            "x:2: case 'a': verdict: input should be 'passed' or 'missed'; delete the case",
        ),
        (f"{HEADER}a:\n  calls: []\na:\n  calls: []\n", "x:4: 'a' stands twice"),
    ],
)
def test_what_is_no_snapshot(text: str, message: str) -> None:
    """A file that is none, that git left conflicts in, or that was edited is named with its line."""
    with pytest.raises(FaultyFiles) as caught:
        read_entries(text.encode(), "x")
    assert str(caught.value).startswith(message)


def test_where_files_stand() -> None:
    """One file per suite and model, whatever the model is called; no two share one."""
    suite = Path("evals/eval_a.yaml")
    assert snapshot_path(suite, "gpt-4o") == Path("evals/__llm_snapshots__/eval_a/gpt-4o.yaml")
    names = ["local/a", "local_a", "local:a", "../a", "m#2", ".a", "é"]
    paths = [snapshot_path(suite, name) for name in names]
    assert len({*paths}) == len(names)
    assert {path.parent for path in paths} == {Path("evals/__llm_snapshots__/eval_a")}
    assert snapshot_path(Path("eval_a.yml"), "m") != snapshot_path(Path("eval_a.yaml"), "m")


def request(**body: Any) -> Request:
    """Return a request with a system message and a question, changed as told."""
    messages = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"})
    return Request(
        model="m", endpoint="http://x", body={"model": "m", "messages": messages, "temperature": 0, **body}
    )


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({}, ()),
        ({"model": "n"}, ("model",)),
        ({"temperature": 1}, ("params",)),
        ({"tools": [{"type": "function"}]}, ("tools",)),
        ({"response_format": {"type": "json_object"}}, ("tools",)),
        (
            {"messages": ({"role": "system", "content": "Be rude."}, {"role": "user", "content": "Hello"})},
            ("prompt",),
        ),
        ({"messages": ({"role": "system", "content": "Be kind."},)}, ("messages",)),
    ],
)
def test_what_changed_is_told(change: dict[str, object], parts: tuple[str, ...]) -> None:
    """A change of any part of a request is seen, and named."""
    assert changed_parts(asked(request()), asked(request(**change))) == parts
