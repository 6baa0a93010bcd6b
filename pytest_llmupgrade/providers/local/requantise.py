"""Makes the deliberately degraded model: the same weights, some of them rounded from 4 bits to 3."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCKS = range(5, 25)
"""The transformer blocks whose tensor is rounded: 20 of the 30."""

_BLOCK_BYTES = 20  # Q4_1: scale and minimum as float16, then 32 values of 4 bits
_HEADER_BYTES = 4


def tensor_names() -> tuple[str, ...]:
    """Return the tensors that are rounded to 3 bits."""
    return tuple(f"blk.{number}.ffn_down.weight" for number in BLOCKS)


def requantise(original: Path, target: Path) -> None:
    """Write a copy of a Q4_1 GGUF whose `tensor_names()` take 8 levels, not 16; the same bytes every time.

    The values stay in Q4_1 blocks, because 3-bit formats of llama.cpp need rows of 256.
    """
    import numpy as np

    shutil.copyfile(original, target)
    found = list(_places(original))
    weights = np.memmap(target, dtype=np.uint8, mode="r+")
    for start, length in found:
        _round_blocks(weights[start : start + length].reshape(-1, _BLOCK_BYTES))
    weights.flush()
    del weights


def _places(original: Path) -> Iterator[tuple[int, int]]:
    """Yield where in the file each tensor lies: start and length, bytes."""
    import gguf

    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(original).tensors}
    for name in tensor_names():
        tensor = tensors[name]
        if tensor.tensor_type != gguf.GGMLQuantizationType.Q4_1:
            raise ValueError(f"{original}: {name} is {tensor.tensor_type.name}, not Q4_1")
        yield int(tensor.data_offset), int(tensor.n_bytes)


def _round_blocks(blocks: Any) -> None:
    """Round in place: level q of 16 becomes the nearest of 8, and the scale grows by 15/7 to match."""
    import numpy as np

    scale = blocks[:, :2].copy().view("<f2")
    blocks[:, :2] = (scale.astype(np.float32) * np.float32(15 / 7)).astype("<f2").view(np.uint8)
    packed = blocks[:, _HEADER_BYTES:]
    low, high = packed & 0x0F, packed >> 4
    packed[:] = _to_eight(low) | (_to_eight(high) << 4)


def _to_eight(levels: Any) -> Any:
    """Map 0..15 to the nearest of 0..7."""
    return (levels * 7 + 7) // 15
