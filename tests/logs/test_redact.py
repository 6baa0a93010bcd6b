"""Nothing that is secret or personal is left, and little else goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.logs.exchange import Exchange
from pytest_llmupgrade.logs.redact import Redactor
from tests.logs.planted import HARMLESS, KEYS, PERSONAL

AROUND = ("{}", "My data: {}, thanks.", "({})", "x\n{}\ny", "a: '{}'", '"{}"', "{}!")


def asked(text: Any, answer: str = "ok", **fields: Any) -> Exchange:
    """Return an Exchange with one message."""
    return Exchange(messages=[{"role": "user", "content": text}], answer=answer, **fields)


def redacted(text: str) -> str:
    """Return what is left of a text."""
    content = Redactor().exchange(asked(text)).messages[0]["content"]
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize("frame", AROUND)
@pytest.mark.parametrize("planted", [*KEYS, *PERSONAL])
def test_every_kind_goes(planted: str, frame: str) -> None:
    """A key or personal data goes whatever stands around it, and leaves one placeholder."""
    clean = redacted(frame.format(planted))
    assert planted not in clean
    assert clean.count("_1]") == 1
    kept = frame.format("").split()
    assert all(word.strip("'\"!.,()") in clean for word in kept)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Order numbers, dates, versions, times and code are no personal data."""
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter22",
        "API_KEY=qwertyuiop",
        "my password is Tr0ub4dor&3",
        "postgres://shop:s3cr3tpw@db/x",
    ],
)
def test_secrets_by_name(text: str) -> None:
    """What is called a secret goes, whatever it looks like."""
    clean = redacted(text)
    assert "[SECRET_1]" in clean
    assert not any(word in clean for word in ("hunter22", "qwertyuiop", "Tr0ub4dor", "s3cr3tpw"))


WRAPPED = (
    ("sk-proj-9aB3xY7kQ2\nmN5vR8tW1z9aB3xY7k thanks", "[KEY_1] thanks"),
    ("my key is sk-\nproj-9aB3xY7kQ2mN5vR8tW1z.\nPlease help", "my key is [KEY_1].\nPlease help"),
    ("key sk-proj-9aB3xY7kQ2mN5vR8tW1z\nHello there", "key [KEY_1]\nHello there"),
    ("> ghp_k2J9vQ7xN4mB8sT1wZ6\n> cR3yL5hD0pF2gA9eU\n> ok", "> [KEY_1]\n> ok"),
    ("AKIA\r\nQ3EGRWJ5YTLXSMPD.", "[KEY_1]."),
    ("4111 1111\n1111 1111, DE89 3704 0044\n0532 0130 00", "[CARD_1], [IBAN_1]"),
    ("2021\n2022\n2023\n2024", "2021\n2022\n2023\n2024"),
    ("sk-proj-9aB3\u200bxY7kQ2mN5vR8tW1z", "[KEY_1]"),
    ("anna\u200b.berg\uff20example.org", "[EMAIL_1]"),
    ("\uff14\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 1111 1111", "[CARD_1]"),
    ("\u2603 \ufb01ne \u200b\uff21", "\u2603 \ufb01ne \u200b\uff21"),
)


@pytest.mark.parametrize(("text", "wanted"), WRAPPED)
def test_broken_and_disguised_values_go(text: str, wanted: str) -> None:
    """A key that was wrapped over lines, or has invisible or wide characters in it, goes as well; other text stays as it is."""
    assert redacted(text) == wanted


def test_private_key_block() -> None:
    """A private key goes as a whole, also where its end is missing."""
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    for end in ("\n-----END RSA PRIVATE KEY-----", ""):
        assert body not in redacted(f"here:\n-----BEGIN RSA PRIVATE KEY-----\n{body}{end}")


def test_stable_within_a_case() -> None:
    """The same value has the same name in question and answer; another has the next number."""
    clean = Redactor().exchange(asked("I am a.b@c.de, not x@y.org", "Hello a.b@c.de"))
    assert clean.messages[0]["content"] == "I am [EMAIL_1], not [EMAIL_2]"
    assert clean.answer == "Hello [EMAIL_1]"


def test_a_secret_goes_everywhere() -> None:
    """What is known for a secret in one place goes from every other, where nothing tells that it is one."""
    clean = Redactor().exchange(
        asked("my password: Sommer2026!", "Sommer2026! is noted", category="Sommer2026!")
    )
    assert clean.messages[0]["content"] == "my password: [SECRET_1]"
    assert clean.answer == "[SECRET_1] is noted"
    assert clean.category == "[SECRET_1]"
    url = "db://me:hunter22@host"
    assert redacted(f"{url} and hunter22") == "db://me:[SECRET_1]@host and [SECRET_1]"


def test_everything_of_a_case_is_cleaned() -> None:
    """Parts, tool calls, tools, parameters, categories and JSON within text are cleaned, keys of objects too."""
    mail = PERSONAL[0]
    call = {
        "name": "find",
        "arguments": {"mail": mail, mail: 1, "card": 4111111111111111, "phone": "5551234567"},
    }
    exchange = Exchange(
        messages=[
            {"role": "user", "content": [{"type": "text", "text": mail}]},
            {"role": "assistant", "tool_calls": [{"function": {"arguments": json.dumps({"to": mail})}}]},
        ],
        answer=json.dumps({"mail": mail, "n": 4111111111111111, "password": "word"}),
        tool_calls=[call],
        category=f"from {mail}",
        tools=[{"function": {"description": f"ask {mail}"}}],
        response_format={"x": mail},
        params={"stop": [mail], "max_tokens": 4096},
    )
    redactor = Redactor()
    clean = redactor.exchange(exchange)
    written = repr(clean)
    assert not any(one in written for one in (mail, "4111111111111111", "5551234567", "'word'"))
    assert json.loads(clean.answer or "") == {"mail": "[EMAIL_1]", "n": "[CARD_1]", "password": "[SECRET_1]"}
    assert clean.params["max_tokens"] == 4096
    assert redactor.found == {"EMAIL": 1, "CARD": 1, "PHONE": 1, "SECRET": 1}


def test_clean_json_keeps_its_spelling() -> None:
    """A JSON answer without anything to hide stays as it is, character by character."""
    text = '{ "a":1.0,  "b" : [1e3] }'
    assert Redactor().exchange(asked("?", text)).answer == text


def test_own_function() -> None:
    """A function of the project's comes after the patterns."""
    redactor = Redactor(lambda text: text.replace("Anna", "[NAME]"))
    assert redactor.exchange(asked("I am Anna")).messages[0]["content"] == "I am [NAME]"
    assert redactor.found == {"OWN": 1}


@given(st.text(max_size=300), st.sampled_from([*KEYS, *PERSONAL]), st.text(max_size=300))
def test_never_left_between_spaces(before: str, planted: str, after: str) -> None:
    """Whatever text there is around a value that stands for itself, the value goes."""
    assert planted not in redacted(f"{before} , {planted} , {after}")


def test_long_hostile_texts_take_linear_time() -> None:
    """Texts made to make patterns backtrack come back."""
    for piece in (
        "a@",
        "1 ",
        "1-",
        "DE89 ",
        "://x:",
        "password ",
        "eyJaaaaaaaa.",
        "a.",
        ":",
        "-----BEGIN PRIVATE KEY-----",
        "sk-aaaa\n",
        "AKIA1\n> ",
        "4111\n1111 ",
        "\u200b\uff11 ",
    ):
        assert redacted(piece * 1000) is not None
