"""What lies in a dataset's input datasource, page by page, with URLs that read it.

A divided listing has one shard: LightlyOne promises no more than one. A cursor is opaque to the client.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lightly_airflow.contract.files import is_image, is_video
from lightly_airflow.contract.models.datasources import Cursors, RawSample, RawSamples
from lightly_airflow.contract.operations import datasources
from lightly_airflow.emulator.buckets import answered, open_bucket
from lightly_airflow.emulator.refusal import malformed
from lightly_airflow.emulator.routes.owned import the_dataset
from lightly_airflow.emulator.routing import Ask, Routes
from lightly_airflow.storage.listing import list_objects

ROUTES = Routes()
PAGE = 1000  # LightlyOne's own page size is not known


@ROUTES.serves(datasources.LIST_DIVIDED)
def divide(ask: Ask[Any]) -> Cursors:
    """Where to begin; ``from`` and ``to`` are remembered in the cursor."""
    the_dataset(ask)
    ask.refuse_options("relevantFilenamesFileName")
    ask.required("dncShards")
    return Cursors(cursors=[_cursor(ask.query, "")])


@ROUTES.serves(datasources.LIST)
def list_raw_samples(ask: Ask[Any]) -> RawSamples:
    """The objects between ``from`` and ``to``, both included, by their time of change in seconds.

    Files of other types than the dataset's are left out: videos are for Videos, images for all others.
    """
    dataset = the_dataset(ask)
    ask.refuse_options("relevantFilenamesFileName")
    asked = _read_cursor(ask.query["cursor"]) if ask.query.get("cursor") else {**ask.query, "after": ""}
    with answered("INPUT"):
        fitting = filter(is_video if dataset.type == "Videos" else is_image, _paths(ask, dataset.id, asked))
        paths = list(islice(fitting, PAGE + 1))
    page, more = paths[:PAGE], len(paths) > PAGE
    data = [RawSample(file_name=path, read_url=ask.urls.stored(dataset.id, "INPUT", path)) for path in page]
    return RawSamples(has_more=more, cursor=_cursor(asked, page[-1] if page else asked["after"]), data=data)


def _paths(ask: Ask[Any], dataset_id: str, asked: Mapping[str, Any]) -> Iterator[str]:
    """In the order of their names, in which S3 lists, so that a page can begin after any of them."""
    since, until = asked.get("from", 0), asked.get("to", float("inf"))
    for found in list_objects(open_bucket(ask.world, dataset_id, "INPUT")):
        if found.path > asked["after"] and since <= int(found.last_modified.timestamp()) <= until:
            yield found.path


def _cursor(asked: Mapping[str, Any], after: str) -> str:
    kept = {name: asked[name] for name in ("from", "to") if name in asked}
    return base64.urlsafe_b64encode(json.dumps({**kept, "after": after}).encode()).decode()


def _read_cursor(cursor: str) -> dict[str, Any]:
    try:
        asked: dict[str, Any] = json.loads(base64.urlsafe_b64decode(cursor))
        return {**asked, "after": str(asked["after"])}
    except (ValueError, KeyError, TypeError):
        raise malformed("query.cursor: not one that was given out") from None
