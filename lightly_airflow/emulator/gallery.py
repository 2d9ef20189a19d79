"""The images that a run selected, and its picture of when inputs expire, for the page."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.emulator.buckets import read_bucket
from lightly_airflow.emulator.records import LogRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.exports import tagged
from lightly_airflow.emulator.routes.samples import thumbnail_url
from lightly_airflow.emulator.run_files import EXPIRY_PICTURE, run_file, says_written
from lightly_airflow.emulator.signed_urls import SignedUrls
from lightly_airflow.emulator.world import World

MOST = 60  # more would make the page slow and nobody looks at them
# The page may be open under another name of this machine than the one that the API gives out.
_RELATIVE = ""


@dataclass(frozen=True)
class Picture:
    """One selected image.

    :param name: the file's name.
    :param source: what an ``img`` shows: a URL, or the image itself; empty if it cannot be read.
    """

    name: str
    source: str


@dataclass(frozen=True)
class Gallery:
    """What a run selected.

    :param pictures: the first of them.
    :param total: how many there are.
    """

    pictures: list[Picture]
    total: int


def selected_by(world: World, run: Run, *, embed: bool) -> Gallery:
    """The samples of the run's newest tag.

    :param embed: put the images themselves into the page instead of URLs.
    """
    tags = world.find(Tag, run_id=run.id, newest_first=True, limit=1)
    samples = tagged(world, tags[0]) if tags else []
    return Gallery([Picture(str(one.file_name), _source(world, one, embed)) for one in samples[:MOST]], len(samples))


def expiry_picture(world: World, run: Run | None, *, embed: bool) -> str:
    """What an ``img`` shows of a run's picture of when its inputs expire; empty if there is none.

    :param embed: put the picture itself into the page instead of a URL.
    """
    if run is None or run.dataset_id is None:
        return ""
    if not world.count(LogRecord, run_id=run.id, msg=says_written(run.id, EXPIRY_PICTURE)):
        return ""
    path = run_file(run.id, EXPIRY_PICTURE)
    if embed:
        return _embedded(world, run.dataset_id, "LIGHTLY", path)
    return SignedUrls(world, _RELATIVE).stored(run.dataset_id, "LIGHTLY", path)


def _source(world: World, sample: SamplePartial, embed: bool) -> str:
    if not embed:
        return thumbnail_url(SignedUrls(world, _RELATIVE), sample)
    purpose: Purpose = "LIGHTLY" if sample.thumb_name else "INPUT"
    return _embedded(world, str(sample.dataset_id), purpose, sample.thumb_name or str(sample.file_name))


def _embedded(world: World, dataset_id: str, purpose: Purpose, path: str) -> str:
    try:
        content = read_bucket(world, dataset_id, purpose, path)
    except Refusal:
        return ""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
