from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.fingerprints import case_fingerprint
from pytest_llmupgrade.model import Case
from pytest_llmupgrade.prompts import Prompts, parse_prompts
from pytest_llmupgrade.prompts.binding import case_faults, told, version_faults
from pytest_llmupgrade.variants import Variant, once_more, variants_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = """\
prompts:
  support:
    versions:
      verbose: "Clerk of {{ shop }}, {{ mood }}."
      concise: {role: developer, text: "Clerk of {{ shop }}."}
    use: {"old*": verbose, default: concise}
  router: One word.
"""
PROMPTS = parse_prompts(FILE.encode(), file="evals/prompts.yaml")
VARS = {"shop": "Shoe & Co", "mood": "kind"}


def case(prompt: str | None = "support", role: str = "user", variables: Mapping[str, str] = VARS) -> Case:
    """Return a case of one message."""
    message = {"role": role, "content": "Hello {{ shop }}"}
    return Case(
        id="a", file="evals/eval_a.yaml", line=3, messages=(message,), prompt=prompt, vars=dict(variables)
    )


def faults(one: Case, prompts: Prompts | None = PROMPTS) -> list[str]:
    """Return what is wrong with a case."""
    return [str(fault) for fault in case_faults([one], prompts)]


def first(one: Case, model: str, version: str | None = None) -> object:
    """Return the first message that a model is told."""
    return told(one, PROMPTS, Variant(model=model, version=version)).messages[0]


@pytest.mark.parametrize(
    ("model", "version", "message"),
    [
        ("old", None, {"role": "system", "content": "Clerk of Shoe & Co, kind."}),
        ("new", None, {"role": "developer", "content": "Clerk of Shoe & Co."}),
        ("old", "concise", {"role": "developer", "content": "Clerk of Shoe & Co."}),
        ("old", "of-another-prompt", {"role": "system", "content": "Clerk of Shoe & Co, kind."}),
    ],
)
def test_what_a_model_is_told(model: str, version: str | None, message: object) -> None:
    """The asked version where the prompt has it, else the model's own; the case's own messages follow unchanged."""
    assert first(case(), model, version) == message
    assert told(case(), PROMPTS, Variant(model=model, version=version)).messages[1:] == case().messages


def test_a_case_without_a_prompt_is_asked_as_it_stands() -> None:
    """A prompts.yaml changes nothing for a case that names none."""
    assert told(case(None), PROMPTS, Variant(model="old", version="concise")) == case(None)


def test_the_version_does_not_change_the_case() -> None:
    """Runs with other prompts ask the same case, so they compare."""
    found = {case_fingerprint(told(case(), PROMPTS, Variant(model=model))) for model in ("old", "new")}
    assert found == {case_fingerprint(case())}


@given(
    st.text() | st.sampled_from(["{{ mood }}", "{{ shop }}", "{{ os.system }}", "{% x %}", "\\1", "\\g<0>"])
)
def test_a_value_is_never_a_template(value: str) -> None:
    """What a var says reaches the model as it stands, whatever it looks like."""
    found = first(case(variables={"shop": value, "mood": "kind"}), "old")
    assert found == {"role": "system", "content": f"Clerk of {value}, kind."}


@pytest.mark.parametrize(
    ("one", "what"),
    [
        (case("suport"), "unknown prompt 'suport' (evals/prompts.yaml). Did you mean 'support'?"),
        (
            case(role="system"),
            "has prompt 'support' and a system message of its own; keep one (prompt: null leaves the file's out)",
        ),
        (
            case("router", role="developer"),
            "has prompt 'router' and a system message of its own; keep one (prompt: null leaves the file's out)",
        ),
        (
            case(variables={"shp": "x", "mood": "y"}),
            "{{ shop }} of prompt 'support' (verbose, concise) is not among vars. Did you mean 'shp'?",
        ),
        (
            case(variables={"shop": "x"}),
            "{{ mood }} of prompt 'support' (verbose) is not among vars. Known: shop",
        ),
    ],
)
def test_a_fault_of_a_case(one: Case, what: str) -> None:
    """Every fault is one line with the case's place, for whichever version a model may be told."""
    assert faults(one) == [f"evals/eval_a.yaml:3: case 'a': {what}"]


def test_a_prompt_without_a_file() -> None:
    """A case that names a prompt needs a prompts.yaml; one that names none does not."""
    assert faults(case(), None) == [
        (
            "evals/eval_a.yaml:3: case 'a': prompt 'support', but there is no prompts.yaml beside the file or above it; "
            "write one, or the system message into messages"
        )
    ]
    assert faults(case(None), None) == []
    assert faults(case()) == []


def test_versions_of_the_flag_are_checked() -> None:
    """A version of --llm-prompts is fine where any prompt of the file has it."""
    assert list(version_faults(PROMPTS, ["concise", "default"])) == []
    assert [str(fault) for fault in version_faults(PROMPTS, ["consise"])] == [
        "evals/prompts.yaml: --llm-prompts=consise: no prompt has such a version. Did you mean 'concise'?"
    ]


@pytest.mark.parametrize(
    ("models", "versions", "kept", "names"),
    [
        (("a", "b"), (), False, ["a", "b"]),
        (("a", "b"), ("v", "w"), False, ["a", "a-v", "a-w", "b-v", "b-w"]),
        (("b",), ("v",), True, ["b-v"]),
        ((), ("v",), False, []),
    ],
)
def test_the_columns_of_a_run(
    models: tuple[str, ...], versions: tuple[str, ...], kept: object, names: list[str]
) -> None:
    """The incumbent as it is told now comes first, unless a kept run stands for it."""
    assert [one.name for one in variants_of(models, versions, incumbent_kept=bool(kept))] == names


@pytest.mark.parametrize(
    ("column", "same"), [("m#2", True), ("m", True), ("m-v", False), ("m#2-v", False), ("n#2", False)]
)
def test_an_a_a_check_is_of_the_same_prompt(column: str, same: object) -> None:
    """A model asked twice is the same; with another prompt it is not, whatever its number."""
    assert once_more(column, "m") is same
