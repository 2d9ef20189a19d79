"""The bucket of the benchmark of input expiration: where its objects lie, and five rules that each look at all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

DIRECTORY = "input/"
START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=10)
RULES: list[dict[str, Any]] = [
    {"ID": "half", "Status": "Enabled", "Filter": {"Prefix": "input/0000"}, "Expiration": {"Days": 10}},
    {"ID": "all", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 30}},
    {"ID": "small", "Status": "Enabled", "Filter": {"ObjectSizeLessThan": 5000}, "Expiration": {"Days": 5}},
    {
        "ID": "large",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "input/", "ObjectSizeGreaterThan": 90_000, "ObjectSizeLessThan": 95_000}},
        "Expiration": {"Days": 3},
    },
    {
        "ID": "dated",
        "Status": "Enabled",
        "Filter": {"Prefix": "input/0009"},
        "Expiration": {"Date": START + timedelta(99)},
    },
]
