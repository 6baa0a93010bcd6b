from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.prompts import Prompts, find_prompts, load_prompts, parse_prompts
from pytest_llmupgrade.prompts.schema import prompts_schema
from pytest_llmupgrade.run.load.yaml_values import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
prompts:
  support:
    versions:
      verbose: |
        You are a kind clerk of {{ shop }}.
        Answer in one sentence.
      concise: {role: developer, text: "Clerk of {{ shop }}. One sentence."}
    use: {"gpt-3.5-turbo*": verbose, "o3*": concise, default: concise}
  router: Answer with one word.
"""


def parsed(text: str = FILE) -> Prompts:
    """Read a file, by default the documented one."""
    return parse_prompts(text.encode(), file="prompts.yaml")


# --- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "version", "role"),
    [
        ("gpt-3.5-turbo", "verbose", "system"),
        ("gpt-3.5-turbo-0125", "verbose", "system"),
        ("gpt-3.5-turbo#2", "verbose", "system"),
        ("o3", "concise", "developer"),
        ("local/smollm2-135m", "concise", "developer"),
        ("GPT-3.5-turbo", "concise", "developer"),
    ],
)
def test_a_model_is_told_the_version_of_its_glob(model: str, version: str, role: str) -> None:
    """The first glob that matches the model's name decides, `default` where none does; `m#2` is told what `m` is."""
    found = parsed().version_for("support", model)
    assert (found.name, found.version, found.role) == ("support", version, role)


@pytest.mark.parametrize(
    ("model", "role"),
    [
        ("gpt-4o", "system"),
        ("gpt-5-mini", "developer"),
        ("o3", "developer"),
        ("o1-mini", "system"),
        ("o4-mini#2", "developer"),
        ("local/smollm2-135m", "system"),
        ("ollama/gpt-5", "system"),
    ],
)
def test_the_role_is_the_models_where_the_file_does_not_say(model: str, role: str) -> None:
    """OpenAI's models since o1 are told as `developer`, every other model as `system`."""
    assert parsed().version_for("router", model).role == role


def test_a_version_may_be_named() -> None:
    """A version that is asked for wins over the globs."""
    assert parsed().version_for("support", "gpt-4o", "verbose").text.startswith("You are a kind clerk")


def test_a_single_text_is_the_only_version() -> None:
    """A prompt that is a text has one version, which every model is told."""
    found = parsed().version_for("router", "gpt-4o")
    assert (found.version, found.text) == ("default", "Answer with one word.")


def test_a_single_version_needs_no_use() -> None:
    """Where there is one version, no glob has to choose it."""
    assert parsed("prompts: {a: {versions: {v1: Hello}}}").version_for("a", "m").version == "v1"


def test_the_hash_tells_what_a_model_is_told() -> None:
    """Role and template decide the hash; name, version and place in the file do not."""
    same = parsed("prompts:\n  other: {versions: {v2: Answer with one word.}}")
    router = parsed().version_for("router", "gpt-4o")
    assert router.sha256 == same.version_for("other", "gpt-4o").sha256
    assert router.sha256 != parsed().version_for("router", "o3").sha256
    assert router.use.sha256 == router.sha256


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("suport", None, "unknown prompt 'suport' (prompts.yaml). Did you mean 'support'?"),
        ("billing", None, "unknown prompt 'billing' (prompts.yaml). Known: support, router"),
        (
            "support",
            "consise",
            "prompt 'support' has no version 'consise'. Did you mean 'concise'?",
        ),
    ],
)
def test_an_unknown_name_is_told_with_a_suggestion(name: str, version: str | None, message: str) -> None:
    """A name that is not there is one clear line, never a KeyError."""
    with pytest.raises(UsageError) as caught:
        parsed().version_for(name, "gpt-4o", version)
    assert str(caught.value) == message


# --- faults ----------------------------------------------------------------------------------------

FAULTS = [
    ("", "prompts.yaml:1: it is empty; write a mapping with the key 'prompts'"),
    ("[a]", "prompts.yaml:1: it holds ['a']; write a mapping with the key 'prompts'"),
    ("prompts: {}", "prompts.yaml:1: prompts must map names to prompts, not {}"),
    ("prompts:\n  a: 3", "prompts.yaml:2: prompt 'a': the text must be a text, not 3; quote it"),
    ("prompts:\n  a: ' '", "prompts.yaml:2: prompt 'a': the text is empty; write what the model is told"),
    (
        "prompts:\n  a b: x",
        "prompts.yaml:2: prompt 'a b': no name for a prompt; write letters, digits, '.', '_' and '-', at most 64",
    ),
    (
        "prompts:\n  a:\n    versions: {v 1: x}",
        (
            "prompts.yaml:3: prompt 'a': 'v 1' is no name for a version; "
            "write letters, digits, '.', '_' and '-', at most 64"
        ),
    ),
    (
        "prompts:\n  a:\n    version: {v1: x}",
        (
            "prompts.yaml:2: prompt 'a': lacks 'versions'; write versions: {NAME: text}, or the text alone\n"
            "prompts.yaml:3: prompt 'a': unknown key 'version'. Did you mean 'versions'?"
        ),
    ),
    (
        "prompts:\n  a:\n    versions: {v1: x, v2: y}",
        "prompts.yaml:2: prompt 'a': lacks 'use'; write which version models are told: use: {default: v1}",
    ),
    (
        "prompts:\n  a:\n    versions: {v1: x, v2: y}\n    use: {gpt*: v1}",
        (
            "prompts.yaml:4: prompt 'a': use lacks 'default', in {'gpt*': 'v1'}; "
            "write which version models are told: use: {default: v1}"
        ),
    ),
    (
        "prompts:\n  a:\n    versions: {verbose: x, concise: y}\n    use:\n      default: consise",
        "prompts.yaml:5: prompt 'a': use: no version 'consise'. Did you mean 'concise'?",
    ),
    (
        "prompts:\n  a:\n    versions: {v1: x, v2: y}\n    use: {default: [v1]}",
        "prompts.yaml:4: prompt 'a': use: no version ['v1']. Known: v1, v2",
    ),
    (
        "prompts:\n  a:\n    versions:\n      v1: {text: x, role: user}",
        "prompts.yaml:4: prompt 'a': version 'v1': role must be system or developer, not 'user'",
    ),
    (
        "prompts:\n  a:\n    role: system\n    versions: {v1: x}",
        "prompts.yaml:3: prompt 'a': role belongs to a version; write {role: ..., text: ...}",
    ),
    (
        "prompts:\n  a: 'Hi {{ user.name }}'",
        "prompts.yaml:2: prompt 'a': '{{ user.name }}' is no placeholder; only names are read: {{ name }}",
    ),
    (
        "prompts:\n  a: '{% for x in y %}'",
        "prompts.yaml:2: prompt 'a': '{% for x in y %}' is no placeholder; only names are read: {{ name }}",
    ),
    ("prompts:\n  a: x\n  a: y", "prompts.yaml:3: 'a' stands twice; the other is in line 2; remove one"),
    ("prompt:\n  a: x", None),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_is_one_clear_line(text: str, fault: str | None) -> None:
    """What is wrong is told with its line, the prompt and what to write instead."""
    with pytest.raises(FaultyFiles) as caught:
        parsed(text)
    if fault is not None:
        assert str(caught.value) == fault


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["prompts", "versions", "use", "text", "role", "default", "a"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_shape_whatever_breaks_the_reader(value: object) -> None:
    """Any YAML is read or refused in words; what is refused is refused by the editors' schema, too, or by meaning."""
    text = json.dumps(value)
    try:
        prompts = parsed(text)
    except FaultyFiles:
        return
    jsonschema.validate(value, prompts_schema())
    for name in prompts.by_name:
        assert prompts.version_for(name, "any model").text


@pytest.mark.parametrize("data", [b"\xff", b"a: &a [*a]", b"prompts: !!python/object:os.system x"])
def test_hostile_files_are_faults(data: bytes) -> None:
    """No bytes whatever make the reader raise anything but its own fault."""
    with pytest.raises(FaultyFiles):
        parse_prompts(data, file="prompts.yaml")


# --- where it is, and the schema -------------------------------------------------------------------


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    """A prompts.yaml beside the suite, else the nearest above it; never one above the root."""
    root, deep = tmp_path / "root", tmp_path / "root" / "evals" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "prompts.yaml").write_text(FILE)
    assert find_prompts(deep, root) is None
    (root / "prompts.yaml").write_text(FILE)
    assert find_prompts(deep, root) == root / "prompts.yaml"
    (deep / "prompts.yaml").write_text(FILE)
    assert find_prompts(deep, root) == deep / "prompts.yaml"
    assert find_prompts(root / "evals", root) == root / "prompts.yaml"


def test_outside_the_root_only_the_folder_itself_counts(tmp_path: Path) -> None:
    """A suite outside the root is not given prompts from folders above it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "prompts.yaml").write_text(FILE)
    assert find_prompts(outside, tmp_path / "root") is None
    (outside / "prompts.yaml").write_text(FILE)
    assert find_prompts(outside, tmp_path / "root") == outside / "prompts.yaml"


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    """A file that is not there is one line, too."""
    with pytest.raises(FaultyFiles, match=r"p\.yaml: cannot be read: No such file"):
        load_prompts(tmp_path / "p.yaml", file="p.yaml")


def test_the_schema_takes_the_documented_file(capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade schema prompts` prints what the package ships, a schema that takes the documented file."""
    assert main(["schema", "prompts"]) == 0
    shipped = json.loads(files("pytest_llmupgrade").joinpath("data/prompts.schema.json").read_text("utf-8"))
    assert json.loads(capsys.readouterr().out) == shipped
    jsonschema.Draft202012Validator.check_schema(shipped)
    jsonschema.validate(read_yaml(FILE.encode(), "prompts.yaml")[0], shipped)


@pytest.mark.parametrize("part", ["{%", "{{ a", "{{ ", "{% a "])
def test_no_text_takes_quadratic_time(part: str) -> None:
    """A prompt of half a million braces is read at once: looking for expressions, each is passed once."""
    text = part * (900_000 // len(part))
    found = parse_prompts(f"prompts:\n  p: |\n    x{text}\n".encode(), file="prompts.yaml")
    assert found["p"].drafts["default"].text.startswith("x")
