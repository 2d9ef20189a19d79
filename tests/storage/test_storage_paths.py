"""Resource paths."""

from __future__ import annotations

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.storage.paths import ResourcePath, Scheme, parse_azure_path, parse_resource_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://cameras/raw/", ResourcePath("s3", "cameras", "raw/")),
        ("s3://cameras/raw", ResourcePath("s3", "cameras", "raw/")),
        ("s3://cameras/a b/ü/", ResourcePath("s3", "cameras", "a b/ü/")),
        ("s3://cameras", ResourcePath("s3", "cameras", "")),
        ("gs://cameras/raw/day/", ResourcePath("gs", "cameras", "raw/day/")),
        ("obs://cameras/raw/", ResourcePath("obs", "cameras", "raw/")),
        ("container/raw/", ResourcePath("azure", "container", "raw/")),
        ("$root/raw/", ResourcePath("azure", "$root", "raw/")),
    ],
)
def test_reads_every_form(text: str, expected: ResourcePath) -> None:
    """Each storage's form is read, and the directory ends in one slash."""
    assert parse_resource_path(text) == expected
    assert parse_resource_path(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("cameras/raw", "s3"),
        ("gs://cameras/raw/", "s3"),
        ("s3://cameras//raw/", "s3"),
        ("s3://cameras/../raw/", None),
        ("s3://cameras/raw /", None),
        ("s3://", None),
        ("s3:///raw/", None),
        ("s3:/cameras/raw", None),
        ("https://cameras.s3.amazonaws.com/raw/", None),
        ("/raw/", None),
        ("Container/raw/", "azure"),
        ("", None),
    ],
)
def test_refuses_with_the_form_that_would_do(text: str, scheme: Scheme | None) -> None:
    """A path that cannot be right is refused, and the message shows how to write it."""
    with pytest.raises(LightlyConfigError, match=r"is no .* path; write .*dir/"):
        parse_resource_path(text, scheme)


def test_refusal_names_the_kind() -> None:
    """The message is one sentence with the fix in it."""
    with pytest.raises(LightlyConfigError) as caught:
        parse_resource_path("cameras/raw", "s3")
    assert str(caught.value) == "'cameras/raw' is no S3 path; write s3://bucket/dir/"


def test_refusal_does_not_repeat_credentials() -> None:
    """A connection URI pasted as a path does not end up in the message."""
    with pytest.raises(LightlyConfigError) as caught:
        parse_resource_path("s3://AKIAKEY:topsecret@cameras/raw/")
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("container/raw/", None),
        ("azure://container/raw", None),
        ("wasb://container@cameras/raw/", "cameras"),
        ("wasbs://container@cameras.blob.core.windows.net/raw/", "cameras"),
    ],
)
def test_azure_paths_as_other_tools_write_them(text: str, account: str | None) -> None:
    """They come out in LightlyOne's form, with the account apart."""
    assert parse_azure_path(text) == (ResourcePath("azure", "container", "raw/"), account)


@pytest.mark.parametrize("text", ["s3://container/raw/", "wasb://container//raw/", "wasb:///raw/", "azure://"])
def test_what_is_no_azure_path(text: str) -> None:
    """The fix stands in the message."""
    with pytest.raises(LightlyConfigError, match="is no Azure path; write container/dir/"):
        parse_azure_path(text)
