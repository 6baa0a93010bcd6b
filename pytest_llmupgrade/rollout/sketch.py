"""Two small values that merge: a latency histogram, and a set of units.

Both merge by union or addition, in any order, so rollups of any number of processes and hosts give one figure.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PER_DOUBLING = 8
LAST_BIN = 8000
"""Whatever took longer is counted here, so that each bin's edge is a number."""
_WIDTH = 8  # bytes of a unit's hash


def latency_bin(milliseconds: float) -> int:
    """Return the histogram bin of a latency: eight bins per doubling, so a quantile is right within 9 %."""
    if milliseconds <= 1:
        return 0
    return min(LAST_BIN, math.ceil(math.log2(milliseconds) * _PER_DOUBLING))


def bin_edge(number: int) -> float:
    """Return the upper edge of a bin, milliseconds."""
    return float(2 ** (number / _PER_DOUBLING))


def quantile_ms(histogram: Mapping[int, int], share: float) -> float | None:
    """Return the upper edge of the bin in which a quantile lies, milliseconds; None where nothing was measured."""
    wanted = share * sum(histogram.values())
    seen = 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= wanted:
            return bin_edge(number)
    return None


def pack_units(units: Iterable[int]) -> str:
    """Return a set of 64-bit hashes as Base64 text: eleven characters for each."""
    return base64.b64encode(b"".join(unit.to_bytes(_WIDTH, "big") for unit in sorted(set(units)))).decode()


def unpack_units(text: str) -> frozenset[int]:
    """Return the hashes of `pack_units`; ValueError where the text is none of its."""
    data = base64.b64decode(text, validate=True)
    if len(data) % _WIDTH:
        raise ValueError("a set of units of an odd length")
    return frozenset(int.from_bytes(data[at : at + _WIDTH], "big") for at in range(0, len(data), _WIDTH))
