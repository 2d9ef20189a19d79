"""Google Cloud Storage datasources from ``google_cloud_platform`` connections, read as the Google provider reads them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from lightly_airflow.client.flows.datasources import Permission
from lightly_airflow.contract.models.datasources import GcsConfig, Purpose
from lightly_airflow.hooks.datasource import DatasourceHook, DatasourceOptions, hide
from lightly_airflow.storage.paths import parse_resource_path

# How connections from Airflow 2's form spell the extra's fields.
_PREFIX = "extra__google_cloud_platform__"
_NEEDED = ("client_email", "private_key", "token_uri")
_DO = "put the JSON key of a service account into keyfile_dict"
# What Airflow can use and LightlyOne cannot: field -> why, and what to do instead.
_REFUSED = {
    "is_anonymous": f"LightlyOne has no anonymous access, not even to public buckets; {_DO}",
    "impersonation_chain": "LightlyOne cannot impersonate a service account;"
    " put the JSON key of that account itself into keyfile_dict",
    "idp_issuer_url": f"an external identity provider's tokens cannot be given to LightlyOne; {_DO}",
    "credential_config_file": f"workload identity federation cannot be given to LightlyOne; {_DO}",
}


class GcsDatasourceHook(DatasourceHook):
    """``google_cloud_platform`` connection: ``keyfile_dict``, ``key_path`` or ``key_secret_name``, and ``project``."""

    extra = "google"
    GRANTS: ClassVar[dict[Permission, str]] = {
        "list": "storage.objects.list on gs://{bucket}, which the role Storage Object Viewer has",
        "read": "storage.objects.get on gs://{bucket}, which the role Storage Object Viewer has",
        "write": "storage.objects.create on gs://{bucket}, which the role Storage Object User has",
        "overwrite": "storage.objects.create and storage.objects.delete on gs://{bucket},"
        " which the role Storage Object User has",
    }

    @cached_property
    def key(self) -> dict[str, Any]:
        """The service account's key file; raises :class:`LightlyConfigError` for what LightlyOne cannot use."""
        for field, why in _REFUSED.items():
            if self._field(field):
                raise self.wrong(f"{field} is set, but {why}")
        return self._checked(self._load())

    @property
    def project(self) -> str:
        """The connection's project, else the one in the key file."""
        project = self._field("project") or self.key.get("project_id")
        if not project:
            raise self.wrong("no project; put the bucket's project id into the extra's project")
        return str(project)

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> GcsConfig:
        return GcsConfig(
            purpose=purpose,
            full_path=str(parse_resource_path(resource_path, "gs")),
            thumb_suffix=options.thumbnail_suffix,
            gcs_credentials=SecretStr(json.dumps(self.key)),
            gcs_project_id=self.project,
        )

    def _field(self, name: str) -> Any:
        extra = self.connection.extra_dejson
        return extra.get(name) or extra.get(_PREFIX + name)

    def _load(self) -> Any:
        """The key file from where the connection says, in the Google provider's order."""
        if path := self._field("key_path"):
            return self._parse(self._read(Path(path)), "the file at key_path")
        if name := self._field("key_secret_name"):
            return self._parse(self._secret(name), "the secret at key_secret_name")
        given = self._field("keyfile_dict")
        if not given:
            raise self.wrong(f"no key; application default credentials cannot be given to LightlyOne, so {_DO}")
        return self._parse(given, "keyfile_dict") if isinstance(given, str) else given

    def _read(self, path: Path) -> str:
        if path.suffix != ".json":
            raise self.wrong(f"key_path {str(path)!r} is no JSON key file; create a key of type JSON, not P12")
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError):
            raise self.wrong(f"the file at key_path {str(path)!r} cannot be read by this Airflow process") from None

    def _secret(self, name: str) -> str:
        """From Google's Secret Manager, with this machine's own Google identity, as the Google provider does it."""
        try:
            import google.auth
            from google.api_core.exceptions import GoogleAPIError
            from google.auth.exceptions import GoogleAuthError
            from google.cloud.secretmanager import SecretManagerServiceClient
        except ImportError:
            raise self.missing_extra() from None
        try:
            credentials, project = google.auth.default()
            client = SecretManagerServiceClient(credentials=credentials)
            version = f"projects/{self._field('key_secret_project_id') or project}/secrets/{name}/versions/latest"
            return str(client.access_secret_version(name=version).payload.data.decode())
        except (GoogleAPIError, GoogleAuthError) as error:
            raise self.wrong(
                f"the secret {name!r} of key_secret_name cannot be read ({type(error).__name__}); check its name,"
                " key_secret_project_id, and secretmanager.versions.access for Airflow's own Google identity"
            ) from None

    def _parse(self, text: str, source: str) -> Any:
        hide(text)
        try:
            return json.loads(text, strict=False)  # pasted keys often have real newlines
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
        # Outside "except", because the decoder's error holds the whole text.
        raise self.wrong(f"{source} is no JSON: it breaks off or goes wrong at {place}; paste the key file as it is")

    def _checked(self, given: Any) -> dict[str, Any]:
        """The key as LightlyOne can use it, its secrets masked in logs."""
        if not isinstance(given, dict) or given.get("type") != "service_account":
            raise self.wrong(f'the key file is no service account\'s, whose "type" is "service_account"; {_DO}')
        missing = [name for name in _NEEDED if not isinstance(given.get(name), str) or not given[name]]
        if missing:
            raise self.wrong(f"the key file lacks {', '.join(missing)}; take the file as Google made it")
        hide(given["private_key"])
        # Some ways to store a key escape its newlines a second time; the Google provider undoes that as well.
        key: dict[str, Any] = {**given, "private_key": given["private_key"].replace("\\n", "\n")}
        hide(key["private_key"], json.dumps(key["private_key"])[1:-1], json.dumps(key))
        if not self._signs(key):
            raise self.wrong("the key file's private_key is damaged; take the file as Google made it")
        return key

    def _signs(self, key: dict[str, Any]) -> bool:
        try:
            from google.auth.crypt import RSASigner
        except ImportError:
            raise self.missing_extra() from None
        try:
            RSASigner.from_service_account_info(key)  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):
            return False
        return True
