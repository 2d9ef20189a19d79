"""What Google's IAM tells of the keys of the tests' service accounts, to who may ask.

As in https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys, with the errors of
https://cloud.google.com/iam/docs/permission-error-messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.gcs_json import Answer

IAM_ROOT = "/v1/projects/"
NO_END = "9999-12-31T23:59:59Z"
_KEY = re.compile(r"/v1/(projects/([^/]+)/serviceAccounts/([^/]+)/keys/([^/]+))")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass
class Iam:
    """Keys by service account and id; ``scopes`` are those of tokens. ``enabled`` is whether the project has the API."""

    keys: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    scopes: dict[str, list[str]] = field(default_factory=dict)
    enabled: bool = True

    def add(self, email: str, key_id: str) -> None:
        """A key that is made now and has no end; older ones stay as they are."""
        self.keys.setdefault(email, {})[key_id] = {
            "validAfterTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "validBeforeTime": NO_END,
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            "keyOrigin": "GOOGLE_PROVIDED",
            "keyType": "USER_MANAGED",
        }

    def key(self, file: dict[str, str]) -> dict[str, Any]:
        """What IAM knows of the key in a key file; changes are told."""
        return self.keys[file["client_email"]][file["private_key_id"]]

    def answer(self, url: str, owner: str | None, token: str, granted: set[str]) -> Answer:
        """Status and body of the answer to a GET below ``IAM_ROOT``.

        :param owner: the service account that asks; ``None`` if its token is not known.
        :param granted: what it may do, on every service account.
        """
        asked = _KEY.fullmatch(unquote(urlsplit(url).path))
        if owner is None or asked is None:
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        name, project, email, key_id = asked.groups()
        if _SCOPE not in self.scopes[token]:
            text = "Request had insufficient authentication scopes."
            return _error(403, "PERMISSION_DENIED", text, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        if not self.enabled:
            text = f"Identity and Access Management (IAM) API has not been used in project {project} before or it is disabled."
            return _error(403, "PERMISSION_DENIED", text, "SERVICE_DISABLED")
        known = self.keys.get(email, {}).get(key_id)
        if "serviceAccountKeys.get" not in granted or (known is None and project == "-"):
            text = "Permission 'iam.serviceAccountKeys.get' denied on resource (or it may not exist)."
            return _error(403, "PERMISSION_DENIED", text, "IAM_PERMISSION_DENIED")
        if known is None:
            return _error(404, "NOT_FOUND", f"Service account key {key_id} does not exist.")
        return 200, {"name": name, **known}


def _error(code: int, status: str, message: str, reason: str = "") -> Answer:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    return code, {"error": {"code": code, "message": message, "status": status, "details": details if reason else []}}
