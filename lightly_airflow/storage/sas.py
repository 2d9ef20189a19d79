"""Reads SAS tokens: do they suffice for a purpose, and until when? Pure.

The fields are Azure's: https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas and
https://learn.microsoft.com/en-us/rest/api/storageservices/create-account-sas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlencode

from lightly_airflow.contract.models.datasources import Purpose

_LETTERS = {"r": "read", "l": "list", "w": "write"}
_NEEDED: dict[Purpose, str] = {"INPUT": "rl", "LIGHTLY": "rlw", "INPUT_OUTPUT": "rlw"}
_RESOURCES = {
    "b": "one blob",
    "bv": "one version of a blob",
    "bs": "one snapshot of a blob",
    "f": "one file of a file share",
    "s": "a file share",
}


def sas_fields(token: str) -> dict[str, str]:
    """A token's fields, such as ``sp`` and ``se``; ``sig`` is the secret among them.

    :param token: with or without the question mark before it.
    """
    return dict(parse_qsl(token.removeprefix("?")))


def sas_query(token: str) -> str:
    """A token as a URL's query, whether it was copied as it stands in a URL or decoded.

    :param token: with or without the question mark before it.
    """
    fields = (field.partition("=") for field in token.strip().removeprefix("?").split("&"))
    # Not as in a form: the plus sign of a decoded signature is no blank.
    return urlencode([(name, unquote(value)) for name, _, value in fields], quote_via=quote, safe="")


def sas_problems(token: str, purpose: Purpose, now: datetime, until: datetime) -> list[str]:
    """Why a token does not suffice, each as half a sentence with what is there and what is needed; empty if it does.

    A token of a stored access policy (``si``) does not say what the policy grants, and is only proven by trying.

    :param token: with or without the question mark before it.
    :param purpose: what the datasource is for: INPUT has to read and list, the others have to write as well.
    :param now: the time.
    :param until: when the token still has to be valid.
    """
    fields = sas_fields(token)
    if "sig" not in fields:
        return ["it has no signature (sig); copy it whole, as it stands behind the question mark of a SAS URL"]
    return [*_scope(fields), *_permissions(fields, purpose), *_validity(fields, now, until)]


def sas_end(fields: Mapping[str, str]) -> tuple[str, datetime | None]:
    """When a token expires, and the field that says so: its own expiry (``se``) or, if that is earlier, the expiry of the
    user delegation key (``ske``) that has signed it. ``None`` if there is no time that can be read.

    https://learn.microsoft.com/en-us/rest/api/storageservices/create-user-delegation-sas

    :param fields: of the token.
    """
    ends = [(end, name) for name in ("se", "ske") if (end := _time(fields.get(name)))]
    end, name = min(ends, default=(None, ""))
    return name, end


def _scope(fields: dict[str, str]) -> Iterator[str]:
    resource = _RESOURCES.get(fields.get("sr", ""))
    if resource:
        yield f"it is for {resource} (sr={fields['sr']}), but a datasource needs one for the container (sr=c)"
    if "srt" in fields and not {"c", "o"} <= set(fields["srt"]):
        yield f"its resource types are srt={fields['srt']}, but a datasource needs Container and Object (srt=co)"
    if "ss" in fields and "b" not in fields["ss"]:
        yield f"its services are ss={fields['ss']}, but a datasource needs Blob (ss=b)"


def _permissions(fields: dict[str, str], purpose: Purpose) -> Iterator[str]:
    granted, needed = fields.get("sp", ""), _NEEDED[purpose]
    missing = [f"{letter} ({_LETTERS[letter]})" for letter in needed if letter not in granted]
    if missing and "si" not in fields:
        yield f"its permissions are sp={granted}, but {purpose} needs sp={needed}; {' and '.join(missing)} missing"


def _validity(fields: dict[str, str], now: datetime, until: datetime) -> Iterator[str]:
    start, end = _time(fields.get("st")), _time(fields.get("se"))
    if start and start > now:
        yield f"it becomes valid at {_shown(start)} only (st), and now it is {_shown(now)}"
    if end and end <= now:
        yield f"it expired at {_shown(end)} (se), and now it is {_shown(now)}"
    elif end and end < until:
        yield f"it expires at {_shown(end)} (se), but is needed until {_shown(until)}"
    if not end and "si" not in fields:
        yield "its expiry (se) is missing or cannot be read"


def _time(text: str | None) -> datetime | None:
    """A date, or a time to the minute or finer; Azure's are always UTC."""
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=UTC)
    except ValueError:
        return None


def _shown(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
