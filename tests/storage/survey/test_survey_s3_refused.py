"""Rules that may not be read, buckets that are not there, and the other stores that speak S3."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import ObsConfig, S3DelegatedAccessConfig
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey.inputs import RulesUnknown, read_rules
from tests.s3_server import S3Server
from tests.storage.conftest import s3_config
from tests.storage.lifecycle.rules import rule
from tests.storage.survey.conftest import Look, put, set_rules

BUCKET = "arn:aws:s3:::cameras"
SESSION = {"access_key_id": "ASIAGIVEN", "secret_access_key": "secret", "token": "token"}
DELEGATED = S3DelegatedAccessConfig(
    purpose="INPUT",
    full_path="s3://cameras/raw/",
    s3_region="us-east-1",
    s3_external_id="cameras/Lightly+2026",
    s3_arn="arn:aws:iam::123456789012:role/lightly",
)


@pytest.fixture
def bucket(cameras: S3Server) -> S3Server:
    """One object that expires in time, and one that does not."""
    put(cameras, 5, "raw/a.jpg")
    put(cameras, 0, "raw/b.jpg")
    set_rules(cameras, rule(5))
    return cameras


def test_what_has_to_be_allowed(bucket: S3Server, look: Look) -> None:
    """Two permissions on the bucket, and none on its objects."""
    key, secret = bucket.add_user("reader", ("s3:ListBucket", BUCKET), ("s3:GetLifecycleConfiguration", BUCKET))
    with bucket.enforced():
        survey = look(s3_config(key, secret))
    assert (survey.inputs, survey.expiring) == (2, 1)


def test_rules_that_may_not_be_read(bucket: S3Server) -> None:
    """What LightlyOne's own user may do is not enough; what is missing is said."""
    allowed = (("s3:ListBucket", BUCKET), ("s3:GetObject", f"{BUCKET}/*"))
    key, secret = bucket.add_user("lightly", *allowed)
    with bucket.enforced(), pytest.raises(RulesUnknown) as caught:
        read_rules(s3_config(key, secret))
    assert str(caught.value) == (
        "the lifecycle rules of the bucket 'cameras' may not be read (AccessDenied): that needs"
        " s3:GetLifecycleConfiguration on arn:aws:s3:::cameras"
    )


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("unknown key", "the access key id is unknown; check the key or whether it was rotated"),
        ("wrong secret", "the secret access key does not belong to the access key id"),
        ("missing bucket", "the bucket 'nowhere' does not exist"),
        ("unreachable", "the storage cannot be reached; check the network and the endpoint"),
    ],
)
def test_other_causes(bucket: S3Server, case: str, told: str) -> None:
    """In the words in which listing tells them, without URL and credentials, also in the traceback."""
    key, secret = bucket.add_user("all", ("s3:*", "*"))
    key, secret = {"unknown key": ("AKIAUNKNOWN", secret), "wrong secret": (key, "wrong")}.get(case, (key, secret))
    path = "s3://nowhere/raw/" if case == "missing bucket" else "s3://cameras/raw/"
    reach = Reach(endpoint="http://127.0.0.1:9") if case == "unreachable" else Reach()
    with bucket.enforced(), pytest.raises(StorageError) as caught:
        read_rules(s3_config(key, secret, path), reach)
    assert type(caught.value) is StorageError
    assert str(caught.value) == f"cannot read the lifecycle rules of {path}: {told}"
    assert not any(hidden in "".join(traceback.format_exception(caught.value)) for hidden in (secret, "http://"))


def test_a_listing_that_is_refused(bucket: S3Server, look: Look) -> None:
    """Whoever may read rules and no more learns that it is the listing that fails."""
    key, secret = bucket.add_user("blind", ("s3:GetLifecycleConfiguration", BUCKET))
    with bucket.enforced(), pytest.raises(StorageError, match="^cannot list s3://cameras/raw/: access denied; "):
        look(s3_config(key, secret))


def test_a_bucket_that_is_deleted_while_it_is_listed(bucket: S3Server, look: Look) -> None:
    """The listing breaks off, and so does the survey: half a bucket is no answer."""
    put(bucket, 0, "raw/c.jpg", "raw/d.jpg")

    def delete(number: int) -> None:
        if number == 1:
            for letter in "abcd":
                bucket.client.delete_object(Bucket="cameras", Key=f"raw/{letter}.jpg")
            bucket.client.delete_bucket(Bucket="cameras")

    bucket.lifecycle.before_listing = delete
    with pytest.raises(StorageError, match=r"^cannot list s3://cameras/raw/: the bucket 'cameras' does not exist$"):
        look()


def test_credentials_of_the_environment_are_ignored(
    bucket: S3Server, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules are read with the datasource's own, even where the environment has a session."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "of-the-environment")
    key, secret = bucket.add_user("all", ("s3:*", "*"))
    with bucket.enforced():
        assert look(s3_config(key, secret)).inputs == 2


def test_delegated_access_with_a_session_that_is_given(bucket: S3Server, look: Look) -> None:
    """Rules and listing are asked for with it; one that is made up is refused in the same words."""
    survey = look(DELEGATED, reach=Reach(session=SESSION))
    assert (survey.inputs, survey.sample) == (2, ["a.jpg"])
    with (
        bucket.enforced(),
        pytest.raises(StorageError, match="^cannot read the lifecycle rules .* the access key id is"),
    ):
        read_rules(DELEGATED, Reach(session=SESSION))


def test_delegated_access_by_a_role(bucket: S3Server, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role is assumed with this machine's identity; one that may not be assumed has its own words."""
    key, secret = bucket.add_user("machine", ("sts:AssumeRole", "*"))
    for name, value in {"ACCESS_KEY_ID": key, "SECRET_ACCESS_KEY": secret, "ENDPOINT_URL_STS": bucket.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket.add_role("lightly", DELEGATED.s3_external_id, ("s3:*", "*"))
    with bucket.enforced():
        assert look(DELEGATED).expiring == 1
        with pytest.raises(StorageError) as caught:
            read_rules(DELEGATED.model_copy(update={"s3_external_id": "another"}))
    assert str(caught.value) == (
        "cannot open s3://cameras/raw/: the role may not be assumed; check its trust policy and the external id"
    )


def test_obs(bucket: S3Server, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its own endpoint, not at the one that the environment has for S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    keys = {"obs_access_key_id": SecretStr("key"), "obs_secret_access_key": SecretStr("secret")}
    survey = look(ObsConfig(purpose="INPUT", full_path="obs://cameras/raw/", obs_endpoint=bucket.url, **keys))
    assert (survey.inputs, survey.sample, survey.rules) == (2, ["a.jpg"], {0: 1})
