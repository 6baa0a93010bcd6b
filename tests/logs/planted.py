"""Secrets and personal data as logs have them, made up; each is put together here so that no scanner takes it for real."""

from __future__ import annotations

KEYS = (
    "sk-" + "proj-9aB3xY7kQ2mN5vR8tW1z",
    "sk-" + "ant-api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3",
    "AKIA" + "Q3EGRWJ5YTLXSMPD",
    "ghp" + "_k2J9vQ7xN4mB8sT1wZ6cR3yL5hD0pF2gA9eU",
    "xoxb" + "-2384756190-kdJ38fjsKq20",
    "AIza" + "SyB7xK2mQ9vN4wT1zR8cY5hL3pD6gF0jA2eU",
    "hf" + "_qWxYzKmNpRsTvBcDfGhJ",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MjQyNDIifQ.c2lnbmF0dXJlLW9mLWl0",
    "rk_live" + "_51HxQ2mN9vB8kT7wZ3cR",
)
PERSONAL = (
    "anna.berg@example.org",
    "o'neill+shop@mail.example.co.uk",
    "+47 912 34 567",
    "(415) 555-2671",
    "030 1234 5678",
    "4111 1111 1111 1111",
    "5500-0055-5555-5559",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "078-05-1120",
    "203.0.113.42",
    "2001:db8::8a2e:370:7334",
)
HARMLESS = (
    "order 4471-2290 of 2026-11-23",
    "version 2.14.1 at 12:30:45",
    "std::vector and a::b",
    "1234567812345678 is no card",
    "See https://example.org/a?b=c and call the `max_tokens` parameter 4096.",
    "It costs 1,299.00, item 884120, ISBN 978-3-16-148410-0.",
    "the password is wrong",
)
