"""The emulator's no: a status, one of LightlyOne's error codes and one sentence."""

from __future__ import annotations

import json

from lightly_airflow.contract.wire import Response

JSON_HEADERS = {"content-type": "application/json"}


class Refusal(Exception):
    """Ends a request with an error.

    :param status: HTTP status.
    :param code: LightlyOne's error code.
    :param reason: one sentence; never holds a credential.
    """

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason

    def response(self, request_id: str) -> Response:
        """The answer in LightlyOne's shape.

        :param request_id: id of the refused request.
        """
        body = {"code": self.code, "error": self.reason, "requestId": request_id}
        return Response(self.status, json.dumps(body).encode(), JSON_HEADERS)


def malformed(reason: str) -> Refusal:
    """The request itself is wrong."""
    return Refusal(400, "MALFORMED_REQUEST", reason)


def not_emulated(what: str) -> Refusal:
    """LightlyOne has it, the emulator does not."""
    return Refusal(501, "NOT_IMPLEMENTED", f"{what} exists in LightlyOne but is not emulated")
