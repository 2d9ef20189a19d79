"""A worker beside the emulator, and a bucket with images whose dates tests decide."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.s3.models import s3_backends
from PIL import Image

from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules
from lightly_airflow.contract.wire import Request
from lightly_airflow.emulator.worker import engine, plan
from lightly_airflow.emulator.worker.loop import Worker

ACCOUNT = "123456789012"  # whose buckets the server shows
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


@dataclass
class Site:
    """A dataset with its bucket and its worker."""

    desk: Any
    bucket: Any
    worker: Worker
    dataset_id: str

    def put(self, name: str, content: bytes, at: float = 1_700_000_000.0) -> None:
        """Upload an object as if it had been written then."""
        self.bucket.put_object(Key=name, Body=content)
        keys = s3_backends[ACCOUNT]["aws"].buckets[self.bucket.name].keys
        # The server's own clock cannot be set, and runs look at when an object was written.
        keys[name].last_modified = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)

    def put_images(self, names: str, at: float = 1_700_000_000.0) -> None:
        """Upload images of different colours, one a letter, as ``input/cam/a.png``."""
        for letter in names:
            self.put(f"input/cam/{letter}.png", picture(ord(letter)), at)

    def schedule(self, n_samples: int = 3, strategies: list[Any] | None = None, **docker: Any) -> str:
        """Into the queue; the scheduled run's id."""
        selection = {"n_samples": n_samples, "strategies": strategies or [DIVERSITY]}
        config = RunConfig.model_validate({"docker": docker, "selection": selection})
        config_id = self.desk.api(schedules.create_config(config)).id
        return str(self.desk.api(schedules.schedule_run(self.dataset_id, config_id, "MID", ())).id)

    def run(self, n_samples: int = 3, strategies: list[Any] | None = None, **docker: Any) -> Run:
        """Schedule, let the worker do it, and read how it ended."""
        scheduled = self.schedule(n_samples, strategies, **docker)
        assert self.worker.step()
        run: Run = self.desk.api(runs.run_of_schedule(scheduled))
        return run

    def stored(self) -> list[str]:
        """What the bucket holds."""
        return sorted(item.key for item in self.bucket.objects.all())

    def artifact(self, run: Run, name: str) -> bytes:
        """An artifact's bytes, by way of its signed URL."""
        found = next(artifact for artifact in run.artifacts or [] if artifact.file_name == name)
        url = self.desk.api(runs.artifact_read_url(run.id, found.id))
        return bytes(self.desk.emulator.send(Request("GET", url, "GET a signed file"), None).body)

    def artifact_json(self, run: Run, name: str) -> Any:
        return json.loads(self.artifact(run, name))

    def log(self, run: Run) -> list[str]:
        """The messages of the run's log."""
        return [entry.msg for entry in self.desk.api(runs.get_logs(run.id)).logs]

    def sample_count(self) -> int:
        return int(self.desk.api(datasets.get_dataset(self.dataset_id)).n_samples)


def picture(seed: int) -> bytes:
    """A picture unlike those of other seeds: a disc of its own colour, size and place."""
    image, buffer = Image.new("RGB", (96, 64), (seed * 37 % 256, seed * 91 % 256, seed * 53 % 256)), io.BytesIO()
    disc = Image.radial_gradient("L").resize((16 + seed % 7 * 6, 16 + seed % 5 * 8))
    image.paste(disc, (seed * 13 % 60, seed * 7 % 40))
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def engine_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same engine without a process of its own, for tests of what is around it."""
    monkeypatch.setattr(plan, "_run_engine", engine.run)


@pytest.fixture
def make_worker(desk: Any) -> Callable[[str], Worker]:
    """Makes and registers a worker of that name."""

    def make(name: str) -> Worker:
        worker = Worker(desk.api, desk.emulator.world.datasource_config, name, poll_seconds=0.01, now=desk.clock)
        worker.start()
        return worker

    return make


@pytest.fixture
def site(desk: Any, bucket: Any, make_worker: Callable[[str], Worker]) -> Site:
    dataset_id = desk.dataset()
    lightly = desk.emulator.world.datasource_config(dataset_id, "LIGHTLY")
    with_thumbnails = lightly.model_copy(update={"thumb_suffix": DEFAULT_THUMB_SUFFIX})
    desk.api(datasources.put_datasource(dataset_id, with_thumbnails))
    return Site(desk, bucket, make_worker("night-shift"), dataset_id)
