"""Exports of a tag's samples, in the order of the mappings."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import FilenameAndReadUrl, Tag
from lightly_airflow.contract.operations import tags
from lightly_airflow.emulator.refusal import Refusal, not_emulated
from lightly_airflow.emulator.routes.owned import the_tag
from lightly_airflow.emulator.routes.samples import full_url
from lightly_airflow.emulator.routing import Ask, BareText, Routes
from lightly_airflow.emulator.world import World

ROUTES = Routes()


@ROUTES.serves(tags.EXPORT_FILENAMES)
def export_filenames(ask: Ask[Any]) -> str:
    """One line a sample: its name, its full path in the bucket, or a URL that reads it.

    The official client joins pages with a newline and counts their characters, so a page never ends with a newline and
    one past the end is empty. Without ``expiresIn``, in seconds, URLs never expire.
    """
    ask.refuse_options("includeMetaData", "previewExample")
    if ask.query.get("format", "PLAIN") != "PLAIN":
        raise not_emulated("query.format=JSON")
    tag = the_tag(ask)
    names = ask.page([str(sample.file_name) for sample in tagged(ask.world, tag)])
    return BareText("\n".join(_written(ask, tag, names)))


@ROUTES.serves(tags.EXPORT_FILENAMES_AND_READ_URLS)
def export_filenames_and_read_urls(ask: Ask[Any]) -> list[FilenameAndReadUrl]:
    """Each sample's name and a URL that reads it."""
    ask.refuse_options("previewExample")
    page = ask.page(tagged(ask.world, the_tag(ask)))
    return [FilenameAndReadUrl(file_name=str(sample.file_name), read_url=full_url(ask.urls, sample)) for sample in page]


def tagged(world: World, tag: Tag) -> list[SamplePartial]:
    """The samples that a tag holds."""
    mask = int(tag.bit_mask_data, 16)
    return [sample for i, sample in enumerate(world.find(SamplePartial, dataset_id=tag.dataset_id)) if mask >> i & 1]


def _written(ask: Ask[Any], tag: Tag, names: list[str]) -> list[str]:
    style = ask.query.get("fileNameFormat", "NAME")
    if style == "NAME":
        return names
    if style == "REDIRECTED_READ_URL":
        return [ask.urls.stored(tag.dataset_id, "INPUT", name, ask.query.get("expiresIn")) for name in names]
    config = ask.world.datasource_config(tag.dataset_id, "INPUT")
    if config is None:
        raise Refusal(404, "DATASET_DATASOURCE_UNKNOWN", "the dataset has no INPUT datasource")
    return [f"{config.full_path.removesuffix('/')}/{name}" for name in names]
