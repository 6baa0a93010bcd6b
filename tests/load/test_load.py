from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.run.load import case_schema, load_suite
from tests import golden

if TYPE_CHECKING:
    from pytest_llmupgrade.model import Case

FILES = sorted((golden.DATA / "eval_files").glob("*.yaml"))


def load(data: bytes) -> tuple[Case, ...]:
    """Load a suite from bytes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "eval_x.yaml"
        path.write_bytes(data)
        return load_suite(path, file="eval_x.yaml")


def outcome(path: Path) -> str:
    """Return the cases of a file as JSON, or what is wrong with it."""
    try:
        cases = load_suite(path, file=path.name)
    except FaultyFiles as error:
        return f"{error}\n"
    return json.dumps([asdict(case) for case in cases], indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_loads_as_reviewed(path: Path) -> None:
    """Each file under tests/data/eval_files loads into the cases, or fails with the words, beside it."""
    golden.check(f"eval_files/{path.stem}.txt", outcome(path))


def test_there_are_files() -> None:
    """The folder of inputs is found."""
    assert len(FILES) >= 6


# libyaml refuses the surrogate pairs in which JSON writes what is beyond the basic plane.
characters = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
text = st.text(characters)
keys = st.text(characters, max_size=150)
"""A key without a question mark before it has at most 1,024 characters in YAML; JSON writes six for one."""
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(plain)
@example("no")
@example("2026-11-23")
@example({"<<": 1})
@example("\ufeff")
def test_json_values_survive(value: object) -> None:
    """Any JSON value that is written as JSON in YAML arrives as it was."""
    written = json.dumps(value, ensure_ascii=True)
    case = f'cases:\n  - {{"id": a, "input": x, "judge": equals, "expected": {written}}}\n'
    assert load(case.encode())[0].expected == value


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b c", "ü"]), st.text() | st.booleans() | st.integers()))
def test_dumped_yaml_survives(value: dict[str, object]) -> None:
    """What PyYAML writes is read as it was, but for the texts that YAML 1.1 and 1.2 read differently."""
    suite = {"cases": [{"id": "a", "input": "x", "judge": "equals", "expected": value}]}
    written = yaml.safe_dump(suite, allow_unicode=False)
    assert load(written.encode())[0].expected == value


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet="cases:\n -{}[]&*!|>'\"#%@`,?\t\x00aid1.", max_size=120).map(str.encode)
)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Whatever a file holds, it is cases or FaultyFiles."""
    with contextlib.suppress(FaultyFiles):
        load(data)


HOSTILE = (
    b"[" * 200_000,
    b"{a: " * 100_000,
    b"a: &a {b: &b [*a]}",
    b"- " * 100_000,
    b"!!python/object/new:os.system [echo]",
    b"cases: " + b"9" * 5_000,
    b"cases: 2026-99-99",
    b"cases: !!binary x",
    b"cases: !!int x",
    b"? {a: b}\n: c",
)


def test_hostile_files_end_in_words(tmp_path: Path) -> None:
    """Files made to crash or hang a YAML reader end in a fault each, in a process that lives on."""
    code = (
        "import sys; from pathlib import Path; from pytest_llmupgrade.run.load import load_suite\n"
        "from pytest_llmupgrade.errors import FaultyFiles\n"
        "for name in sys.argv[1:]:\n"
        "  try: load_suite(Path(name), file='x')\n"
        "  except FaultyFiles as error: print(error, flush=True)"
    )
    for number, hostile in enumerate(HOSTILE):
        (tmp_path / f"{number}.yaml").write_bytes(hostile)
    command = [
        sys.executable,
        "-c",
        code,
        *(str(tmp_path / f"{number}.yaml") for number in range(len(HOSTILE))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert done.returncode == 0, done.stderr
    assert [line[:2] for line in done.stdout.splitlines()] == ["x:"] * len(HOSTILE)


def test_the_schema_takes_what_the_loader_takes() -> None:
    """The JSON Schema is one, and it accepts the eval files that load."""
    schema = case_schema()
    Draft202012Validator.check_schema(schema)
    for path in FILES:
        if path.stem.startswith("good"):
            Draft202012Validator(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_the_schema_is_strict() -> None:
    """An editor underlines a misspelt key."""
    wrong = {"cases": [{"id": "a", "inptu": "x"}]}
    assert list(Draft202012Validator(case_schema()).iter_errors(wrong))
