"""What Ceph's gateway, a real S3 server, says of objects that will expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.ceph_server import Ceph, ceph_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def expiration(server: Ceph) -> tuple[str, datetime]:
    """The header of an object that is deleted after three days, and when the object was written."""
    server.put("expiring", "input/a.jpg", b"a")
    rule = {"ID": "three days", "Status": "Enabled", "Filter": {"Prefix": "input/"}, "Expiration": {"Days": 3}}
    server.client.put_bucket_lifecycle_configuration(Bucket="expiring", LifecycleConfiguration={"Rules": [rule]})  # type: ignore[list-item]
    answer = server.client.head_object(Bucket="expiring", Key="input/a.jpg")
    return answer["Expiration"], answer["LastModified"]


def header(written: datetime) -> str:
    """As S3 has it: the midnight after three days."""
    after = (written + timedelta(days=4)).astimezone(UTC)
    return f'expiry-date="{after:%a, %d %b %Y} 00:00:00 GMT", rule-id="three days"'


def test_expiration_counts_real_days(ceph: Ceph) -> None:
    """The header names the midnight that follows the third day."""
    found, written = expiration(ceph)
    assert found == header(written)


def test_short_days_do_not_change_the_header() -> None:
    """A gateway that deletes after seconds still tells real days."""
    with ceph_server(lc_debug_interval=100) as server:
        found, written = expiration(server)
    assert found == header(written)
