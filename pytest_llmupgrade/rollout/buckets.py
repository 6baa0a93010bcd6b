"""Which arm a unit belongs to, and the ids of calls: pure, so any process anywhere decides alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmupgrade.rollout.config import ArmName

SPACE = 2**64
_CALL_ID = re.compile(r"([on])([0-9.]{1,12})-([0-9a-f]{16})-([0-9a-f]{4})[0-9a-z]{1,40}")


def unit_hash(rollout: str, unit: str) -> int:
    """Return the 64-bit hash of a unit in a rollout: its place on the line, and its name in the records."""
    # `surrogatepass`: a unit is the product's text, whatever it holds
    return int.from_bytes(
        blake2b(f"{rollout}\0{unit}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def threshold(percent: float) -> int:
    """Return the place on the line below which units belong to the new arm; it only rises with the percentage."""
    return round(percent / 100 * SPACE)


def arm_of(unit: int, percent: float) -> ArmName:
    """Return the arm of a unit's hash; raising the percentage moves nobody back."""
    return "new" if unit < threshold(percent) else "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallName:
    """What a call's id says, so that a rating needs no store and may come from any process."""

    arm: ArmName
    step: float
    unit: int


def mark_of(rollout: str) -> str:
    """Return four characters that tell the calls of one rollout from another's."""
    return blake2b(rollout.encode(), digest_size=2).hexdigest()


def call_id(arm: ArmName, step: float, unit: int, token: str) -> str:
    """Return the id of a call; `token` is the rollout's mark and what tells the calls of a unit apart."""
    return f"{arm[0]}{step:g}-{unit:016x}-{token}"


def read_call_id(text: str, rollout: str) -> CallName | None:
    """Return what an id says; None where it is none, is another rollout's, or names an arm without the unit."""
    found = _CALL_ID.fullmatch(text)
    if found is None or found[4] != mark_of(rollout):
        return None
    try:
        step = float(found[2])
    except ValueError:
        return None
    name = CallName(arm="new" if found[1] == "n" else "old", step=step, unit=int(found[3], 16))
    return name if arm_of(name.unit, step) == name.arm else None
