"""What a rotation has set last: keyed fingerprints of credentials, from which nobody without the key learns anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging

from airflow.sdk import Variable, conf
from airflow.sdk.exceptions import AirflowRuntimeError

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import CREDENTIALS, DatasourceConfig

log = logging.getLogger(__name__)
_USE = b"lightly_airflow: fingerprints of rotated credentials"
_DESCRIPTION = "What LightlyRotateCredentialsOperator has set last: a keyed fingerprint, no secret."


class NotForgotten(LightlyError):
    """Airflow did not delete what it keeps of a datasource; nothing may be sent then."""


class RotationMemory:
    """The fingerprint of the credentials that were proven last, in one Airflow Variable a dataset and purpose.

    A Variable and not the task's state store, which ends with its DAG run; nor an asset's, which needs an asset that the
    author would have to declare. Fingerprints are keyed with Airflow's ``[core] fernet_key``: a plain hash of a short
    secret could be found by trying. Without such a key nothing is kept, and everything counts as changed.
    """

    def __init__(self) -> None:
        self._keys = [_derived(key) for key in fernet_keys()]
        if not self._keys:
            log.warning(
                "Airflow has no [core] fernet_key here: what was set last can be neither kept nor compared, so every"
                " datasource is set anew"
            )

    def same(self, dataset_id: str, config: DatasourceConfig) -> bool:
        """Whether these very credentials were kept last for the dataset and the config's purpose. Airflow says of a Variable
        that it could not read that there is none, and nothing else does harm: credentials are set once more then."""
        kept = str(Variable.get(variable(dataset_id, config.purpose), default="")) if self._keys else ""
        # Airflow's own rotation puts its new key before the old one: both may have made what is kept.
        return any(hmac.compare_digest(kept, fingerprint(key, dataset_id, config)) for key in self._keys)

    def keep(self, dataset_id: str, config: DatasourceConfig) -> None:
        """Remembers credentials. Called once LightlyOne has verified them; that Airflow does not keep them changes nothing
        about that, so it is a warning."""
        name = variable(dataset_id, config.purpose)
        if not self._keys:
            return
        try:
            Variable.set(name, fingerprint(self._keys[0], dataset_id, config), description=_DESCRIPTION)
        except AirflowRuntimeError as error:
            log.warning(
                "Airflow did not keep its Variable %s (%s): the datasource is set anew the next time", name, error
            )

    def forget(self, dataset_id: str, config: DatasourceConfig) -> None:
        """Called before anything is sent: whatever happens then, the next time does not take it for unchanged.

        :raises NotForgotten: Airflow did not do it, or did not say so.
        """
        name = variable(dataset_id, config.purpose)
        if not self._keys:
            return
        try:
            Variable.delete(name)  # also where none could be read: that may have been Airflow's own trouble
        except AirflowRuntimeError as error:
            told = str(error)
        else:
            return
        raise NotForgotten(f"Airflow did not delete its Variable {name} ({told}), and nothing is sent before that")


def variable(dataset_id: str, purpose: str) -> str:
    """The name of the Variable."""
    return f"lightly_rotation_{dataset_id}_{purpose}"


def fingerprint(key: bytes, dataset_id: str, config: DatasourceConfig) -> str:
    """HMAC-SHA256 of a datasource's credentials, another for each dataset and purpose."""
    told = {name: value for name, value in wire(config).items() if name in CREDENTIALS or name == "type"}
    body = json.dumps([dataset_id, config.purpose, told], sort_keys=True)
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()


def fernet_keys() -> list[bytes]:
    """Airflow's Fernet keys, the newest first. What is none is left out, such as the placeholder of an Airflow without one."""
    told = str(conf.get("core", "fernet_key", fallback="") or "")
    return [key for key in map(_decoded, told.split(",")) if len(key) == 32]


def _decoded(key: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(key.strip().encode())
    except ValueError:
        return b""


def _derived(key: bytes) -> bytes:
    """A key of this use alone, so that fingerprints tell nothing of what else Airflow does with its own."""
    return hmac.digest(key, _USE, "sha256")
