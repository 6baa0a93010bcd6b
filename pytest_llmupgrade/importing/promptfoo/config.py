"""A promptfoo configuration as eval files, one for each prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.importing.drafts import CaseDraft, SuiteDraft, unique_ids
from pytest_llmupgrade.importing.files import SCHEME, Files, read_data
from pytest_llmupgrade.importing.promptfoo.assertions import judge_of, remarks_on
from pytest_llmupgrade.importing.promptfoo.prompts import Prompt, prompts_of
from pytest_llmupgrade.importing.promptfoo.providers import Provider, provider_of
from pytest_llmupgrade.importing.promptfoo.questions import question_of
from pytest_llmupgrade.importing.promptfoo.references import References
from pytest_llmupgrade.importing.promptfoo.tests import RawTest, Tests
from pytest_llmupgrade.importing.templates import NoCounterpart, rendered
from pytest_llmupgrade.run.load.yaml_values import LinedDict, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TOP = frozenset(
    [
        "$schema",
        "description",
        "providers",
        "targets",
        "prompts",
        "tests",
        "scenarios",
        "defaultTest",
        "assertionTemplates",
    ]
)


def import_promptfoo(path: Path, *, shown: str, root: Path) -> dict[str, SuiteDraft]:
    """Return the eval files by name; FaultyFiles where the configuration cannot be read at all."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FaultyFiles([Fault(shown, 0, f"cannot be read: {error.strerror}")]) from None
    if path.suffix in (".js", ".ts", ".mjs", ".cjs", ".py"):
        raise FaultyFiles([Fault(shown, 0, "is code, and is not run; write it as YAML or JSON first")])
    config, faults = read_yaml(data, shown)
    if faults:
        raise FaultyFiles(faults)
    if not isinstance(config, LinedDict):
        raise FaultyFiles(
            [Fault(shown, 1, "holds no mapping; a promptfoo configuration has prompts and tests")]
        )
    return _Importer(config, shown, Files(folder=path.parent, root=root)).suites()


class _Importer:
    """Reads one configuration; what has no counterpart grows in `remarks`."""

    def __init__(self, config: LinedDict, shown: str, files: Files) -> None:
        self._config, self._shown, self._files = config, shown, files
        self._remarks: list[Fault] = []
        self._shared: dict[str, Any] = {}
        self._references = References(config)

    def suites(self) -> dict[str, SuiteDraft]:
        """Return one suite for each prompt, by a name made of its label."""
        for key in self._config:
            if key not in _TOP:
                self._remark(self._line(key), f"{key} has no counterpart")
        prompts = list(self._prompts())
        shared, models = self._models()
        self._shared = shared
        tests = list(Tests(self._config, self._shown, self._files, self._remarks))
        if not prompts or not tests:
            what = "prompt that can be asked here" if not prompts else "test"
            fault = Fault(self._shown, self._line("prompts" if not prompts else "tests"), f"no {what}")
            raise FaultyFiles([*self._remarks, fault])
        names = (
            unique_ids(prompt.label or f"prompt-{number}" for number, prompt in enumerate(prompts, 1))
            if len(prompts) > 1
            else [""]
        )
        return {
            name: SuiteDraft(
                source=self._shown,
                shared=shared,
                cases=tuple(self._cases(prompt, tests)),
                remarks=tuple(dict.fromkeys(self._remarks)),
                models=models,
            )
            for name, prompt in zip(names, prompts, strict=True)
        }

    # --- prompts and models ---

    def _prompts(self) -> Iterator[Prompt]:
        for entry, line in self._entries("prompts"):
            try:
                yield from prompts_of(entry, line, self._files)
            except NoCounterpart as error:
                self._remark(line, f"prompts: {error}")

    def _models(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what all providers share, and the models' names."""
        found: list[Provider] = []
        for key in ("providers", "targets"):
            for entry, line in self._entries(key):
                try:
                    found.append(provider_of(entry, self._files))
                except NoCounterpart as error:
                    self._remark(line, str(error))
                else:
                    for remark in found[-1].remarks:
                        self._remark(line, remark)
        first = found[0].shared if found else {}
        same = {
            key: value for key, value in first.items() if all(one.shared.get(key) == value for one in found)
        }
        for provider in found:
            differing = ", ".join(key for key in provider.shared if key not in same)
            if differing:
                table = f'[tool.llmupgrade.models."{provider.model}"]'
                self._remark(self._line("providers"), f"{provider.model}: set its own {differing} in {table}")
        return same, tuple(dict.fromkeys(provider.model for provider in found))

    def _entries(self, key: str) -> Iterator[tuple[Any, int]]:
        value = self._config.get(key)
        if isinstance(value, str) and value.startswith(SCHEME) and key != "prompts":
            self._remark(self._line(key), f"{key}: {value} is not read; write them out")
        elif isinstance(value, list):
            yield from zip(value, getattr(value, "lines", [self._line(key)] * len(value)), strict=True)
        elif value is not None:
            yield value, self._line(key)

    # --- cases ---

    def _cases(self, prompt: Prompt, tests: list[RawTest]) -> Iterator[CaseDraft]:
        ids = unique_ids(test.label or f"test-{number}" for number, test in enumerate(tests, 1))
        for id_, test in zip(ids, tests, strict=True):
            yield self._case(id_, prompt, test)

    def _case(self, id_: str, prompt: Prompt, test: RawTest) -> CaseDraft:
        remarks = [*test.remarks]
        fields: dict[str, Any] = {}
        try:
            fields.update(question_of(prompt, test))
        except NoCounterpart as error:
            remarks.append(Fault(test.file, test.line, str(error)))
        judges = self._judges(test, remarks) if fields else []
        if "valid_tool_calls" in str(judges) and "tools" not in self._shared:
            remarks.append(Fault(test.file, test.line, "valid_tool_calls needs tools: give them to the case"))
        if test.threshold is not None:
            remarks.append(
                Fault(
                    test.file,
                    test.line,
                    "threshold: promptfoo weighs the assertions; here all of them must pass",
                )
            )
        if fields and not judges:
            remarks.append(
                Fault(
                    test.file,
                    test.line,
                    "none of its assertions can be judged here: the case stays a comment",
                )
            )
        fields["judge"] = judges[0] if len(judges) == 1 else judges
        fields["source"] = f"{test.file}:{test.line}" if test.line else test.file
        return CaseDraft(id=id_, fields=fields, remarks=tuple(dict.fromkeys(remarks)))

    def _judges(self, test: RawTest, remarks: list[Fault]) -> list[Any]:
        """Return a test's judges; none where nothing but the defaults is left, which would pass almost anything."""
        default = list(self._judged(test, test.asserts[: test.defaults], remarks))
        own = list(self._judged(test, test.asserts[test.defaults :], remarks))
        return default + own if own or len(test.asserts) == test.defaults else []

    def _judged(
        self, test: RawTest, asserts: tuple[tuple[int, Any], ...], remarks: list[Fault]
    ) -> Iterator[Any]:
        def refused(line: int, message: str) -> None:
            remarks.append(Fault(test.file, line, message))

        for line, assertion in self._references.opened(asserts, refused):
            try:
                resolved = self._resolved(assertion, test.vars)
                yield judge_of(resolved)
            except NoCounterpart as error:
                refused(line, str(error))
                continue
            remarks.extend(Fault(test.file, line, remark) for remark in remarks_on(resolved))

    def _resolved(self, assertion: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
        """Return an assertion whose value is the one compared with: files read, templates filled in."""
        resolved = dict(assertion)
        value = assertion.get("value")
        if isinstance(value, str) and value.startswith(SCHEME):
            (path, *_more) = self._files.paths(value)
            value = read_data(path)
        code = str(assertion.get("type", "")).removeprefix("not-") in ("javascript", "python")
        resolved["value"] = value if code else rendered(value, names)
        return resolved

    def _line(self, key: str) -> int:
        return self._config.lines.get(key, 1)

    def _remark(self, line: int, message: str) -> None:
        self._remarks.append(Fault(self._shown, line, message))
