"""From the datapool and the input datasource to the images that a run selects from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lightly_airflow.contract.models.worker_config import WorkerConfig
from lightly_airflow.contract.operations import datasources
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.images import CorruptImage, ImageFacts, load_images
from lightly_airflow.emulator.worker.inputs import Inputs, Window, find_inputs, read_relevant
from lightly_airflow.emulator.worker.job import Buckets, Job
from lightly_airflow.emulator.worker.journal import Journal
from lightly_airflow.emulator.worker.metadata import CustomMetadata, read_metadata, read_schema
from lightly_airflow.emulator.worker.pool import Member, read_pool
from lightly_airflow.emulator.worker.selection_check import check_custom_keys, custom_keys
from lightly_airflow.storage.objects import read_object

_PROGRESS_SECONDS = 5.0


def load_pool(job: Job) -> list[Member]:
    """The samples of earlier runs; without ``use_datapool`` there must be none (https://docs.lightly.ai/docs/datapool).

    :raises RunFailed: there are some.
    """
    pool = read_pool(job.api, job.dataset.id)
    if pool and not job.worker.use_datapool:
        raise RunFailed(
            f"the dataset is not empty ({len(pool)} samples); set worker_config.use_datapool or use another dataset"
        )
    if pool:
        job.journal.say(f"the datapool holds {len(pool)} samples")
    return pool


def open_window(job: Job) -> Window:
    """Which objects are new: written after those of the last run, and not after this moment."""
    until = int(job.journal.seconds())
    if not job.worker.use_datapool or job.datasource.process_all:
        return Window(0, until)
    stored = job.api(datasources.get_processed_until(job.dataset.id)).processed_until_timestamp
    return Window(stored + 1 if stored else 0, until)


def list_inputs(job: Job, buckets: Buckets, window: Window, pool: Sequence[Member]) -> Inputs:
    """The run's images; those that are samples already are left out, since they are in the selection anyway.

    :raises RunFailed: there are none.
    """
    path = job.worker.relevant_filenames_file
    relevant = read_relevant(buckets.lightly, path) if path else None
    found = find_inputs(buckets.inputs, window, relevant)
    known = {member.name for member in pool}
    new = [image for image in found.images if image.path not in known]
    if not new:
        raise RunFailed(f"all {len(found.images)} images are in the datapool already; there is nothing to select from")
    job.journal.say(f"found {len(new)} images; left out {len(found.others)} files of other types")
    return Inputs(new, found.others)


def load_metadata(job: Job, buckets: Buckets, names: Sequence[str]) -> CustomMetadata:
    """The custom metadata that the selection asks for; nothing is read if it asks for none.

    :param names: the images' paths.
    :raises RunFailed: the schema, a key or a value does not fit.
    """
    config, keys = job.config.selection, custom_keys(job.config.selection)
    if config is None or not keys:
        return CustomMetadata()
    job.journal.enter("LOADING_METADATA")
    schema = read_schema(buckets.lightly)
    check_custom_keys(config, schema)
    custom = read_metadata(buckets.lightly, [schema[key] for key in keys], names)
    own = len(names) - custom.n_defaults
    job.journal.say(
        f"{own} of {len(names)} images have metadata of their own; the schema's defaults hold for the others"
    )
    return custom


def read_images(job: Job, buckets: Buckets, inputs: Inputs) -> tuple[list[ImageFacts], list[CorruptImage]]:
    """Decode all images; corrupt ones are named and left out.

    :raises RunFailed: too many are corrupt.
    """
    images: list[ImageFacts] = []
    corrupt: list[CorruptImage] = []
    results = load_images(inputs.names, lambda name: read_object(buckets.inputs, name))
    for result in _told(job.journal, results, len(inputs.images)):
        if isinstance(result, ImageFacts):
            images.append(result)
        else:
            corrupt.append(result)
            job.journal.say(f"skipped {result.name}: {result.error}", "WARNING")
    _check_corrupt(job.worker, len(images), len(corrupt))
    job.journal.say(f"{len(images)} images can be read, {len(corrupt)} are corrupt")
    return images, corrupt


def _told(
    journal: Journal, results: Iterator[ImageFacts | CorruptImage], total: int
) -> Iterator[ImageFacts | CorruptImage]:
    """Says every few seconds how far it is."""
    told_at = journal.seconds()
    for count, result in enumerate(results, 1):
        journal.check()
        yield result
        if (now := journal.seconds()) - told_at >= _PROGRESS_SECONDS:
            told_at = now
            journal.say(f"read {count} of {total} images")


def _check_corrupt(worker: WorkerConfig, n_images: int, n_corrupt: int) -> None:
    """More corrupt files than ``corruption_threshold`` fail the run; LightlyOne's own default is not published, so
    without one any number is tolerated as long as one image can be read."""
    threshold = worker.corruptness_check.corruption_threshold if worker.corruptness_check else None
    total = n_images + n_corrupt
    if threshold is not None and n_corrupt > threshold * total:
        raise RunFailed(
            f"{n_corrupt} of {total} images are corrupt, more than corruption_threshold {threshold} allows;"
            " the run's log names them"
        )
    if not n_images:
        raise RunFailed(f"all {total} images are corrupt")
