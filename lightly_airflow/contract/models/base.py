"""What all bodies share: camelCase on the wire, secrets that hide, ids and names with their patterns."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic.alias_generators import to_camel

Id = Annotated[str, Field(pattern=r"^[a-f0-9]{24}$")]
Milliseconds = Annotated[int, Field(ge=0, description="milliseconds since 1970")]
Seconds = Annotated[int, Field(ge=0, description="seconds since 1970")]
DATASET_NAME_PATTERN = r"^[a-zA-Z0-9][a-zA-Z0-9 _-]+$"
DatasetName = Annotated[str, Field(min_length=3, pattern=DATASET_NAME_PATTERN)]
TagName = Annotated[str, Field(min_length=3, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9 .:;=@_-]+$")]
TaskName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_+=,.@:\/-]*$")]
# Shows as ********** everywhere but in wire(), the one place that makes JSON of it.
Secret = Annotated[SecretStr, Field(min_length=1), PlainSerializer(SecretStr.get_secret_value, when_used="json")]


class Model(BaseModel):
    """Python names in snake_case, wire names in camelCase; both are accepted. Errors never echo the input."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
        loc_by_alias=False,  # errors name keys as LightlyOne's docs and the author spell them
        defer_build=True,  # models are built at first use: a DAG file that is parsed uses few
        protected_namespaces=(),
    )


class RequestModel(Model):
    """A body that is sent: an unknown member is a mistake."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AnswerModel(Model):
    """A body that is received: LightlyOne may add members, and that must not break a running task."""

    model_config = ConfigDict(extra="ignore")


def wire(model: BaseModel) -> dict[str, Any]:
    """The JSON object that travels: wire names, ``None`` left out, secrets in clear. For request bodies alone."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class CreatedEntity(AnswerModel):
    """``{"id": ...}``: the answer to every creation."""

    id: Id
