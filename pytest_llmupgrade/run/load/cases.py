"""From an eval file to its cases, or to everything that is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.model import Case, ModelRule
from pytest_llmupgrade.run.load import checks, words
from pytest_llmupgrade.run.load.judge_specs import judge_specs
from pytest_llmupgrade.run.load.placeholders import fill
from pytest_llmupgrade.run.load.wire import CaseWire, FileWire
from pytest_llmupgrade.run.load.yaml_values import LinedDict, LinedList, read_yaml
from pytest_llmupgrade.run.repeats import pass_rule
from pytest_llmupgrade.wording import nearest, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_FORBIDDEN = re.compile(r"[\[\]/\s\x00-\x1f\x7f]|::")
_ACTIONS: Mapping[str, Literal["skip", "xfail"]] = {"skip": "skip", "xfail": "xfail"}
_COLLIDING = frozenset(
    ("setup_module", "teardown_module", "setup_function", "teardown_function", "pytest_plugins")
)


def load_suite(path: Path, *, file: str) -> tuple[Case, ...]:
    """Return the cases of an eval file; FaultyFiles names everything that is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FaultyFiles([Fault(file, 0, f"cannot be read: {error.strerror}")]) from None
    root, faults = read_yaml(data, file)
    if not isinstance(root, LinedDict):
        what = "it is empty" if root is None else f"it holds {words.shown(root)}"
        raise FaultyFiles([Fault(file, 1, f"{what}; write a mapping with the key 'cases'")])
    root, wire = _validate(root, file, faults)
    cases = tuple(_Loader(root, wire, file, faults).cases()) if wire else ()
    if faults:
        raise FaultyFiles(faults)
    return cases


def _validate(root: LinedDict, file: str, faults: list[Fault]) -> tuple[LinedDict, FileWire | None]:
    """Return the models of all cases that have the right shape, so that their other faults are found, too."""
    try:
        return root, FileWire.model_validate(root)
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults.extend(
        Fault(file, words.place(root, detail["loc"]), words.message(detail, root)) for detail in details
    )
    bad = {
        detail["loc"][1] if len(detail["loc"]) > 1 and detail["loc"][0] == "cases" else None
        for detail in details
    }
    rest = None if None in bad else _without(root, bad)
    return (rest, FileWire.model_validate(rest)) if rest else (root, None)


def _without(root: LinedDict, bad: Collection[int | str | None]) -> LinedDict | None:
    """Return the file without its misshapen cases, None where no other is left."""
    kept = LinedList(root["cases"].line)
    for index, (case, line) in enumerate(zip(root["cases"], root["cases"].lines, strict=True)):
        if index not in bad:
            kept.append(case)
            kept.lines.append(line)
    rest = LinedDict(root.line)
    rest.update(root, cases=kept)
    rest.lines = root.lines
    return rest if kept else None


class _Loader:
    """Turns one file's wire models into cases; what is wrong grows in `faults`."""

    def __init__(self, root: LinedDict, wire: FileWire, file: str, faults: list[Fault]) -> None:
        self._root, self._wire, self._file, self._faults = root, wire, file, faults
        self._seen: dict[str, int] = {}
        self._judges = self._default_judges()
        self._rules = tuple(self._read_rules(wire.models, self._line("models"), ""))
        for problem in checks.shared(wire):
            self._fault(words.place(root, problem.at), problem.message)

    def cases(self) -> Iterator[Case]:
        for index, wire in enumerate(self._wire.cases):
            yield self._case(wire, self._root["cases"][index], self._root["cases"].lines[index])

    # --- parts of a case ---

    def _case(self, wire: CaseWire, node: LinedDict, line: int) -> Case:
        name = f"case {printable(wire.id)!r}: "
        self._check_id(wire.id, line)
        for problem in checks.shared(wire):
            self._fault(words.place(node, problem.at), name + problem.message)
        shared = self._wire
        return Case(
            id=wire.id,
            file=self._file,
            line=line,
            messages=self._messages(wire, node, line, name),
            expected=wire.expected,
            judges=self._case_judges(wire, node, line, name),
            category=wire.category or shared.category or "general",
            difficulty=wire.difficulty or shared.difficulty or "medium",
            tags=tuple(dict.fromkeys((*shared.tags, *wire.tags))),
            weight=wire.weight,
            criticality=wire.criticality,
            repeat=wire.repeat or shared.repeat,
            pass_when=pass_rule(shared.pass_when if wire.pass_when is None else wire.pass_when),
            source=wire.source,
            prompt=wire.prompt if "prompt" in wire.model_fields_set else shared.prompt,
            vars={**shared.vars, **wire.vars} if wire.vars else shared.vars,
            params={**shared.params, **wire.params} if wire.params else shared.params,
            tools=tuple(wire.tools or shared.tools),
            response_format=wire.response_format or shared.response_format,
            rules=(*self._read_rules(wire.models, node.lines.get("models", line), name), *self._rules),
        )

    def _check_id(self, id_: str, line: int) -> None:
        name = f"case {printable(id_)!r}: "
        if id_ in self._seen:
            self._fault(line, f"{name}this id stands in line {self._seen[id_]} already; choose another")
        self._seen.setdefault(id_, line)
        if not id_ or _FORBIDDEN.search(id_) or not id_.isprintable():
            self._fault(
                line, f"{name}an id has no spaces, slashes, brackets or '::'; write words-with-hyphens"
            )
        elif id_ in _COLLIDING or id_.startswith(("_", "pytest_")):
            self._fault(line, f"{name}this id means something to pytest; choose another")

    def _messages(self, wire: CaseWire, node: LinedDict, line: int, name: str) -> tuple[dict[str, Any], ...]:
        if (wire.input is None) == (wire.messages is None):
            both = (
                "both 'input' and 'messages'; keep one"
                if wire.input is not None
                else "no 'input'; write what the user asks"
            )
            self._fault(line, f"{name}has {both}")
            return ()
        messages: Any = wire.messages if wire.input is None else [{"role": "user", "content": wire.input}]
        for problem in checks.roles(wire):
            self._fault(words.place(node, problem.at), name + problem.message)
        names = {**self._wire.vars, **wire.vars}
        if not names:
            return tuple(messages)
        return tuple(fill(messages, names, lambda unknown: self._unknown_var(unknown, names, line, name)))

    def _unknown_var(self, unknown: str, names: dict[str, Any], line: int, name: str) -> None:
        hint = nearest(unknown, names) or f"Known: {', '.join(names)}"
        self._fault(line, f"{name}{{{{ {unknown} }}}} is not among vars. {hint}")

    def _default_judges(self) -> Any:
        if self._wire.judge is None:
            return ()
        return judge_specs(self._wire.judge, self._line("judge"), self._fault)

    def _case_judges(self, wire: CaseWire, node: LinedDict, line: int, name: str) -> Any:
        if wire.judge is None:
            if not self._judges and self._wire.judge is None:
                self._fault(line, f"{name}no judge; write judge: contains, or a default judge for the file")
            return self._judges
        where = node.lines.get("judge", line)
        specs = judge_specs(wire.judge, where, lambda at, text: self._fault(at, name + text))
        for spec in specs:
            for problem in checks.judge(spec):
                self._fault(spec.line, name + problem)
        return specs

    def _read_rules(self, rules: Any, line: int, name: str) -> Iterator[ModelRule]:
        if not isinstance(rules, dict):
            self._fault(line, f"{name}models must be a mapping of model globs, not {words.shown(rules)}")
            return
        for pattern, rule in rules.items():
            word, reason = next(iter(rule.items())) if isinstance(rule, dict) and len(rule) == 1 else ("", "")
            action = _ACTIONS.get(word)
            if action is not None and isinstance(reason, str) and reason:
                yield ModelRule(pattern=pattern, action=action, reason=reason)
            else:
                self._fault(
                    line,
                    f"{name}models: {pattern}: write {{skip: reason}} or {{xfail: reason}}, not {words.shown(rule)}",
                )

    def _line(self, key: str) -> int:
        return self._root.lines.get(key, self._root.line)

    def _fault(self, line: int, message: str) -> None:
        self._faults.append(Fault(self._file, line, message))
