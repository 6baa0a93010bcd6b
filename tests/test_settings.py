"""What pyproject.toml declares, and everything that can be wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.settings import Settings, load_settings, models_text, parse_models

if TYPE_CHECKING:
    from pathlib import Path

OLD = "[tool.llmupgrade.models.old]"
WHERE = '[tool.llmupgrade.models."old"]'


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a pyproject.toml."""
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load_settings(path)
    except FaultyFiles as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("key", ["model", "messages", "input", "stream", "n"])
def test_a_model_s_params_say_neither_whom_nor_what_to_ask(tmp_path: Path, key: str) -> None:
    """A parameter that would ask another model, ask something else or be read otherwise is refused with its line."""
    value = {"stream": "true", "n": "3"}.get(key, '"zzz"')
    text = f'[tool.llmupgrade.judge]\nmodel = "j"\n{OLD}\nparams = {{ {key} = {value} }}\n'
    (line,) = faults(tmp_path, text)
    assert line.startswith(f"pyproject.toml:4: {WHERE}: params must not hold {key!r}; ")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-2"])
@pytest.mark.parametrize("key", ["input", "output", "cached_input"])
def test_a_price_is_a_finite_number(tmp_path: Path, key: str, value: str) -> None:
    """A price that no sum can be made of, or one below zero, is refused before anything is paid."""
    prices = {"input": "1", "output": "1", key: value}
    price = ", ".join(f"{name} = {amount}" for name, amount in prices.items())
    assert faults(tmp_path, f"{OLD}\nconcurrency = 1\nprice = {{ {price} }}\n") == [
        f"pyproject.toml:3: {WHERE}: price.{key} must be a finite number of at least 0, not {float(value) if 'n' in value else value}"
    ]


@pytest.mark.parametrize("value", ["nan", "-0.5", "50"])
def test_the_batch_price_is_a_share(tmp_path: Path, value: str) -> None:
    """What a batch costs is a share of the prices, so that 50 is never fifty times as much."""
    assert faults(tmp_path, f"{OLD}\nprice = {{ input = 1, output = 1, batch = {value} }}\n") == [
        f"pyproject.toml:2: {WHERE}: price.batch is a share of these prices, such as 0.5, not {value}"
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1"])
@pytest.mark.parametrize("key", ["timeout_s", "requests_per_minute", "tokens_per_minute"])
def test_a_limit_is_a_finite_number(tmp_path: Path, key: str, value: str) -> None:
    """A limit that would never end or never begin is refused."""
    assert faults(tmp_path, f"{OLD}\n{key} = {value}\n") == [
        f"pyproject.toml:2: {WHERE}: {key} must be a number above 0, and finite, not {value}"
    ]


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8801/v1", "htp://x/v1", "localhost:8801", "http://", "http://x:99999/v1", "http://x y/"],
)
def test_an_address_is_read_before_it_is_tried(tmp_path: Path, url: str) -> None:
    """An address that no server can have is refused with its line, not tried five times, nor replaced by OpenAI's."""
    assert faults(tmp_path, f'{OLD}\nbase_url = "{url}"\n') == [
        f"pyproject.toml:2: {WHERE}: base_url must be an address such as https://llm.example.com/v1, not {url!r}"
    ]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8801/v1", "https://x.example.com", "http://[::1]:80/v1/"])
def test_real_addresses_pass(tmp_path: Path, url: str) -> None:
    """Any server's address is taken."""
    assert faults(tmp_path, f'{OLD}\nbase_url = "{url}"\n') == []


def test_a_fault_is_placed_in_its_own_table(tmp_path: Path) -> None:
    """A key that several tables have is blamed where it is wrong."""
    text = f"{OLD}\ntimeout_s = 1\n\n[tool.llmupgrade.models.new]\n\ntimeout_s = 0\n"
    assert [line.partition(": ")[0] for line in faults(tmp_path, text)] == ["pyproject.toml:6"]


def test_a_misspelt_table_is_not_passed_over(tmp_path: Path) -> None:
    """A table that nobody reads is told, while other tools' tables are none of our business."""
    assert faults(tmp_path, "[tool.black]\n[tool.llmupgrad.judge]\nvotes = 1\n") == [
        "pyproject.toml:2: [tool.llmupgrad] is not read; write [tool.llmupgrade]"
    ]
    assert faults(tmp_path, "[tool.llm]\n[tool.llmlingua]\n[tool.upgrade]\n") == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OLD", "old"),
        ("my_model", "my-model"),
        ("my-modle", "my-model"),
        ("my-mdel", "my-model"),
        ("my-moddel", "my-model"),
        ("my-madel", "my-model"),
        ("my-model#2", None),
        ("my-model-2", None),
        ("my-models", None),
        ("my-modem", None),
        ("odd", None),
        ("gpt-5", None),
        ("other", None),
    ],
)
def test_a_slip_is_told_from_another_model(name: str, meant: str | None) -> None:
    """Case, separators and one letter inside a name are slips; versions, last letters and other names are models."""
    settings = Settings(models={"old": {}, "my-model": {}, "gpt-4": {}})
    assert [found for _name, found in settings.misspelt([name])] == ([meant] if meant else [])


def test_models_of_the_ini_file() -> None:
    """The ini value may be a text or, in TOML, a list; anything else is one line."""
    assert (
        parse_models(models_text("old, new")) == parse_models(models_text(["old", "new"])) == ("old", "new")
    )
    with pytest.raises(UsageError, match=r"llm_models = \[1\]: write llm_models = 'MODEL,MODEL', or a list"):
        models_text([1])
