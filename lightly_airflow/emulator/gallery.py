"""The images that a run selected, for the page."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.emulator.buckets import read_bucket
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.exports import tagged
from lightly_airflow.emulator.routes.samples import thumbnail_url
from lightly_airflow.emulator.signed_urls import SignedUrls
from lightly_airflow.emulator.world import World

MOST = 60  # more would make the page slow and nobody looks at them


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


def _source(world: World, sample: SamplePartial, embed: bool) -> str:
    # Relative: the page may be open under another name of this machine than the one that the API gives out.
    return _embedded(world, sample) if embed else thumbnail_url(SignedUrls(world, ""), sample)


def _embedded(world: World, sample: SamplePartial) -> str:
    purpose: Purpose = "LIGHTLY" if sample.thumb_name else "INPUT"
    path = sample.thumb_name or str(sample.file_name)
    try:
        content = read_bucket(world, str(sample.dataset_id), purpose, path)
    except Refusal:
        return ""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
