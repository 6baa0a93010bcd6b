from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.providers.local.cache import sha256
from pytest_llmupgrade.providers.local.fetch import weights_path
from pytest_llmupgrade.providers.local.requantise import requantise, tensor_names
from pytest_llmupgrade.providers.local.weights import KNOWN
from tests.local.conftest import BASE, DEGRADED, spec

if TYPE_CHECKING:
    from pathlib import Path

gguf = pytest.importorskip("gguf", reason="the extra 'local' is not installed")
np = pytest.importorskip("numpy", reason="the extra 'local' is not installed")


def test_same_bytes_every_time(tmp_path: Path) -> None:
    """Made from the published weights, the degraded ones have the pinned hash, here as anywhere."""
    requantise(weights_path(spec(BASE)), tmp_path / "made.gguf")
    assert sha256(tmp_path / "made.gguf") == KNOWN[DEGRADED].sha256


def test_only_some_tensors_lose_and_only_a_bit() -> None:
    """20 tensors take 8 levels a block, stay near what they were, and all others are untouched."""
    before = {tensor.name: tensor for tensor in gguf.GGUFReader(weights_path(spec(BASE))).tensors}
    # rounding moves nothing; and to read the vocabulary a second time takes seconds
    made = np.memmap(weights_path(spec(DEGRADED)), mode="r")
    after = {name: _data_in(made, tensor) for name, tensor in before.items()}
    changed = {name for name in before if not np.array_equal(before[name].data, after[name])}
    assert changed == set(tensor_names())
    assert len(changed) == 20
    for name in changed:
        old, new = (
            gguf.dequantize(data[:16], before[name].tensor_type).reshape(-1, 32)
            for data in (before[name].data, after[name])
        )
        assert max(len(np.unique(block)) for block in new) <= 8
        level = np.ptp(old, axis=1, keepdims=True) / 7  # one of eight levels, where a block uses its range
        assert float(np.mean(np.abs(new - old) <= level)) > 0.99
        assert float(np.mean(np.abs(new - old))) > 0


def _data_in(file: Any, tensor: Any) -> Any:
    """Return what stands in a file of the same layout where this tensor stands."""
    found = file[tensor.data_offset : tensor.data_offset + tensor.n_bytes]
    return found.view(tensor.data.dtype).reshape(tensor.data.shape)


def test_another_format_is_refused(tmp_path: Path) -> None:
    """Weights of another format are not rounded wrongly, but refused by name."""
    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for name in tensor_names():
        writer.add_tensor(name, np.zeros((2, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ValueError, match=r"blk\.5\.ffn_down\.weight is F32, not Q4_1"):
        requantise(path, tmp_path / "made.gguf")
