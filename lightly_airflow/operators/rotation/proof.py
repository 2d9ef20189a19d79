"""What is known of new credentials before LightlyOne is told: tried from here once for each place, or by LightlyOne before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightly_airflow.client.flows.datasources import Permission, needed_for
from lightly_airflow.contract.errors import LightlyConfigError, LightlyError
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.operators.preflight import check_datasource
from lightly_airflow.operators.rotation.twin import Twin

# What may be wrong with one dataset, and does not stop the others.
REFUSALS = (LightlyError, LightlyInputError, LightlyPermissionError)


@dataclass
class Proofs:
    """Remembers what was tried, so that many datasets on one path cost one try.

    :param preflight: whether the credentials are tried from here at all.
    """

    preflight: bool
    # Where, with what, and for which type of dataset -> why the credentials were refused, "" if they were not.
    _tried: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    # Where and with what -> what LightlyOne itself could not do.
    _useless: dict[str, str] = field(default_factory=dict, repr=False)

    def needs_type(self, twin: Twin) -> bool:
        """Whether trying depends on the type of the dataset: only an INPUT's files are counted."""
        return self.preflight and twin.config.purpose == "INPUT"

    def check(self, twin: Twin, dataset_type: str, *, can_be_put_back: bool) -> None:
        """Tries a datasource.

        :param can_be_put_back: LightlyOne may be told even though it could not use the same for another dataset.
        :raises LightlyError: or another of :data:`REFUSALS`: it cannot be used.
        """
        if twin.key in self._useless and not can_be_put_back:
            raise LightlyConfigError(self._useless[twin.key])
        if not self.preflight:
            return
        tried = (twin.key, dataset_type if self.needs_type(twin) else "")
        if tried not in self._tried:
            self._tried[tried] = _refusal(twin, dataset_type)
        if self._tried[tried]:
            raise LightlyPermissionError(self._tried[tried])

    def blame(self, twins: Sequence[Twin], dataset_id: str, missing: Sequence[Permission]) -> None:
        """LightlyOne lacks permissions with these, or, where none is named, did not say whether it can use them."""
        for twin in twins:
            if not missing:
                told = f"LightlyOne did not say whether it can use the credentials there for dataset {dataset_id}"
            elif set(missing) & set(needed_for(twin.config.purpose)):
                told = f"LightlyOne could not use the credentials there for dataset {dataset_id}"
            else:
                continue
            self._useless.setdefault(twin.key, told)


def _refusal(twin: Twin, dataset_type: str) -> str:
    try:
        check_datasource(twin.storage, twin.config, dataset_type)
    except REFUSALS as error:
        return str(error)
    return ""
