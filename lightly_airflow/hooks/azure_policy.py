"""Reads a storage account's lifecycle policy through Azure's management API, with the identity of an ``azure`` connection.

A SAS token or an account key opens blobs and not the account's management, so this needs a connection of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lightly_airflow.contract.errors import LightlyConfigError, LightlyError
from lightly_airflow.hooks.azure_identity import PATIENCE, AzureIdentity, Cloud, azure_identity
from lightly_airflow.hooks.datasource import missing_extra
from lightly_airflow.storage.directory import StorageError

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from azure.core.exceptions import AzureError
    from azure.mgmt.storage import StorageManagementClient

    from lightly_airflow.storage.lifecycle.azure import AzureRules

T = TypeVar("T")
_READ_POLICY = "Microsoft.Storage/storageAccounts/managementPolicies/read on the storage account {account!r}"
_LIST_ACCOUNTS = "Microsoft.Storage/storageAccounts/read on the subscription, or the extra's resource_group"


def azure_policy(connection: Connection, account: str, container: str, *, cloud: Cloud | None = None) -> AzureRules:
    """The rules of a storage account's lifecycle policy that delete blobs of one container.

    https://learn.microsoft.com/en-us/rest/api/storagerp/management-policies/get

    :param connection: of type ``azure``, spelled as the Microsoft provider does: login is the client id, password its
        secret, the extra has ``tenantId`` and ``subscriptionId``. Without login, the identity is what Azure's default
        credentials find. The extra's ``resource_group`` saves the look for it in the subscription.
    :param account: the storage account's name.
    :param container: the container's name.
    :param cloud: where to ask; default: what the extra's ``cloud_environment`` names, or Azure's public cloud.
    :raises LightlyConfigError: the connection lacks something, the identity is refused, or there is no such account.
    :raises RulesUnknown: the identity may not read the policy; says what would allow it.
    :raises StorageError: the management API failed to answer or cannot be reached.
    :raises AirflowOptionalProviderFeatureException: the package that speaks to it is not installed.
    """
    look = _Look(azure_identity(connection), account)
    try:
        with look.client(cloud or look.identity.cloud) as client:
            group = look.identity.extra.get("resource_group") or look.resource_group(client)
            policy = look.asked(_READ_POLICY, lambda: _policy(client, group, account))
        from lightly_airflow.storage.lifecycle.azure import azure_rules
    except ImportError:
        raise missing_extra("azure", "microsoft-azure") from None
    return azure_rules(policy, container)


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at one account, and how it can fail."""

    identity: AzureIdentity
    account: str

    @contextmanager
    def client(self, cloud: Cloud) -> Iterator[StorageManagementClient]:
        from azure.mgmt.storage import StorageManagementClient

        subscription = self.identity.extra.get("subscriptionId")
        if not subscription:
            raise self.identity.wrong("the extra has no subscriptionId, in which the storage account lies")
        options = {"credential_scopes": [f"{cloud.management}/.default"], **PATIENCE}
        with (
            self.identity.credential(cloud) as credential,
            StorageManagementClient(credential, subscription, cloud.management, **options) as client,
        ):
            yield client

    def resource_group(self, client: StorageManagementClient) -> str:
        """The account's resource group, from the ids of all accounts of the subscription."""
        accounts = self.asked(_LIST_ACCOUNTS, lambda: list(client.storage_accounts.list()))
        found = next((one.id or "" for one in accounts if one.name == self.account), "")
        group = re.search(r"/resourceGroups/([^/]+)/", found, re.IGNORECASE)
        if group is None:
            raise self._no_account()
        return group[1]

    def asked(self, needed: str, call: Callable[[], T]) -> T:
        """What a call returns; its failure in our words.

        :param needed: what the identity needs for it.
        """
        from azure.core.exceptions import AzureError

        try:
            return call()
        except AzureError as error:
            failure = self._failure(needed, error)
        # Outside of the handler, because the SDK's errors hold the request with its token.
        raise failure

    def _failure(self, needed: str, error: AzureError) -> LightlyError:
        from lightly_airflow.storage.survey.inputs import RulesUnknown

        action = f"cannot read the lifecycle policy of the storage account {self.account!r}"
        status = getattr(error, "status_code", None)
        refused = self._refused(error, status)
        if refused:
            return self.identity.wrong(refused)
        if status == 403:
            allowed = needed.format(account=self.account)
            return RulesUnknown(
                f"{action}: the identity of connection {self.identity.connection.conn_id!r} needs {allowed}"
            )
        if status == 404:
            return self._no_account()
        told = f"answered {status}" if status else "cannot be reached; check the network"
        return StorageError(f"{action}: Azure's management API or its token service {told}")

    def _refused(self, error: AzureError, status: int | None) -> str:
        """What is wrong with the identity; empty if that is not the matter."""
        from azure.core.exceptions import ClientAuthenticationError

        if not isinstance(error, ClientAuthenticationError):
            return ""
        # https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes. The SDK also calls it a failed
        # authentication if nothing answered; then there is no code and no status.
        code = re.search(r"AADSTS\d+", str(error))
        if code or status:
            shown = f" ({code[0]})" if code else ""
            return f"Azure refuses the identity{shown}; check login (client id), password (secret) and the extra's tenantId"
        if self.identity.connection.login:
            return ""
        return "Azure's default credentials find no identity here; put a client id, its secret and tenantId into it"

    def _no_account(self) -> LightlyConfigError:
        group = self.identity.extra.get("resource_group")
        place = f"resource group {group!r}" if group else f"subscription {self.identity.extra.get('subscriptionId')!r}"
        return self.identity.wrong(
            f"there is no storage account {self.account!r} in the {place} that its identity may see"
        )


def _policy(client: StorageManagementClient, group: str, account: str) -> Mapping[str, Any]:
    """The policy as the API sends it; empty where the account has none."""
    from azure.core.exceptions import ResourceNotFoundError

    def sent(answer: Any, *_: Any) -> Any:  # the SDK's own models have changed their form between its versions
        return json.loads(answer.http_response.text())

    try:
        policy: Mapping[str, Any] = client.management_policies.get(group, account, "default", cls=sent)
    except ResourceNotFoundError as error:
        if getattr(error.error, "code", None) != "ManagementPolicyNotFound":
            raise
        return {}
    return policy
