"""``azure`` connections: a storage account's lifecycle policy, read by Azure's SDKs over HTTPS, and what is refused."""

from __future__ import annotations

import json
import logging
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException

from lightly_airflow.contract.errors import LightlyConfigError, LightlyError
from lightly_airflow.hooks.azure_identity import Cloud
from lightly_airflow.hooks.azure_policy import azure_policy
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.lifecycle.azure import OWN_EXPIRY
from lightly_airflow.storage.lifecycle.expiry import Removal
from lightly_airflow.storage.survey.inputs import RulesUnknown
from tests.azure_management import STORAGE, SUBSCRIPTION, TENANT, AzureManagement, azure_management
from tests.azure_policies import modified, policy, rule

READ = f"{STORAGE}/managementPolicies/read"
LIST = f"{STORAGE}/read"
EXTRA = {"tenantId": TENANT, "subscriptionId": SUBSCRIPTION}
IN_GROUP = {**EXTRA, "resource_group": "images"}


@pytest.fixture(scope="module")
def running() -> Iterator[AzureManagement]:
    with azure_management() as management:
        yield management


@pytest.fixture
def management(running: AzureManagement, monkeypatch: pytest.MonkeyPatch) -> AzureManagement:
    """A subscription with four accounts, of which ``cameras`` has a policy."""
    running.reset()
    running.accounts.update({"archive": "old", "cameras": "images", "backups": "old", "empty": "images"})
    running.policies["cameras"] = policy(rule("month", modified(30), prefixMatch=["nightly/raw/"]))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", running.certificate)
    return running


def look(
    monkeypatch: pytest.MonkeyPatch, management: AzureManagement, account: str = "cameras", **fields: Any
) -> tuple[str, ...]:
    """The names of the rules of the container ``nightly``."""
    monkeypatch.setenv("AIRFLOW_CONN_POLICIES", json.dumps({"conn_type": "azure", "extra": EXTRA, **fields}))
    cloud = Cloud(management.url, management.url)
    return azure_policy(BaseHook.get_connection("policies"), account, "nightly", cloud=cloud).names


def fails(monkeypatch: pytest.MonkeyPatch, management: AzureManagement, kind: type[LightlyError], **given: Any) -> str:
    """The one sentence of a failure, which holds neither the secret nor a token, and remembers no other."""
    with pytest.raises(LightlyError) as caught:
        look(monkeypatch, management, **given)
    assert type(caught.value) is kind
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    for secret in (*management.secrets.values(), *management.tokens, str(given.get("password") or "none")):
        assert secret not in told
    return str(caught.value)


def test_policy(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """The account's policy becomes the container's rules; the resource group is found in the subscription's pages."""
    secret = management.principal("reader", READ, LIST)
    assert look(monkeypatch, management, login="reader", password=secret) == ("month", OWN_EXPIRY)
    rules = azure_policy(
        BaseHook.get_connection("policies"), "cameras", "nightly", cloud=Cloud(management.url, management.url)
    )
    assert rules.removals("raw/", 0) == [Removal("month", "30 days after the last modification, prefix raw/", 30.0)]


@pytest.mark.parametrize("prefix", ["", "extra__azure__"])
def test_resource_group_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, management: AzureManagement, prefix: str
) -> None:
    """With a resource group in the extra, nobody needs the right to list accounts."""
    extra = {f"{prefix}{name}": value for name, value in IN_GROUP.items()}
    secret = management.principal("reader", READ)
    assert look(monkeypatch, management, login="reader", password=secret, extra=extra) == ("month", OWN_EXPIRY)
    assert not [path for path in management.requests if path.endswith("/storageAccounts")]


def test_account_without_policy(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """An account that has no policy has no rules but its blobs' own expiry times."""
    secret = management.principal("reader", READ, LIST)
    assert look(monkeypatch, management, "empty", login="reader", password=secret) == (OWN_EXPIRY,)


def test_default_credentials(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """Without login, Azure's default credentials are asked, of which the environment's come first."""
    secret = management.principal("reader", READ, LIST)
    for name, value in {"CLIENT_ID": "reader", "CLIENT_SECRET": secret, "TENANT_ID": TENANT}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    assert look(monkeypatch, management) == ("month", OWN_EXPIRY)


def test_policy_may_not_be_read(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """A refusal names the action, and on what."""
    secret = management.principal("lister", LIST)
    assert fails(monkeypatch, management, RulesUnknown, login="lister", password=secret) == (
        "cannot read the lifecycle policy of the storage account 'cameras': the identity of connection 'policies' needs"
        " Microsoft.Storage/storageAccounts/managementPolicies/read on the storage account 'cameras'"
    )


def test_accounts_may_not_be_listed(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """Without the right to list accounts, the resource group in the extra is the other way."""
    secret = management.principal("reader", READ)
    assert fails(monkeypatch, management, RulesUnknown, login="reader", password=secret).endswith(
        "needs Microsoft.Storage/storageAccounts/read on the subscription, or the extra's resource_group"
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"extra": {"tenantId": TENANT}},
            "the extra has no subscriptionId, in which the storage account lies",
        ),
        (
            {"extra": {"subscriptionId": SUBSCRIPTION}},
            "a client id (login) needs its secret (password) and the extra's",
        ),
        ({"password": None}, "a client id (login) needs its secret (password) and the extra's tenantId"),
        (
            {"password": "~another-secret"},
            "Azure refuses the identity (AADSTS7000215); check login (client id), password",
        ),
        ({"login": "nobody"}, "Azure refuses the identity (AADSTS700016); check login (client id), password (secret)"),
        ({"extra": {**EXTRA, "tenantId": "no tenant!"}}, "the extra's tenantId is no tenant's id"),
        (
            {"account": "none"},
            f"there is no storage account 'none' in the subscription '{SUBSCRIPTION}' that its identity",
        ),
        (
            {"account": "archive", "extra": IN_GROUP},
            "there is no storage account 'archive' in the resource group 'images'",
        ),
    ],
)
def test_wrong_connections(
    monkeypatch: pytest.MonkeyPatch, management: AzureManagement, fields: dict[str, Any], told: str
) -> None:
    """What a connection lacks or has wrong is said in one sentence."""
    given = {"login": "reader", "password": management.principal("reader", READ, LIST), **fields}
    message = fails(monkeypatch, management, LightlyConfigError, **given)
    assert message.startswith(f"connection 'policies': {told}")


def test_another_type_of_connection(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """A connection that opens blobs opens no policy."""
    assert fails(monkeypatch, management, LightlyConfigError, conn_type="wasb") == (
        "connection 'policies' has type 'wasb'; lifecycle policies are read with `azure`"
    )


def test_no_identity_at_all(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """Where nothing in the environment is an identity, the message says what to put into the connection."""
    # The other credentials of the chain ask the machine and Azure's network, which a test must not.
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    assert fails(monkeypatch, management, LightlyConfigError) == (
        "connection 'policies': Azure's default credentials find no identity here; put a client id, its secret and tenantId"
        " into it"
    )


def test_api_fails(
    monkeypatch: pytest.MonkeyPatch, management: AzureManagement, caplog: pytest.LogCaptureFixture
) -> None:
    """A management API that fails to answer is called that, and the log holds no secret and no token."""
    caplog.set_level(logging.DEBUG)
    management.broken = 500
    secret = management.principal("reader", READ, LIST)
    assert fails(monkeypatch, management, StorageError, login="reader", password=secret).endswith(
        "Azure's management API or its token service answered 500"
    )
    assert not [text for text in (secret, *management.tokens) if text in caplog.text]


def test_out_of_reach(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """A network that leads nowhere is called that."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = AzureManagement(f"https://127.0.0.1:{closed.getsockname()[1]}")
        assert fails(monkeypatch, nowhere, StorageError, login="reader", password="~a-secret").endswith(
            "Azure's management API or its token service cannot be reached; check the network"
        )


def test_package_is_missing(monkeypatch: pytest.MonkeyPatch, management: AzureManagement) -> None:
    """Without Azure's package, the message is the line that installs it."""
    monkeypatch.setitem(sys.modules, "azure.mgmt.storage", None)
    with pytest.raises(
        AirflowOptionalProviderFeatureException, match=r"pip install 'lightly-airflow\[microsoft-azure\]'"
    ):
        look(monkeypatch, management, login="reader", password="~a-secret")
