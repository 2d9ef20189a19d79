"""Writes what a run found: thumbnails, samples, tags, artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from lightly_airflow.contract.errors import error_from
from lightly_airflow.contract.models.runs import ArtifactType
from lightly_airflow.contract.models.samples import SampleCreateRequest
from lightly_airflow.contract.models.tags import Tag, TagCreateRequest
from lightly_airflow.contract.operations import runs, samples, tags
from lightly_airflow.contract.wire import Call, Request, Response
from lightly_airflow.emulator.run_files import run_file
from lightly_airflow.emulator.worker.images import ImageFacts
from lightly_airflow.emulator.worker.journal import Api
from lightly_airflow.emulator.worker.pool import with_descriptor
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.objects import write_object

_UPLOAD = "PUT (signed URL of an artifact)"


def thumbnail_name(suffix: str, name: str) -> str:
    """Where an image's thumbnail lies in the Lightly datasource.

    :param suffix: the datasource's ``thumb_suffix``, with ``[filename]`` (the path without its extension) and
        ``[extension]`` as placeholders.
    :param name: the image's path.
    """
    path = PurePosixPath(name)
    return suffix.replace("[filename]", str(path.with_suffix(""))).replace("[extension]", path.suffix.removeprefix("."))


def save_samples(
    api: Api, dataset_id: str, selected: Sequence[ImageFacts], store: Directory, suffix: str | None
) -> None:
    """Make the selected images samples of the dataset; LightlyOne, too, takes no others.

    :param store: the Lightly datasource, for thumbnails.
    :param suffix: its ``thumb_suffix``; ``None`` for no thumbnails.
    """
    for facts in selected:
        thumbnail = thumbnail_name(suffix, facts.name) if suffix else None
        if thumbnail:
            write_object(store, thumbnail, facts.thumbnail)
        sample = SampleCreateRequest(file_name=facts.name, thumb_name=thumbnail, meta_data=with_descriptor(facts))
        api(samples.create_sample(dataset_id, sample))


def tag_leftovers(api: Api, dataset_id: str, run_id: str, n_earlier: int) -> None:
    """Take into ``initial-tag`` what a run that died left without a tag, so that it is in no later run's own tag.

    :param n_earlier: how many samples the dataset has.
    """
    root = _root(api, dataset_id)
    if root is None and n_earlier:
        api(tags.create_initial_tag(dataset_id))
    elif root is not None and root.size < n_earlier:
        api(tags.upsize_tags(dataset_id, f"untagged-before-{run_id}"))


def save_tag(api: Api, dataset_id: str, run_id: str, n_earlier: int, n_selected: int) -> None:
    """Tag exactly the run's own samples, which are the dataset's last.

    How LightlyOne's worker names its tags is not published; these are named after the run. ``initial-tag`` is not the
    run's own, because it grows with every later run.

    :param n_earlier: how many samples the dataset had before.
    """
    root, name = _root(api, dataset_id), f"selected-{run_id}"
    if root and n_selected:
        api(tags.upsize_tags(dataset_id, name, run_id))
        return
    root_id = root.id if root else api(tags.create_initial_tag(dataset_id)).id
    size = n_earlier + n_selected
    mask = hex((1 << size) - (1 << n_earlier))
    request = TagCreateRequest(name=name, prev_tag_id=root_id, bit_mask_data=mask, tot_size=size, run_id=run_id)
    api(tags.create_tag(dataset_id, request))


def _root(api: Api, dataset_id: str) -> Tag | None:
    return next((tag for tag in api(tags.list_tags(dataset_id)) if tag.prev_tag_id is None), None)


def save_report(api: Api, run_id: str, store: Directory, content: bytes) -> None:
    """report.pdf, which lies in the Lightly datasource itself."""
    write_object(store, run_file(run_id, "report.pdf"), content)
    created = api(runs.create_artifact(run_id, "report.pdf", "REPORT_PDF", "DATASOURCE"))
    api(runs.confirm_artifact(run_id, created.artifact_id))


def save_artifact(api: Api, run_id: str, name: str, kind: ArtifactType, content: bytes) -> None:
    """A file that LightlyOne keeps: announced, uploaded to the URL that comes back, confirmed."""
    created = api(runs.create_artifact(run_id, name, kind, "LIGHTLY"))
    api(Call(Request("PUT", created.signed_write_url, _UPLOAD, body=content), _uploaded))
    api(runs.confirm_artifact(run_id, created.artifact_id))


def _uploaded(response: Response) -> None:
    if response.status // 100 != 2:
        raise error_from(response, _UPLOAD)
