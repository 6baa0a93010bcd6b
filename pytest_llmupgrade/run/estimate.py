"""Estimate: what a run will call, take and cost, before it is made; from stored usage where there is some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llmupgrade.model import Usage
from pytest_llmupgrade.prices import CHARS_PER_TOKEN
from pytest_llmupgrade.wording import cells, money, pad, plural, printable, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

OUTPUT_TOKENS = 256
"""What an answer is taken to have where nothing is stored that would tell."""
_HEAD = ("calls", "stored", "tokens in", "tokens out", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request of the plan."""

    model: str
    chars: int
    """Length of what is sent."""
    stored: Usage | None = None
    """What the stored answer to this very request took."""
    free: bool = False
    """Whether the stored answer will be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One model's share of a run."""

    model: str
    calls: int
    stored: int
    """Answers that are there already, and cost nothing."""
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    """None: no price is known."""
    basis: str
    """Where the token counts come from, in words."""


def estimate(asks: Iterable[Ask], price: Callable[[str, Usage], Decimal | None]) -> tuple[Estimate, ...]:
    """Return the models' shares in the order in which they are first asked."""
    by_model: dict[str, list[Ask]] = {}
    for ask in asks:
        by_model.setdefault(ask.model, []).append(ask)
    anywhere = [ask.stored for group in by_model.values() for ask in group if ask.stored]
    usual = (_mean_output(anywhere), "as other models' answers") if anywhere else (OUTPUT_TOKENS, "assumed")
    return tuple(_share(model, group, usual, price) for model, group in by_model.items())


def _share(
    model: str,
    asks: Sequence[Ask],
    usual: tuple[float, str],
    price: Callable[[str, Usage], Decimal | None],
) -> Estimate:
    told = [(ask.chars, ask.stored) for ask in asks if ask.stored]
    per_char, output = 1 / CHARS_PER_TOKEN, usual[0]
    basis = f"tokens by length, {CHARS_PER_TOKEN} characters each; {output:.0f} an answer, {usual[1]}"
    if told:
        basis = f"tokens by {plural(len(told), 'stored answer')} of this model"
        per_char = sum(usage.input_tokens for _, usage in told) / max(1, sum(chars for chars, _ in told))
        output = _mean_output([usage for _, usage in told])
    due = [ask for ask in asks if not ask.free]
    known = [ask.stored for ask in due if ask.stored]
    open_asks = [ask for ask in due if not ask.stored]
    usage = Usage(
        input_tokens=sum(one.input_tokens for one in known)
        + round(sum(ask.chars for ask in open_asks) * per_char),
        output_tokens=sum(one.output_tokens for one in known) + round(len(open_asks) * output),
    )
    return Estimate(
        model=model,
        calls=len(due),
        stored=len(asks) - len(due),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=price(model, usage),
        basis=basis,
    )


def _mean_output(usages: Sequence[Usage]) -> float:
    return sum(usage.output_tokens for usage in usages) / len(usages)


# --- in words --------------------------------------------------------------------------------------


def estimate_lines(shares: Sequence[Estimate], roles: Mapping[str, str]) -> Iterator[str]:
    """Yield the table, the sum, and where the figures come from; `roles` says more of a model, such as 'judge'."""
    names = [shorten(printable(f"{one.model} {roles.get(one.model, '')}".strip()), 36) for one in shares]
    width = max(map(cells, [*names, "all"]))
    yield _line("", width, _HEAD)
    for name, one in zip(names, shares, strict=True):
        yield _line(name, width, _cells([one]))
    if len(shares) > 1:
        yield _line("all", width, _cells(shares))
    for one in shares:
        if one.calls:
            yield f"{printable(one.model)}: {one.basis}"


def _cells(shares: Sequence[Estimate]) -> tuple[str, ...]:
    known = [one.cost_usd for one in shares if one.cost_usd is not None]
    total = sum(known[1:], known[0]) if len(known) == len(shares) else None
    counts = (
        sum(one.calls for one in shares),
        sum(one.stored for one in shares),
        sum(one.input_tokens for one in shares),
        sum(one.output_tokens for one in shares),
    )
    return (*(f"{count:,}" for count in counts), money(total))


def _line(name: str, width: int, texts: Sequence[str]) -> str:
    return pad(name, width) + "".join(pad(text, 13, right=True) for text in texts)
