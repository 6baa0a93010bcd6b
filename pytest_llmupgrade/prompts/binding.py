"""From a case and a model to what the model is told, and what is wrong with a case's prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_llmupgrade.errors import Fault, UsageError
from pytest_llmupgrade.run.load.placeholders import fill
from pytest_llmupgrade.wording import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_llmupgrade.model import Case
    from pytest_llmupgrade.prompts.versions import Prompt, Prompts
    from pytest_llmupgrade.variants import Variant

_INSTRUCTIONS = ("system", "developer")


def told(case: Case, prompts: Prompts | None, variant: Variant) -> Case:
    """Return a case with its prompt as the first message, in the version that a column tells its model.

    Placeholders are filled from the case's vars, once: what a value says is never read as a template. A version that
    this prompt does not have is the one that the model uses.
    """
    if case.prompt is None or prompts is None:
        return case
    prompt = prompts[case.prompt]
    wanted = variant.version if variant.version in prompt.drafts else None
    version = prompt.version_for(variant.model, wanted)
    text = fill(version.text, case.vars, lambda _unknown: None)  # unknown names are faults long before
    message = {"role": version.role, "content": text}
    return replace(case, messages=(message, *case.messages), told=version.use)


# --- faults ----------------------------------------------------------------------------------------


def case_faults(cases: Iterable[Case], prompts: Prompts | None) -> Iterator[Fault]:
    """Yield what is wrong with the prompts of cases: names, roles that meet, placeholders that nobody sets."""
    for case in cases:
        if case.prompt is not None:
            for what in _case_faults(case, case.prompt, prompts):
                yield Fault(case.file, case.line, f"case {printable(case.id)!r}: {what}")


def _case_faults(case: Case, name: str, prompts: Prompts | None) -> Iterator[str]:
    if prompts is None:
        yield (
            f"prompt {printable(name)!r}, but there is no prompts.yaml beside the file or above it; "
            "write one, or the system message into messages"
        )
        return
    if any(message.get("role") in _INSTRUCTIONS for message in case.messages):
        yield (
            f"has prompt {printable(name)!r} and a system message of its own; keep one "
            "(prompt: null leaves the file's out)"
        )
    try:
        prompt = prompts[name]
    except UsageError as error:
        yield str(error)
        return
    yield from _unset(case, prompt)


def _unset(case: Case, prompt: Prompt) -> Iterator[str]:
    """Yield each placeholder without a value once, with the versions that have it."""
    missing: dict[str, list[str]] = {}
    for version, draft in prompt.drafts.items():
        found: dict[str, None] = {}
        fill(draft.text, case.vars, found.setdefault)
        for unset in found:
            missing.setdefault(unset, []).append(version)
    for unset, versions in missing.items():
        of = f"prompt {prompt.name!r} ({', '.join(versions)})"
        known = f"Known: {', '.join(case.vars)}" if case.vars else f"Write vars: {{{unset}: ...}}"
        yield f"{{{{ {unset} }}}} of {of} is not among vars. {nearest(unset, case.vars) or known}"


def version_faults(prompts: Prompts, versions: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault for each version of `--llm-prompts` that no prompt of a file has."""
    known = dict.fromkeys(version for prompt in prompts.by_name.values() for version in prompt.versions)
    for version in versions:
        if version not in known:
            hint = nearest(version, known) or f"Known: {', '.join(known)}"
            yield Fault(
                prompts.file, 0, f"--llm-prompts={printable(version)}: no prompt has such a version. {hint}"
            )
