"""A change to a request that lets a model take it: a value, so that it can be reported, stored and applied again.

Which refusal calls for which change is in `adapt_rules`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from pytest_llmupgrade.providers.adapt_messages import fold_role, rename_role, with_schema_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_llmupgrade.model import Completion, Json, JsonObject

Action: TypeAlias = Literal[
    "drop",  # the parameter goes
    "cut",  # `stop` goes, and the answer is cut here
    "rename",  # `value` is the new name
    "replace",  # `was` becomes `value`; other values stay
    "with_tools",  # set to `value` where the request has tools
    "role",  # messages of role `was` take the role `value`
    "fold",  # messages of role `was` go into the user's first one
    "json_object",  # a schema moves from `response_format` into the prompt
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """What is changed in a request, and the words in which reports say so."""

    param: str
    """A path into the body, such as `temperature` or `reasoning.effort`."""
    action: Action
    words: str
    """Such as 'temperature dropped (only the default is accepted)'."""
    was: Json = None
    value: Json = None

    def apply(self, body: JsonObject) -> JsonObject:
        """Return the changed body; one that lacks the parameter comes back as it is."""
        return _ACTIONS[self.action](self, body)

    def amend(self, completion: Completion, body: JsonObject) -> Completion:
        """Do to the answer what the model was kept from doing; `body` is the request before it was changed."""
        if self.action != "cut":
            return completion
        stop = body.get("stop")
        ends = [stop] if isinstance(stop, str) else stop if isinstance(stop, list | tuple) else ()
        text = completion.text
        cuts = [text.find(end) for end in ends if isinstance(end, str) and end and end in text]
        return replace(completion, text=text[: min(cuts)], finish_reason="stop") if cuts else completion

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON that `adaptation_from_json` reads."""
        return asdict(self)


def adaptation_from_json(data: Any) -> Adaptation | None:
    """Read what `to_json` wrote; None where it is something else."""
    match data:
        case {"param": str(), "action": str() as action, "words": str(), **rest} if action in get_args(
            Action
        ):
            if rest.keys() <= {"was", "value"}:
                return Adaptation(**data)
    return None


def _drop(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    return _without(body, adaptation.param)


def _without(body: JsonObject, path: str) -> JsonObject:
    name, _, rest = path.partition(".")
    inner = body.get(name)
    if not rest:
        return {key: value for key, value in body.items() if key != name}
    if not isinstance(inner, dict):
        return body
    # An object that is empty now would be refused in its turn.
    left = _without(inner, rest)
    return {**body, name: left} if left else _without(body, name)


def _rename(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    old, new = adaptation.param, str(adaptation.value)
    if old not in body or new in body:
        return _without(body, old)
    return {new if key == old else key: value for key, value in body.items()}


def _replace(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    name, _, rest = adaptation.param.partition(".")
    inner = body.get(name)
    if rest and isinstance(inner, dict) and inner.get(rest) == adaptation.was:
        return {**body, name: {**inner, rest: adaptation.value}}
    return {**body, name: adaptation.value} if not rest and inner == adaptation.was else body


def _with_tools(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    return {**body, adaptation.param: adaptation.value} if body.get("tools") else body


def _role(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    return rename_role(body, str(adaptation.was), str(adaptation.value))


def _fold(adaptation: Adaptation, body: JsonObject) -> JsonObject:
    return fold_role(body, str(adaptation.was))


def _json_object(_: Adaptation, body: JsonObject) -> JsonObject:
    return with_schema_in_words(body)


_ACTIONS: Mapping[Action, Callable[[Adaptation, JsonObject], JsonObject]] = {
    "drop": _drop,
    "cut": _drop,
    "rename": _rename,
    "replace": _replace,
    "with_tools": _with_tools,
    "role": _role,
    "fold": _fold,
    "json_object": _json_object,
}
