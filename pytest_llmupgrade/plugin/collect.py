"""Eval files as pytest collectors: a synthetic module with one function per case.

A `pytest.Module` with generated functions is the one way of making items with which -k, -m, --lf, --setup-plan,
module-scoped fixtures, junit, xdist, reruns and the rest of pytest's ecosystem work as for Python tests.
"""

from __future__ import annotations

import inspect
import re
from fnmatch import fnmatch
from functools import cached_property
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.plugin.faulty import FaultyFileError
from pytest_llmupgrade.plugin.internals import fixture_names, has_fixture, is_builtin_fixture
from pytest_llmupgrade.plugin.keys import SESSION
from pytest_llmupgrade.plugin.session import NO_JUDGE_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_llmupgrade.model import Case, ModelRule
    from pytest_llmupgrade.prompts import Prompts

RESERVED_MARKS = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst"}
)


class EvalFile(pytest.Module):
    """A suite: its cases, as functions of a module that never was a file."""

    _module: ModuleType | None = None

    @property  # type: ignore[misc]  # pytest lets it be set; nothing sets it here
    def obj(self) -> ModuleType:
        """The synthetic module, built at first use."""
        if self._module is None:
            self._module = self._build()
        return self._module

    @property
    def cases(self) -> Mapping[str, Case]:
        """The suite's cases by id."""
        cases: Mapping[str, Case] = self.obj.__llm_cases__
        return cases

    @cached_property
    def prompts(self) -> Prompts | None:
        """What the nearest prompts.yaml declares, None where there is none; FaultyFiles where it is faulty."""
        from pytest_llmupgrade.prompts import find_prompts, load_prompts

        root = self.config.rootpath
        path = find_prompts(self.path.parent, root)
        if path is None:
            return None
        return load_prompts(path, file=(path.relative_to(root) if root in path.parents else path).as_posix())

    def funcnamefilter(self, name: str) -> bool:  # noqa: ARG002  pytest's signature
        """Take every function for a test: there are no others in the module."""
        # `__test__` on each would be one more keyword in every report that pytest keeps
        return True

    def judge_fixture(self, name: str) -> str:
        """Return the name of the fixture behind a judge's name."""
        fixtures: Mapping[str, str] = self.obj.__llm_judges__
        return fixtures[name]

    def _build(self) -> ModuleType:
        from pytest_llmupgrade.run.load import load_suite

        try:
            cases = load_suite(self.path, file=self.nodeid)
            prompts = self.prompts if any(case.prompt is not None for case in cases) else None
        except FaultyFiles as error:
            raise FaultyFileError(str(error)) from None
        judges = dict(self._judge_fixtures(cases))
        faults = [
            *_unknown_judges(self, cases, judges),
            *_misused_judges(self, cases, judges),
            *_no_judge_model(self, cases),
            *_reserved_marks(cases),
            *_changed_since_baseline(self, cases),
            *_prompt_faults(self, cases, prompts),
        ]
        if faults:
            raise FaultyFileError(str(FaultyFiles(faults)))
        module = ModuleType(self.path.stem, "An eval file's cases.")
        module.__dict__.update(
            __file__=str(self.path), __llm_cases__={case.id: case for case in cases}, __llm_judges__=judges
        )
        module.__dict__.update(_functions(self, cases, judges))
        return module

    def _judge_fixtures(self, cases: Iterable[Case]) -> Iterator[tuple[str, str]]:
        for name in {spec.name for case in cases for spec in case.judges}:
            for fixture in (f"judge_{name}", name):
                if has_fixture(self, fixture):
                    yield name, fixture
                    break


def case_of(item: pytest.Item) -> Case | None:
    """Return the case that an item runs, None for a Python test."""
    suite = item.parent
    return suite.cases.get(getattr(item, "originalname", "")) if isinstance(suite, EvalFile) else None


# --- faults that only fixtures and marks can tell --------------------------------------------------


def _unknown_judges(node: EvalFile, cases: Iterable[Case], known: Mapping[str, str]) -> Iterator[Fault]:
    """Yield a fault for each place that names a judge nobody defines; a file's default is one place for all its cases."""
    places: dict[tuple[int, str], dict[str, None]] = {}
    for case in cases:
        for spec in case.judges:
            if spec.name not in known:
                places.setdefault((spec.line or case.line, spec.name), {})[case.id] = None
    for (line, name), named in places.items():
        yield Fault(node.nodeid, line, _unknown_judge(node, tuple(named), name))


def _unknown_judge(node: EvalFile, ids: Sequence[str], name: str) -> str:
    from pytest_llmupgrade.wording import nearest

    names = fixture_names(node)
    judges = [each.removeprefix("judge_") for each in names if each.startswith("judge_")]
    hint = nearest(name, [*judges, *names]) or f"Known: {', '.join(sorted(judges))}, llm_judge"
    others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"case {ids[0]!r}{others}: unknown judge {name!r}. {hint}"


def _misused_judges(node: EvalFile, cases: Iterable[Case], known: Mapping[str, str]) -> Iterator[Fault]:
    from pytest_llmupgrade.commands.rehearsing import judge_faults

    ours = {name for name, fixture in known.items() if is_builtin_fixture(node, fixture)}
    return judge_faults(cases, ours.__contains__)


def _no_judge_model(node: EvalFile, cases: Iterable[Case]) -> Iterator[Fault]:
    """Yield a fault for each use of `llm_judge` where nobody said which model that is."""
    session = node.config.stash[SESSION]
    if not session.options.models or session.judge_model or not is_builtin_fixture(node, "llm_judge"):
        return
    for case in cases:
        for spec in case.judges:
            if spec.name == "llm_judge":
                yield Fault(case.file, spec.line or case.line, f"case {case.id!r}: {NO_JUDGE_MODEL}")


def _reserved_marks(cases: Iterable[Case]) -> Iterator[Fault]:
    for case in cases:
        for name in (case.category, case.difficulty, *case.tags):
            if name in RESERVED_MARKS:
                yield Fault(
                    case.file,
                    case.line,
                    f"case {case.id!r}: {name!r} is a mark of pytest's own; name it otherwise",
                )


def _changed_since_baseline(node: EvalFile, cases: Iterable[Case]) -> Iterator[Fault]:
    baseline = node.config.stash[SESSION].baseline
    return iter(()) if baseline is None else baseline.faults(cases)


def _prompt_faults(node: EvalFile, cases: Sequence[Case], prompts: Prompts | None) -> Iterator[Fault]:
    if all(case.prompt is None for case in cases):
        return
    from pytest_llmupgrade.prompts.binding import case_faults, version_faults

    yield from case_faults(cases, prompts)
    if prompts is not None:
        yield from version_faults(prompts, node.config.stash[SESSION].options.prompts)


# --- functions -------------------------------------------------------------------------------------


def _case(llm_judged: Any) -> None: llm_judged.check()  # fmt: skip


_SIGNATURE = inspect.signature(_case)


def _functions(
    node: EvalFile, cases: Iterable[Case], judges: Mapping[str, str]
) -> Iterator[tuple[str, FunctionType]]:
    marks = _Marks(node.config)
    path = str(node.path)
    for case in cases:
        function = FunctionType(_code(case, path), {}, case.id)
        names = dict.fromkeys(judges[spec.name] for spec in case.judges)
        function.__dict__.update(
            __signature__=_SIGNATURE,
            pytestmark=[*marks.of(case), pytest.mark.usefixtures(*names)],
        )
        function.__module__ = node.path.stem
        yield case.id, function


def _code(case: Case, path: str) -> CodeType:
    return _case.__code__.replace(
        co_filename=path, co_firstlineno=case.line, co_name=case.id, co_qualname=case.id
    )


class _Marks:
    """Marks for categories, difficulties and tags, registered so that `--strict-markers` passes."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._known: dict[str, pytest.MarkDecorator] = {}

    def of(self, case: Case) -> list[pytest.MarkDecorator]:
        return [self._mark(name) for name in dict.fromkeys((case.category, case.difficulty, *case.tags))]

    def _mark(self, name: str) -> pytest.MarkDecorator:
        if name not in self._known:
            label = mark_name(name)
            self._config.addinivalue_line(
                "markers", f"{label}: eval cases of this category, difficulty or tag"
            )
            self._known[name] = getattr(pytest.mark, label)
        return self._known[name]


def mark_name(name: str) -> str:
    """Return a category's, difficulty's or tag's name as `-m` can select it."""
    return re.sub(r"[^\w.+-]", "_", name).lstrip("_") or "unnamed"


# --- models ----------------------------------------------------------------------------------------


def parametrize_models(metafunc: pytest.Metafunc) -> None:
    """Add the run's columns, models and perhaps versions of the prompts, to whatever asks for a model."""
    session = metafunc.config.stash[SESSION]
    rules = _rules(metafunc)
    if not session.options.prompts:
        models = session.options.models
        params = [pytest.param(name, id=name, marks=_rule_marks(rules, name)) for name in models]
        metafunc.parametrize("llm_model", params)
        return
    columns = [
        pytest.param(one.model, one.version, id=name, marks=_rule_marks(rules, one.model))
        for name, one in session.columns.items()
    ]
    metafunc.parametrize("llm_model,llm_prompt", columns)


def _rules(metafunc: pytest.Metafunc) -> tuple[ModelRule, ...]:
    suite = metafunc.definition.parent
    return suite.cases[metafunc.definition.originalname].rules if isinstance(suite, EvalFile) else ()


def _rule_marks(rules: tuple[ModelRule, ...], model: str) -> list[pytest.MarkDecorator]:
    from pytest_llmupgrade.plugin.trial import CaseMissed

    marks = []
    for rule in rules:
        if fnmatch(model, rule.pattern):
            if rule.action == "skip":
                marks.append(pytest.mark.skip(reason=rule.reason))
            else:
                # Only a miss is expected: a failed call must stay an error.
                marks.append(pytest.mark.xfail(reason=rule.reason, raises=CaseMissed, strict=False))
    return marks
