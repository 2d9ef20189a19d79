"""One night's rotation as it is retried: what the author has done, what happens meanwhile, and what must hold then."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from airflow.sdk.execution_time import task_runner

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations.datasources import all_datasources
from lightly_airflow.operators.rotation.memory import RotationMemory, variable
from lightly_airflow.testing import Faults
from tests.airflow_faces.rotation_place import Place, connection
from tests.airflow_faces.rotation_tries import KeptVariables
from tests.airflow_faces.tries import FileStore
from tests.s3_server import Key

New = Literal["good", "unknown key", "wrong secret", "of use to Airflow alone", "of use to LightlyOne alone"]
Meanwhile = Literal["nothing", "the new key is deleted", "the connection is switched back", "the old key is deleted"]
BOTH: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
# A failed dataset in the error: its id, its purposes' outcomes, and why.
_ID = "[0-9a-f]{24}"
_TOLD = re.compile(rf"^- ({_ID})(?: \([^)]*\))?: ([A-Z][^:]*): (.*(?:\n(?!- {_ID}).*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Story:
    """What the author has done, and what happens meanwhile.

    :param new: what the connection of the first purpose holds by now.
    :param apart: the other purpose has a connection of its own, with a good new key.
    :param previous: whether the old connection is still given.
    :param meanwhile: what happens after the first try.
    :param another_night: an earlier rotation has set the old key.
    :param by_name: the datasets are found by their names.
    """

    new: New = "good"
    purposes: tuple[Purpose, ...] = BOTH
    apart: bool = False
    preflight: bool = True
    previous: bool = False
    meanwhile: Meanwhile = "nothing"
    another_night: bool = True
    by_name: bool = False
    datasets: int = 1

    @classmethod
    def drawn(cls, chance: random.Random) -> Story:
        """One by chance."""
        return cls(
            new=chance.choice(["good", *get_args(New)]),
            purposes=chance.choice([("INPUT",), ("LIGHTLY",), BOTH, BOTH]),
            apart=chance.random() < 0.3,
            preflight=chance.random() < 0.6,
            previous=chance.random() < 0.5,
            meanwhile=chance.choice(get_args(Meanwhile)),
            another_night=chance.random() < 0.7,
            by_name=chance.random() < 0.2,
            datasets=chance.choice([1, 2]),
        )


@dataclass(frozen=True)
class Ended:
    """How a try has ended; neither result nor error if it was killed."""

    result: Any = None
    error: str = ""
    variables: int = 0

    def __str__(self) -> str:
        return f"result: {self.result}" if self.result else f"error: {self.error}" if self.error else "killed"


class Night:
    """Datasets of their own, keys of their own, and the same task over and over.

    :param folder: where Airflow's Variables are kept, and how a try has ended.
    """

    def __init__(self, place: Place, story: Story, folder: Path) -> None:
        self.place, self.story, self.folder = place, story, folder
        self.old, self._steady, self.later = place.key(), place.key(), place.key()
        self.new, self._other = self._new(), place.key()
        self.connected = dict.fromkeys(story.purposes, self.new)
        if story.apart:
            self.connected[story.purposes[-1]] = self._other
        keys = {one: self.old if one in story.purposes else self._steady for one in BOTH}
        self._name = f"night-{next(place.numbers)}"
        self.ids = [place.dataset(f"{self._name}-{number}", keys) for number in range(story.datasets)]
        self._before = self._shown()
        self._remember()
        self._spared: set[str] = set()
        self._preflight = story.preflight
        self._logged = place.tries.log.stat().st_size
        self._told: list[str] = []

    def attempt(self, api: Faults, s3: Faults, at_variable: Any = None, *, dies_with_result: bool = False) -> Ended:
        """One try through two proxies; what it says is held against what LightlyOne says."""
        self._spared = {one for one in self.ids if self._proven(one)}
        order = {
            "folder": str(self.folder),
            "environment": self._environment(api, s3),
            "arguments": self._arguments(),
            "at_variable": at_variable,
            "dies_with_result": dies_with_result,
        }
        became, file = self.place.tries.run(order), self.folder / "ended"
        assert became == "killed" or file.exists(), f"a try has neither result nor error; see {self.place.tries.log}"
        ended = Ended(**json.loads(file.read_text())) if file.exists() else Ended()
        file.unlink(missing_ok=True)
        self._told.append(str(ended))
        self._check(ended)
        return ended

    def calm(self) -> Ended:
        """A try without faults."""
        return self.attempt(self.place.calm_api, self.place.calm_s3)

    def happens(self) -> None:
        """What happens after the first try."""
        if self.story.meanwhile == "the new key is deleted":
            self.place.delete(self.new)
        if self.story.meanwhile == "the old key is deleted":
            self.place.delete(self.old)
        if self.story.meanwhile == "the connection is switched back":
            self.connected = dict.fromkeys(self.connected, self.old)

    def check_mended(self) -> None:
        """Another night, with a good new key, mends whatever was left."""
        self.connected, self._preflight = dict.fromkeys(self.connected, self.later), False
        assert self.calm().result, self._told[-1]

    def check_unharmed(self) -> None:
        """Whatever has happened: nothing but credentials was changed, and no secret was told."""
        assert self._shown() == self._before
        told = "\n".join([self._log(), *self._told])
        keys = (*self.old, *self.new, *self.later, *self._steady, *self._other)
        for secret in (*keys, self.place.fernet_key, self.place.api.token):
            assert secret not in told

    def _check(self, ended: Ended) -> None:
        if ended.result:
            for one in self.ids:
                has = {purpose: self.place.key_of(one, purpose) for purpose in self.connected}
                assert has == self.connected, one
            assert not self._broken(), ended
        if ended.error:
            told = {one: (outcomes, why) for one, outcomes, why in _TOLD.findall(ended.error)}
            named = {one for one, (outcomes, _) in told.items() if "broken" in outcomes}
            unknown = {one for one, (_, why) in told.items() if "not known" in why}
            assert self._broken() <= named | unknown, ended
            assert named <= self._broken() | unknown, ended

    def _broken(self) -> set[str]:
        """The datasets that LightlyOne cannot use now; without those that the task had every reason to spare: they were
        proven with this very key, before somebody deleted it."""
        spared = self._spared if self.story.meanwhile == "the new key is deleted" else set()
        return {one for one in self.ids if not self.place.works(one)} - spared

    def _new(self) -> Key:
        key = self.place.key()
        if self.story.new == "unknown key":
            self.place.delete(key)
        if self.story.new == "wrong secret":
            return key[0], key[1][::-1]
        if self.story.new == "of use to Airflow alone":
            self.place.networks.refused.add((key[0], "LightlyOne"))
        if self.story.new == "of use to LightlyOne alone":
            self.place.networks.refused.add((key[0], "Airflow"))
        return key

    def _environment(self, api: Faults, s3: Faults) -> dict[str, str]:
        connections = {purpose: connection(key) for purpose, key in self.connected.items()}
        return {
            "AIRFLOW_CONN_LIGHTLY_DEFAULT": api.connection,
            **{f"AIRFLOW_CONN_NEW_{purpose}": told for purpose, told in connections.items()},
            "AIRFLOW_CONN_PREVIOUS": connection(self.old),
            "AIRFLOW__CORE__FERNET_KEY": self.place.fernet_key,
            "AWS_ENDPOINT_URL_S3": s3.url,
        }

    def _arguments(self) -> dict[str, Any]:
        which = {"dataset_name": f"{self._name}-*"} if self.story.by_name else {"dataset_id": self.ids}
        return {
            **which,
            "datasource_conn_id": {purpose: f"new_{purpose.lower()}" for purpose in self.story.purposes},
            "previous_conn_id": "previous" if self.story.previous else None,
            "preflight": self._preflight,
        }

    def _shown(self) -> dict[str, Any]:
        """All that LightlyOne shows of the datasources; secrets are masked."""
        return {one: self.place.api.call(all_datasources(one)) for one in self.ids}

    def _remember(self) -> None:
        """What another night has left in Airflow, if there was one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW__CORE__FERNET_KEY", self.place.fernet_key)
            patch.setattr(task_runner, "SUPERVISOR_COMMS", KeptVariables(self.folder), raising=False)
            for one in self.ids if self.story.another_night else []:
                for purpose in self.story.purposes:
                    RotationMemory().keep(one, self.place.has(one, purpose))
        self._earlier = self._kept()

    def _kept(self) -> dict[str, Any]:
        return FileStore(self.folder / "variables").kept

    def _proven(self, dataset_id: str) -> bool:
        """Whether all its credentials were verified this night."""
        names = [variable(dataset_id, purpose) for purpose in self.story.purposes]
        kept = self._kept()
        return all(name in kept and kept[name] != self._earlier.get(name) for name in names)

    def _log(self) -> str:
        with self.place.tries.log.open("rb") as log:
            log.seek(self._logged)
            return log.read().decode(errors="replace")
