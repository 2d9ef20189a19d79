"""One run from its inputs to its results, through the states in which LightlyOne's worker shows itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from lightly_airflow.contract.models.runs import ArtifactType
from lightly_airflow.contract.operations import datasources
from lightly_airflow.emulator.worker.expiration import keep_lasting
from lightly_airflow.emulator.worker.images import CorruptImage, ImageFacts
from lightly_airflow.emulator.worker.inputs import Inputs, Window
from lightly_airflow.emulator.worker.job import Buckets, Job, open_buckets
from lightly_airflow.emulator.worker.loading import list_inputs, load_metadata, load_pool, open_window, read_images
from lightly_airflow.emulator.worker.metadata import CustomMetadata
from lightly_airflow.emulator.worker.options import check_options
from lightly_airflow.emulator.worker.pool import Member, table_of, tag_embeddings
from lightly_airflow.emulator.worker.report import render_report
from lightly_airflow.emulator.worker.report_json import report_v2
from lightly_airflow.emulator.worker.results import save_artifact, save_report, save_samples, save_tag, tag_leftovers
from lightly_airflow.emulator.worker.selection import select
from lightly_airflow.emulator.worker.summary import Summary


def process(job: Job) -> str:
    """Do the whole run and return its closing message.

    :raises LightlyError: the run fails, for a reason that its author can mend.
    """
    journal = job.journal
    journal.enter("INITIALIZING")
    for note in check_options(job.dataset, job.config):
        journal.say(note, "WARNING")
    buckets = open_buckets(job)
    pool = load_pool(job)
    window = open_window(job)
    journal.enter("LOADING_DATASET")
    inputs = list_inputs(job, buckets, window, pool)
    inputs = keep_lasting(job, buckets, inputs)
    custom = load_metadata(job, buckets, [*(member.name for member in pool), *inputs.names])
    journal.enter("CHECKING_CORRUPTNESS")
    images, corrupt = read_images(job, buckets, inputs)
    journal.enter("COMPUTING_METADATA")
    journal.say(f"measured {len(images)} images")
    journal.enter("EMBEDDING")
    journal.say(f"described {len(images)} images by a plain descriptor, not by a neural network")
    journal.enter("SAMPLING")
    selected = _select(job, images, pool, custom)
    summary = _summary(job, inputs, images, corrupt, selected, len(pool))
    _save(job, buckets, summary)
    _update_pool(job, window)
    return summary.sentence()


def _select(job: Job, images: Sequence[ImageFacts], pool: Sequence[Member], custom: CustomMetadata) -> list[ImageFacts]:
    if job.config.selection is None:
        return list(images)
    table = table_of([*pool, *images], custom)
    chosen = select(job.config.selection, table, range(len(pool)), partial(tag_embeddings, job.api))
    for note in chosen.notes:
        job.journal.say(note, "WARNING")
    job.journal.say(f"selected {len(chosen.indices)} of {len(images)} images")
    return [images[index - len(pool)] for index in chosen.indices]


def _summary(
    job: Job,
    inputs: Inputs,
    images: list[ImageFacts],
    corrupt: list[CorruptImage],
    selected: list[ImageFacts],
    n_pool: int,
) -> Summary:
    return Summary(
        run_id=job.journal.run_id,
        dataset_id=job.dataset.id,
        dataset_name=job.dataset.name,
        started=job.journal.started,
        ended=job.journal.seconds(),
        selection=job.config.selection,
        images=images,
        selected=selected,
        corrupt=corrupt,
        others=inputs.others,
        n_expiring=inputs.n_expiring,
        n_pool=n_pool,
    )


def _save(job: Job, buckets: Buckets, summary: Summary) -> None:
    api, journal, run_id = job.api, job.journal, summary.run_id
    journal.enter("SAVING_RESULTS")
    journal.enter("UPLOADING_DATASET")
    tag_leftovers(api, job.dataset.id, run_id, summary.n_pool)
    save_samples(api, job.dataset.id, summary.selected, buckets.lightly, buckets.thumb_suffix)
    save_tag(api, job.dataset.id, run_id, summary.n_pool, len(summary.selected))
    journal.say(f"uploaded {len(summary.selected)} samples and their tag")
    if job.worker.upload_report is not False:
        journal.enter("GENERATING_REPORT")
        report = render_report(summary)
        journal.enter("UPLOADING_REPORT")
        save_report(api, run_id, buckets.lightly, report)
        journal.enter("UPLOADED_REPORT")
    journal.enter("UPLOADING_ARTIFACTS")
    _save_artifacts(job, summary)
    journal.enter("UPLOADED_ARTIFACTS")


def _save_artifacts(job: Job, summary: Summary) -> None:
    corrupt = {"corrupt_samples": {image.name: image.error for image in summary.corrupt}}
    sequence = [{"filenames": [facts.name for facts in summary.selected]}]
    files: list[tuple[str, ArtifactType, bytes]] = [
        ("report_v2.json", "REPORT_V2_JSON", _json(report_v2(summary))),
        ("corruptness_check_information.json", "CORRUPTNESS_CHECK_INFORMATION", _json(corrupt)),
        ("sequence_information.json", "SEQUENCE_INFORMATION", _json(sequence)),
        ("memlog.txt", "MEMLOG", job.journal.memory_text()),
    ]
    for name, kind, content in files:
        save_artifact(job.api, summary.run_id, name, kind, content)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def _update_pool(job: Job, window: Window) -> None:
    if job.worker.use_datapool and job.datasource.enable_datapool_update is not False:
        job.api(datasources.put_processed_until(job.dataset.id, window.until))
