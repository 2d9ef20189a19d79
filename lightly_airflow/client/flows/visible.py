"""All datasets that a token can see."""

from __future__ import annotations

from itertools import count
from typing import get_args

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.operations.datasets import Whose, datasets_of
from lightly_airflow.contract.wire import Flow

# As many as LightlyOne's own client asks for at once.
PAGE = 5000
_WHOSE: tuple[Whose, ...] = get_args(Whose)


def visible_datasets(page_size: int = PAGE) -> Flow[list[DatasetData]]:
    """The user's own datasets, those that others share with them and those of their team, each once.

    :param page_size: datasets a request.
    """
    found: dict[str, DatasetData] = {}
    for whose in _WHOSE:
        for page_number in count():
            page = yield from datasets_of(whose, page_size, page_number * page_size)
            found |= {dataset.id: dataset for dataset in page}
            if len(page) < page_size:
                break
    return list(found.values())
