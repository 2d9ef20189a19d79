"""Which client version LightlyOne wants. The minimum is ours: the real server's answer is not known."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.operations import versions
from lightly_airflow.emulator.routing import Ask, Routes

ROUTES = Routes()
LATEST = "1.5.26"
MINIMUM = "1.4.0"


@ROUTES.serves(versions.LATEST)
def latest(ask: Ask[Any]) -> str:
    """The newest official client."""
    return LATEST


@ROUTES.serves(versions.MINIMUM)
def minimum(ask: Ask[Any]) -> str:
    """The oldest client that is not warned."""
    return MINIMUM
