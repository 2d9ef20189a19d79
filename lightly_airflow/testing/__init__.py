"""LightlyOne for your own tests: the emulator as pytest fixtures, and faults. Needs the ``emulator`` extra.

In your ``conftest.py``::

    pytest_plugins = ["lightly_airflow.testing"]

A test that asks for ``lightly_emulator`` gets a LightlyOne of its own on a free port, and ``lightly_default`` points there.
One that asks for ``lightly_faults`` as well reaches it through a proxy that loses, spoils and delays what it is told to.
"""

from __future__ import annotations

from lightly_airflow.testing.exchange import Exchange
from lightly_airflow.testing.faults import (
    Fault,
    every_kind,
    html,
    latency,
    request_lost,
    reset,
    response_lost,
    slow,
    status,
    truncated,
)
from lightly_airflow.testing.fixtures import lightly_api, lightly_emulator, lightly_faults
from lightly_airflow.testing.plan import Asked, Faults, RandomFaults, ScriptedFault
from lightly_airflow.testing.proxy import faulty
from lightly_airflow.testing.running import TOKEN, LightlyEmulator, emulator

__all__ = [
    "TOKEN",
    "Asked",
    "Exchange",
    "Fault",
    "Faults",
    "LightlyEmulator",
    "RandomFaults",
    "ScriptedFault",
    "emulator",
    "every_kind",
    "faulty",
    "html",
    "latency",
    "lightly_api",
    "lightly_emulator",
    "lightly_faults",
    "request_lost",
    "reset",
    "response_lost",
    "slow",
    "status",
    "truncated",
]
