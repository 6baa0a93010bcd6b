"""Builds example_suite/production_logs.json: what Nordic Shop's support desk was asked, and what gpt-3.5-turbo answered.

Run: python scripts/build_production_logs.py. The same every time. Names, numbers and keys are made up; the secrets and
personal data in it are there to be found: tests/logs/test_example.py plants none of its own.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "example_suite" / "production_logs.json"
RULES = (
    "You are the support agent of Nordic Shop. Answer in one short sentence. Returns: within 30 days. Delivery: 3 to 5 "
    "days. Shipping costs 4.90 euros, free above 50 euros. Warranty: 2 years. Support hours: 9 am to 5 pm, Monday to "
    "Friday. Payment: card, PayPal or invoice."
)
TRIAGE = "Sort the message into billing, shipping or technical. Answer with that one word."
EXTRACT = "Extract the order number and the product as JSON."
ORDER_TOOL = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Look up an order",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}},
            "required": ["order_id"],
        },
    },
}
FAQ = (
    ("How long do I have to return shoes?", "You have 30 days to return them.", "easy"),
    ("Can I send back a lamp after three weeks?", "Yes, returns are possible within 30 days.", "medium"),
    ("How long does delivery take?", "Delivery takes 3 to 5 days.", "easy"),
    ("When will my parcel be here if I order today?", "It should arrive in 3 to 5 days.", "medium"),
    ("What does shipping cost?", "Shipping costs 4.90 euros, and is free above 50 euros.", "easy"),
    ("Is shipping free for an order of 60 euros?", "Yes, shipping is free above 50 euros.", "medium"),
    ("Do I pay for shipping on a 49 euro order?", "Yes, 4.90 euros; it is free above 50 euros.", "hard"),
    ("Is there a warranty on the kettle?", "Yes, the warranty lasts 2 years.", "easy"),
    ("My blender broke after 18 months, am I covered?", "Yes, the warranty lasts 2 years.", "hard"),
    ("How can I pay?", "You can pay by card, PayPal or invoice.", "easy"),
    ("Do you take PayPal?", "Yes, we accept PayPal.", "easy"),
    ("Can I pay in bitcoin?", "No, only by card, PayPal or invoice.", "medium"),
    ("When can I reach you by phone?", "From 9 am to 5 pm, Monday to Friday.", "easy"),
    ("Are you open on Sundays?", "No, support is there Monday to Friday, 9 am to 5 pm.", "medium"),
)
SORTED = (
    ("I was charged twice this month.", "billing"),
    ("Where can I download my invoice?", "billing"),
    ("You took 40 euros too much from my account.", "billing"),
    ("The discount code was not applied.", "billing"),
    ("My package has not arrived yet.", "shipping"),
    ("The courier left the box in the rain.", "shipping"),
    ("Can I change the delivery address?", "shipping"),
    ("Tracking says delivered, but nothing is here.", "shipping"),
    ("The website shows an error at checkout.", "technical"),
    ("I cannot log in to my account.", "technical"),
    ("The app crashes when I open the cart.", "technical"),
    ("The reset link leads to a blank page.", "technical"),
)
THINGS = ("red chair", "blue kettle", "oak table", "green curtain", "radio", "white desk", "tent", "toaster")
COMPLAINTS = ("has not come", "is broken", "has a scratch", "makes no sound", "is the wrong colour")
PEOPLE = (
    ("Anna Berg", "anna.berg@example.org", "+47 912 34 567"),
    ("Tom O'Neill", "o'neill+shop@mail.example.co.uk", "+44 20 7946 0958"),
    ("Mia Lund", "mia_lund@example.se", "(415) 555-2671"),
    ("Jan Vos", "jan.vos@example.nl", "030 1234 5678"),
)
SECRETS = (
    ("My card is {}, please refund it there.", "4111 1111 1111 1111"),
    ("Refund to card {} please, not to PayPal.", "5500-0055-5555-5559"),
    ("Please pay the refund to {}.", "DE89 3704 0044 0532 0130 00"),
    ("The refund goes to my wife's account, {}.", "GB29 NWBK 6016 1331 9268 19"),
    ("You asked for my social security number: {}.", "078-05-1120"),
    ("I was logged in from {} when the page froze.", "203.0.113.42"),
    ("Your API answers 500 from {} only.", "2001:db8::8a2e:370:7334"),
    ("Our integration uses {} and gets an error.", "sk-" + "proj-9aB3xY7kQ2mN5vR8tW1z"),
    ("The webhook fails with the token {}.", "ghp" + "_k2J9vQ7xN4mB8sT1wZ6cR3yL5hD0pF2gA9eU"),
    ("I cannot log in, password: {}", "Sommer2026!"),
    (
        "The header is Authorization: Bearer {}",
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MjQyNDIifQ.c2lnbmF0dXJlLW9mLWl0",
    ),
    ("Our shop plugin has {} as its key.", "AKIA" + "Q3EGRWJ5YTLXSMPD"),
)
ENDINGS = ("", "", "", " Thanks!", " Please help.")


def planted() -> list[str]:
    """Return every secret and personal datum that stands in the log."""
    return [value for person in PEOPLE for value in person[1:]] + [value for _text, value in SECRETS]


def record(system: str, question: str, answer: str | None, **fields: Any) -> dict[str, Any]:
    """Return one record in the plain shape."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return {"messages": messages, "assistant_response": answer, **fields}


def build() -> list[dict[str, Any]]:
    """Return the log."""
    chance = random.Random(20261023)  # noqa: S311  the day gpt-3.5-turbo was shut down; nothing secret
    rows = [*_faq(chance), *_sorted(chance), *_extracted(chance), *_orders(chance), *_personal(chance)]
    chance.shuffle(rows)
    return rows


def _rating(chance: random.Random) -> dict[str, int]:
    """Return a good rating, or none at all, as users leave them."""
    return {} if chance.random() < 0.15 else {"user_rating": chance.choice((4, 5, 5))}  # noqa: PLR2004  a share


def _faq(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(90):
        question, answer, difficulty = FAQ[min(int(chance.expovariate(0.2)), len(FAQ) - 1)]
        asked = chance.choice(
            (question, question.lower(), question.upper(), question.rstrip("?"), f"{question} ")
        )
        rated: dict[str, int] = _rating(chance)
        if number % 9 == 0:
            answer, rated = "Please look at our website.", {"user_rating": chance.choice((1, 2))}
        rows.append(record(RULES, asked, answer, **rated, category="faq", difficulty=difficulty))
    return rows


def _sorted(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        text, team = SORTED[number % len(SORTED)]
        wrong = number % 11 == 0
        answer = "I would sort this into shipping." if wrong else team
        rated = {"user_rating": 2} if wrong else _rating(chance)
        rows.append(
            record(
                TRIAGE, text + chance.choice(ENDINGS), answer, **rated, category="triage", difficulty="easy"
            )
        )
    return rows


def _extracted(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(40):
        thing, order = THINGS[number % len(THINGS)], str(1100 + 37 * (number // 2))
        text = f"Order {order}, the {thing}, {chance.choice(COMPLAINTS)}."
        answer = json.dumps({"order_id": order, "product": thing})
        fields = {**_rating(chance), "category": "extraction", "difficulty": "medium"}
        rows.append(record(EXTRACT, text, answer, **fields))
    return rows


def _orders(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(30):
        order = f"{'ABC'[number % 3]}-{17 + number // 2}"
        text = chance.choice(("Where is order {}?", "Has {} been sent?", "What is the status of {}?")).format(
            order
        )
        call = {"id": f"call_{number}", "type": "function"}
        call["function"] = {"name": "lookup_order", "arguments": json.dumps({"order_id": order})}  # type: ignore[assignment]  # JSON
        fields = {**_rating(chance), "category": "tools", "difficulty": "easy"}
        rows.append(record(RULES, text, None, tool_calls=[call], tools=[ORDER_TOOL], **fields))
    return rows


def _personal(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number, (text, secret) in enumerate((*SECRETS, *SECRETS)):
        name, mail, phone = PEOPLE[number % len(PEOPLE)]
        row = record(
            RULES, f"I am {name}, {mail}.", None, user_rating=5, category="account", difficulty="hard"
        )
        row["messages"] += [
            {"role": "assistant", "content": f"Hello, I have {mail} and {phone} on file. How can I help?"},
            {"role": "user", "content": text.format(secret) + (f" Call {phone}." if number % 2 else "")},
        ]
        row["assistant_response"] = f"Thank you; I have passed {secret} on and will write to {mail}."
        rows.append(row)
    rows += [record(RULES, "hello?", "", category="faq"), record(RULES, "Is anybody there?", None)]
    rows += [{"messages": [], "assistant_response": "Hi", "user_rating": 5}, {"error": "upstream timeout"}]
    return [*rows, *rows[: chance.choice((2, 2))]]


def main() -> None:
    """Write the log, one record to a line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in build())
    PATH.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
