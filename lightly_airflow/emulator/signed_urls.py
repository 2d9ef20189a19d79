"""Signed URLs of files. They need no token, as LightlyOne's do not; the signature binds method, file and expiry."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.world import World

FILES_PATH = "/_emulator/files/"
LIFETIME_SECONDS = 7 * 24 * 3600  # LightlyOne's own signed URLs live at most seven days
_NEVER = "never"


class SignedUrls:
    """Makes signed URLs, and tells the good from the altered.

    :param world: holds the key and the clock.
    :param public_url: scheme, host and port under which the emulator is reached.
    """

    def __init__(self, world: World, public_url: str) -> None:
        self._world, self._public_url = world, public_url.rstrip("/")

    def artifact(self, artifact_id: str, method: str = "GET") -> str:
        """A URL that reads (``GET``) or writes (``PUT``) a run's artifact."""
        return self._url(method, f"artifact/{artifact_id}", LIFETIME_SECONDS)

    def stored(self, dataset_id: str, purpose: Purpose, path: str, lifetime: int | None = LIFETIME_SECONDS) -> str:
        """A URL that reads an object of a dataset's datasource.

        :param path: the object's name relative to the datasource's directory.
        :param lifetime: in seconds; ``None`` for a URL that never expires.
        """
        return self._url("GET", f"object/{dataset_id}/{purpose}/{path}", lifetime)

    def check(self, method: str, name: str, query: Mapping[str, str]) -> None:
        """Refuse an altered or expired URL.

        :param name: the file's name, decoded: what follows :data:`FILES_PATH`.
        :raises Refusal: 403, as object stores do.
        """
        expires = query.get("expires", "")
        if not hmac.compare_digest(
            query.get("signature", "").encode(), self._signature(method, name, expires).encode()
        ):
            raise Refusal(403, "FORBIDDEN", f"this URL is not signed for {method}; ask the API for a new one")
        if expires != _NEVER and self._world.now() > int(expires):
            raise Refusal(403, "FORBIDDEN", "this URL has expired; ask the API for a new one")

    def _url(self, method: str, name: str, lifetime: int | None) -> str:
        expires = _NEVER if lifetime is None else str(int(self._world.now()) + lifetime)
        query = urlencode({"expires": expires, "signature": self._signature(method, name, expires)})
        return f"{self._public_url}{FILES_PATH}{quote(name)}?{query}"

    def _signature(self, method: str, name: str, expires: str) -> str:
        return self._world.sign(f"{method} {name} {expires}")
