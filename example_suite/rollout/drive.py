"""Users of the service: they ask, look at the label, and say whether it is right.

```text
python drive.py [requests] [users]
```
"""

from __future__ import annotations

import json
import random
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ADDRESS = "http://127.0.0.1:8017"
REVIEWS = {
    "positive": (
        "Great service, thank you so much!",
        "I am very happy with this shop.",
        "Wonderful quality, I love it.",
        "I love my new headphones.",  # the old model misses it
    ),
    "negative": (
        "The zip broke on the first day.",
        "Rude staff and a cold meal.",
        "Terrible quality, never again.",  # the new model misses it
    ),
}


def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the service."""
    request = urllib.request.Request(ADDRESS + path, json.dumps(body).encode())  # noqa: S310  our own address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  as above
        told: dict[str, Any] = json.load(answer)
        return told


def one(seed: int, users: int) -> bool:
    """Ask once as some user, and rate the answer; return whether it was right."""
    rng = random.Random(seed)  # noqa: S311  seeded load
    truth = rng.choice(tuple(REVIEWS))
    told = post("/label", {"user": f"user-{rng.randrange(users)}", "review": rng.choice(REVIEWS[truth])})
    right = told["label"] == truth
    post("/rating", {"call": told["call"], "good": right})
    return right


def main() -> None:
    """Drive the service, two users at a time."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    users = int(sys.argv[2]) if len(sys.argv) > 2 else requests  # noqa: PLR2004  the second argument
    with ThreadPoolExecutor(2) as pool:
        right = sum(pool.map(lambda seed: one(seed, users), range(requests)))
    print(f"{requests} requests of {users} users: {right} right")


if __name__ == "__main__":
    main()
