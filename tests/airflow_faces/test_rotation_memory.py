"""What a rotation keeps in Airflow: keyed fingerprints, from which no secret can be found."""

from __future__ import annotations

import hashlib
from typing import get_args

import pytest
from airflow.sdk.execution_time.comms import DeleteVariable, GetVariable, PutVariable
from cryptography.fernet import Fernet
from pydantic import SecretStr

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import CREDENTIALS, DatasourceConfig, S3Config
from lightly_airflow.operators.rotation.memory import RotationMemory, _derived, fernet_keys, fingerprint, variable
from tests.airflow_faces.variables import Variables

DATASET, OTHER = "a" * 24, "b" * 24


def s3(secret: str, purpose: str = "INPUT") -> S3Config:
    fields = {"purpose": purpose, "full_path": "s3://cameras/", "s3_region": "us-east-1", "s3_access_key_id": "key"}
    return S3Config.model_validate({**fields, "s3_secret_access_key": secret})


@pytest.fixture
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
    return key


def test_only_what_was_kept_is_the_same(variables: Variables, fernet_key: str) -> None:
    """Another secret, dataset or purpose is not; and two datasets with one secret do not show that."""
    memory = RotationMemory()
    memory.keep(DATASET, s3("4711"))
    memory.keep(OTHER, s3("4711"))
    assert memory.same(DATASET, s3("4711"))
    assert not memory.same(DATASET, s3("4712"))
    assert not memory.same(DATASET, s3("4711", "LIGHTLY"))
    assert len(set(variables.values())) == 2


def test_what_is_forgotten_is_not_the_same(variables: Variables, fernet_key: str) -> None:
    """Forgetting what was never kept is no error."""
    memory = RotationMemory()
    memory.keep(DATASET, s3("4711"))
    for _ in range(2):
        memory.forget(DATASET, s3("4712"))
    assert not memory.same(DATASET, s3("4711"))


def test_forgotten_though_it_cannot_be_read(variables: Variables, fernet_key: str) -> None:
    """Airflow says of a Variable that it could not read that there is none."""
    memory = RotationMemory()
    memory.keep(DATASET, s3("4711"))
    variables.refused = (GetVariable,)
    assert not memory.same(DATASET, s3("4711"))
    memory.forget(DATASET, s3("4711"))
    assert variables == {}


def test_airflow_does_not_forget(variables: Variables, fernet_key: str) -> None:
    """An error of the kind that concerns one dataset, and stops no other."""
    variables.refused = (DeleteVariable,)
    name = variable(DATASET, "INPUT")
    with pytest.raises(
        LightlyError, match=rf"^Airflow did not delete its Variable {name} \(API_SERVER_ERROR: None\), and"
    ):
        RotationMemory().forget(DATASET, s3("4711"))


def test_airflow_does_not_keep(variables: Variables, fernet_key: str, caplog: pytest.LogCaptureFixture) -> None:
    """The datasource has its credentials all the same."""
    variables.refused = (PutVariable,)
    memory = RotationMemory()
    memory.keep(DATASET, s3("4711"))
    assert not memory.same(DATASET, s3("4711"))
    assert f"Airflow did not keep its Variable {variable(DATASET, 'INPUT')} (API_SERVER_ERROR: None)" in caplog.text


def test_airflows_own_key_is_rotated(variables: Variables, fernet_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the old Fernet key stands behind the new one, what was kept is still known; without it no more."""
    RotationMemory().keep(DATASET, s3("4711"))
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{new},{fernet_key}")
    assert RotationMemory().same(DATASET, s3("4711"))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", new)
    assert not RotationMemory().same(DATASET, s3("4711"))


@pytest.mark.parametrize("told", ["", "{FERNET_KEY}", "c2hvcnQ=", "no base64 at all", "Schl\u00fcssel"])
def test_what_is_no_fernet_key(
    variables: Variables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, told: str
) -> None:
    """Nothing is kept with what anybody knows or could guess, and the log says what follows."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", told)
    memory = RotationMemory()
    memory.keep(DATASET, s3("4711"))
    assert not memory.same(DATASET, s3("4711"))
    assert variables == {}
    assert "Airflow has no [core] fernet_key here" in caplog.text


def guesses(kept: str, key: bytes) -> list[int]:
    """Which of all four-digit secrets have the fingerprint that was kept."""
    return [number for number in range(10_000) if fingerprint(key, DATASET, s3(f"{number:04}")) == kept]


def test_a_short_secret_cannot_be_guessed_from_its_fingerprint(variables: Variables, fernet_key: str) -> None:
    """Who knows all but Airflow's key tries all secrets in vain; with the key, the same search finds it."""
    RotationMemory().keep(DATASET, s3("4711"))
    kept = variables[variable(DATASET, "INPUT")]
    (key,) = fernet_keys()
    assert guesses(kept, _derived(key)) == [4711]
    for other in (b"", _derived(b""), _derived(bytes(32))):
        assert guesses(kept, other) == []
    assert kept not in [hashlib.sha256(f"{number:04}".encode()).hexdigest() for number in range(10_000)]


def test_every_secret_field_counts_as_a_credential() -> None:
    """A further cloud's secrets cannot be forgotten."""
    for model in get_args(get_args(DatasourceConfig)[0]):
        model.model_rebuild()
        secret = {field.alias for field in model.model_fields.values() if field.annotation is SecretStr}
        assert secret <= CREDENTIALS
    assert set(wire(s3("4711"))) & CREDENTIALS == {"s3AccessKeyId", "s3SecretAccessKey"}
