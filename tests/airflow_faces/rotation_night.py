"""One night's rotation as it is retried: what the author has done, what happens meanwhile, and what must hold then."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations.datasources import all_datasources
from lightly_airflow.operators.rotation_memory import variable
from lightly_airflow.testing import Faults
from tests.airflow_faces.rotation_place import Key, Place, connection

New = Literal["good", "unknown key", "wrong secret", "of use to Airflow alone", "of use to LightlyOne alone"]
Meanwhile = Literal["nothing", "the new key is deleted", "the connection is switched back", "the old key is deleted"]
# In the error: one line a dataset that has failed.
_TOLD = re.compile(r"^- (\w+): (refused before|rolled back|broken): (.*(?:\n(?!- \w+: ).*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Story:
    """What the author has done, and what happens meanwhile.

    :param new: what the connection holds by now.
    :param previous: whether the old connection is still given.
    :param meanwhile: what happens after the first try.
    """

    new: New = "good"
    preflight: bool = True
    previous: bool = False
    purposes: tuple[Purpose, ...] = ("INPUT",)
    meanwhile: Meanwhile = "nothing"
    datasets: int = 1

    @classmethod
    def drawn(cls, chance: random.Random) -> Story:
        """One by chance, with two datasets."""
        return cls(
            new=chance.choice(["good", *get_args(New)]),
            preflight=chance.random() < 0.6,
            previous=chance.random() < 0.5,
            purposes=chance.choice([("INPUT",), ("LIGHTLY",)]),
            meanwhile=chance.choice(get_args(Meanwhile)),
            datasets=2,
        )


@dataclass(frozen=True)
class Ended:
    """How a try has ended; neither result nor error if it was killed."""

    result: Any = None
    error: str = ""
    writes: int = 0

    def __str__(self) -> str:
        return f"result: {self.result}" if self.result else f"error: {self.error}" if self.error else "killed"


class Night:
    """Datasets of their own, keys of their own, and the same task over and over.

    :param folder: where Airflow's Variables are kept, and how a try has ended.
    """

    def __init__(self, place: Place, story: Story, folder: Path) -> None:
        self.place, self.story, self.folder = place, story, folder
        self.old, self._steady, self.later = place.key(), place.key(), place.key()
        self.new = self.connected = self._new()
        keys = {one: self.old if one in story.purposes else self._steady for one in _PURPOSES}
        self.ids = [place.dataset(keys) for _ in range(story.datasets)]
        self._before = self._shown()
        self._spared: set[str] = set()
        self._logged = place.tries.log.stat().st_size
        self._told: list[str] = []

    def attempt(self, api: Faults, s3: Faults, at_write: Any = None, *, dies_with_result: bool = False) -> Ended:
        """One try through two proxies; what it says is held against what LightlyOne says."""
        self._spared = {one for one in self.ids if self._kept().issuperset(self._variables(one))}
        order = {
            "folder": str(self.folder),
            "environment": self._environment(api, s3),
            "arguments": self._arguments(),
            "at_write": at_write,
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
            self.connected = self.old

    def check_end(self) -> None:
        """What holds whatever has happened: nothing but credentials was changed, no secret told, and a good key mends all."""
        self.connected = self.later
        assert self.calm().result, self._told
        assert all(map(self.place.works, self.ids))
        assert self._shown() == self._before
        told = "\n".join([self._log(), *self._told])
        for secret in (*self.old, *self.new, *self.later, *self._steady, self.place.fernet_key, self.place.api.token):
            assert secret not in told

    def _check(self, ended: Ended) -> None:
        if ended.result:
            for one in self.ids:
                assert {self.place.key_of(one, purpose) for purpose in self.story.purposes} == {self.connected}, one
            assert not self._broken(), ended
        if ended.error:
            told = {one: (outcome, why) for one, outcome, why in _TOLD.findall(ended.error)}
            named = {one for one, (outcome, _) in told.items() if outcome == "broken"}
            unknown = {one for one, (_, why) in told.items() if _UNKNOWN in why}
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
        return {
            "AIRFLOW_CONN_LIGHTLY_DEFAULT": api.connection,
            "AIRFLOW_CONN_CAMERAS": connection(self.connected),
            "AIRFLOW_CONN_PREVIOUS": connection(self.old),
            "AIRFLOW__CORE__FERNET_KEY": self.place.fernet_key,
            "AWS_ENDPOINT_URL_S3": s3.url,
        }

    def _arguments(self) -> dict[str, Any]:
        return {
            "dataset_id": self.ids,
            "datasource_conn_id": "cameras",
            "previous_conn_id": "previous" if self.story.previous else None,
            "purpose": self.story.purposes[0],
            "preflight": self.story.preflight,
        }

    def _shown(self) -> dict[str, Any]:
        """All that LightlyOne shows of the datasources; secrets are masked."""
        return {one: self.place.api.call(all_datasources(one)) for one in self.ids}

    def _kept(self) -> set[str]:
        file = self.folder / "variables"
        return set(json.loads(file.read_text())) if file.exists() else set()

    def _variables(self, dataset_id: str) -> set[str]:
        return {variable(dataset_id, purpose) for purpose in self.story.purposes}

    def _log(self) -> str:
        with self.place.tries.log.open("rb") as log:
            log.seek(self._logged)
            return log.read().decode(errors="replace")


_PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
_UNKNOWN = "not known"
