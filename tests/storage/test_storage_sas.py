"""What a SAS token says of itself, and whether that suffices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.storage.sas import sas_problems

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
GOOD = "?se=2026-12-01T00%3A00%3A00Z&sp=rl&sv=2024-11-04&sr=c&sig=c2VjcmV0%3D"


def problems(token: str, purpose: Purpose = "INPUT") -> list[str]:
    return sas_problems(token, purpose, NOW, NOW + timedelta(hours=24))


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        GOOD.removeprefix("?"),
        GOOD.replace("%3A", ":").replace("%3D", "="),
        GOOD.replace("sp=rl", "sp=racwdl"),
        GOOD.replace("2026-12-01T00%3A00%3A00Z", "2026-12-01"),
        GOOD.replace("2026-12-01T00%3A00%3A00Z", "2026-12-01T00:00Z"),
        GOOD.replace("sr=c", "ss=bfqt&srt=sco"),
        "si=nightly&sv=2024-11-04&sr=c&sig=c2VjcmV0",
    ],
)
def test_tokens_that_suffice(token: str) -> None:
    """Container and account tokens, in the forms in which people have them; a stored policy is left to be tried."""
    assert problems(token) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("sp=rl", "sp=r", "its permissions are sp=r, but INPUT needs sp=rl; l (list) missing"),
        ("sp=rl", "sp=w", "its permissions are sp=w, but INPUT needs sp=rl; r (read) and l (list) missing"),
        (
            "2026-12-01",
            "2026-11-21",
            "it expired at 2026-11-21 00:00:00 UTC (se), and now it is 2026-11-22 02:00:00 UTC",
        ),
        (
            "2026-12-01",
            "2026-11-23",
            "it expires at 2026-11-23 00:00:00 UTC (se), but is needed until 2026-11-23 02:00:00 UTC",
        ),
        (
            "sp=rl",
            "sp=rl&st=2026-11-22T03:00:00Z",
            "it becomes valid at 2026-11-22 03:00:00 UTC only (st), and now it is 2026-11-22 02:00:00 UTC",
        ),
        ("?se=2026-12-01T00%3A00%3A00Z&", "?", "its expiry (se) is missing or cannot be read"),
        ("sr=c", "sr=b", "it is for one blob (sr=b), but a datasource needs one for the container (sr=c)"),
        ("sr=c", "ss=b&srt=o", "its resource types are srt=o, but a datasource needs Container and Object (srt=co)"),
        ("sr=c", "ss=fq&srt=co", "its services are ss=fq, but a datasource needs Blob (ss=b)"),
        (
            "&sig=c2VjcmV0%3D",
            "",
            "it has no signature (sig); copy it whole, as it stands behind the question mark of a SAS URL",
        ),
    ],
)
def test_tokens_that_do_not(old: str, new: str, told: str) -> None:
    """What is there, and what is needed."""
    assert problems(GOOD.replace(old, new)) == [told]


def test_writing_needs_one_letter_more() -> None:
    """LIGHTLY and INPUT_OUTPUT hold what the worker writes."""
    told = ["its permissions are sp=rl, but LIGHTLY needs sp=rlw; w (write) missing"]
    assert problems(GOOD, "LIGHTLY") == told
    assert problems(GOOD.replace("sp=rl", "sp=rlw"), "INPUT_OUTPUT") == []
