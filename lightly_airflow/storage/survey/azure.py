"""How blobs expire in Azure: one listing with all that the rules ask for, and tags where rules depend on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.storage.lifecycle.azure import AzureRules
from lightly_airflow.storage.lifecycle.columns import Objects
from lightly_airflow.storage.lifecycle.expiry import Expiry, Rules
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey.azure_container import THREADS, Container, open_container
from lightly_airflow.storage.survey.azure_page import read_page, read_tags
from lightly_airflow.storage.survey.inputs import GONE, RulesUnknown

log = logging.getLogger(__name__)
PAGE = 5000  # blobs in one answer, the most that Azure gives


def read_rules(config: AzureConfig, reach: Reach) -> AzureRules:
    """Never known here: the policy belongs to the account's management, which a datasource's credentials do not open."""
    raise RulesUnknown(
        f"the lifecycle policy of the storage account {config.account_name!r} cannot be read with a SAS token or an account"
        " key; give rules_conn_id, an `azure` connection whose identity may read"
        " Microsoft.Storage/storageAccounts/managementPolicies"
    )


def list_columns(config: AzureConfig, reach: Reach) -> Iterator[Objects]:
    """Everything in the directory, a page of List Blobs at a time; needs the letter l (list) in the SAS token.

    https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs
    """
    marker: dict[str, str] = {}
    with open_container(config, reach) as container:
        while True:
            objects, following = _page(container, marker)
            yield objects
            if not following:
                return
            marker = {"marker": following}


def ask(config: AzureConfig, reach: Reach, rules: Rules, objects: Objects, now: int) -> Expiry:
    """Get Blob Tags of each blob, and the rules with them; needs the letter t (tags) in the SAS token.

    Where the token lacks it, a rule that depends on tags counts as concerning every blob, and the log says so.
    https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob-tags
    """
    with open_container(config, reach) as container, ThreadPoolExecutor(THREADS) as pool:
        asking = _Asking(container)
        answers = list(pool.map(asking.tags, [f"{objects.root}{name}" for name in objects.names.tolist()]))
    if asking.denied:
        _warn(config.account_name, container.path.bucket)
    tags = np.array([tags for _, tags in answers], object)
    found = rules.expiry(replace(objects, facts={**objects.facts, "index_tags": tags}), now)
    return Expiry(np.where([there for there, _ in answers], found.at, GONE), found.rule)


def _page(container: Container, marker: dict[str, str]) -> tuple[Objects, str]:
    action, prefix = f"list {container.path}", container.path.prefix
    query = {"restype": "container", "comp": "list", "maxresults": str(PAGE), **marker}
    answer = container.get(action, **query, **({"prefix": prefix} if prefix else {}))
    if answer.status_code != 200:
        raise container.refusal(action, answer)
    try:
        return read_page(answer.content, prefix)
    except ValueError:
        raise container.unreadable(action) from None


@dataclass(slots=True)
class _Asking:
    """Asks for tags, until Azure says that the token does not allow it."""

    container: Container
    denied: bool = False

    def tags(self, key: str) -> tuple[bool, Mapping[str, str] | None]:
        """Whether a blob is still there, and its tags; ``None`` if they may not be read."""
        if self.denied:
            return True, None
        action = f"read the index tags of blobs in {self.container.path}"
        answer = self.container.get(action, key, comp="tags")
        if answer.status_code == 200:
            return True, self._read(action, answer.content)
        if answer.status_code == 404 and "<Code>BlobNotFound<" in answer.text:
            return False, None
        if "<Code>AuthorizationPermissionMismatch<" not in answer.text:
            raise self.container.refusal(action, answer)
        self.denied = True
        return True, None

    def _read(self, action: str, body: bytes) -> dict[str, str]:
        try:
            return read_tags(body)
        except ValueError:
            raise self.container.unreadable(action) from None


@cache  # once a process, which is once a task, and not once a page
def _warn(account: str, container: str) -> None:
    log.warning(
        "Some lifecycle rules depend on index tags, which the SAS token may not read in the container %r of the storage"
        " account %r: they count as concerning every blob. To tell, make the token with the letter t (tags)",
        container,
        account,
    )
