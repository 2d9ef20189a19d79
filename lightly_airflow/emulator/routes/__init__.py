"""What the emulator serves: one file a resource, as in ``contract.operations``; the larger ones have two."""

from __future__ import annotations

from lightly_airflow.emulator.routes import (
    artifacts,
    datasets,
    datasources,
    exports,
    listings,
    queue,
    runs,
    samples,
    schedules,
    tags,
    versions,
    workers,
)

ROUTES = (
    *artifacts.ROUTES,
    *datasets.ROUTES,
    *datasources.ROUTES,
    *exports.ROUTES,
    *listings.ROUTES,
    *queue.ROUTES,
    *runs.ROUTES,
    *samples.ROUTES,
    *schedules.ROUTES,
    *tags.ROUTES,
    *versions.ROUTES,
    *workers.ROUTES,
)
