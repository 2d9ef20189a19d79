"""The wire models say what LightlyOne's API says: facts/schemas.json is an extract of its OpenAPI description.

The extract holds what client 1.5.26 sends and accepts: members, types, enums, patterns and ranges, no prose.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from lightly_airflow.contract.models import (
    base,
    datasets,
    datasources,
    runs,
    samples,
    selection,
    tags,
    worker_config,
    workers,
)

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "facts" / "schemas.json").read_text())
REQUESTS: dict[type[BaseModel], str] = {
    datasets.DatasetCreateRequest: "DatasetCreateRequest",
    datasets.DatasetUpdateRequest: "DatasetUpdateRequest",
    datasources.S3Config: "DatasourceConfigS3",
    datasources.S3DelegatedAccessConfig: "DatasourceConfigS3DelegatedAccess",
    datasources.AzureConfig: "DatasourceConfigAzure",
    datasources.GcsConfig: "DatasourceConfigGCS",
    datasources.ObsConfig: "DatasourceConfigOBS",
    datasources.LocalConfig: "DatasourceConfigLOCAL",
    datasources.LightlyConfig: "DatasourceConfigLIGHTLY",
    datasources.ProcessedUntilRequest: "DatasourceProcessedUntilTimestampRequest",
    runs.ScheduleRequest: "DockerRunScheduledCreateRequest",
    runs.ScheduleUpdateRequest: "DockerRunScheduledUpdateRequest",
    runs.RunCreateRequest: "DockerRunCreateRequest",
    runs.RunUpdateRequest: "DockerRunUpdateRequest",
    runs.ArtifactCreateRequest: "DockerRunArtifactCreateRequest",
    runs.Load: "DockerRunLogDockerLoad",
    runs.LogCreateEntry: "DockerRunLogCreateEntryData",
    samples.SampleCreateRequest: "SampleCreateRequest",
    samples.SampleMetaData: "SampleMetaData",
    selection.AutoTaskCrop: "AutoTaskCrop",
    selection.AutoTaskTiling: "AutoTaskTiling",
    selection.SelectionConfig: "SelectionConfigV4",
    selection.SelectionEntry: "SelectionConfigV4Entry",
    selection.SelectionInput: "SelectionConfigV4EntryInput",
    selection.SelectionStrategy: "SelectionConfigV4EntryStrategy",
    selection.TargetRange: "SelectionConfigV3EntryStrategyAllOfTargetRange",
    tags.TagCreateRequest: "TagCreateRequest",
    tags.InitialTagCreateRequest: "InitialTagCreateRequest",
    tags.TagUpsizeRequest: "TagUpsizeRequest",
    worker_config.CorruptnessCheck: "DockerWorkerConfigV3DockerCorruptnessCheck",
    worker_config.InputExpiration: "DockerWorkerConfigV3DatasourceInputExpiration",
    worker_config.WorkerDatasource: "DockerWorkerConfigV3DockerDatasource",
    worker_config.Crops: "DockerWorkerConfigV4DockerCrops",
    worker_config.Training: "DockerWorkerConfigV3DockerTraining",
    worker_config.WorkerConfig: "DockerWorkerConfigV4Docker",
    worker_config.CheckpointCallback: "DockerWorkerConfigV3LightlyCheckpointCallback",
    worker_config.Loader: "DockerWorkerConfigV3LightlyLoader",
    worker_config.TrainedModel: "DockerWorkerConfigV3LightlyModel",
    worker_config.Trainer: "DockerWorkerConfigV3LightlyTrainer",
    worker_config.Criterion: "DockerWorkerConfigV3LightlyCriterion",
    worker_config.Optimizer: "DockerWorkerConfigV3LightlyOptimizer",
    worker_config.Collate: "DockerWorkerConfigV3LightlyCollate",
    worker_config.LightlyConfig: "DockerWorkerConfigV3Lightly",
    worker_config.RunConfig: "DockerWorkerConfigV4",
    worker_config.RunConfigCreateRequest: "DockerWorkerConfigOmniV4CreateRequest",
    workers.WorkerCreateRequest: "CreateDockerWorkerRegistryEntryRequest",
    workers.WorkerUpdateRequest: "UpdateDockerWorkerRegistryEntryRequest",
}
ANSWERS: dict[type[BaseModel], str] = {
    base.CreatedEntity: "CreateEntityResponse",
    datasets.DatasetData: "DatasetData",
    datasources.Cursors: "DivideAndConquerCursorData",
    datasources.ProcessedUntil: "DatasourceProcessedUntilTimestampResponse",
    datasources.RawSample: "DatasourceRawSamplesDataRow",
    datasources.RawSamples: "DatasourceRawSamplesData",
    datasources.VerifyData: "DatasourceConfigVerifyData",
    datasources.VerifyErrors: "DatasourceConfigVerifyDataErrors",
    runs.Artifact: "DockerRunArtifactData",
    runs.ArtifactCreated: "DockerRunArtifactCreatedData",
    runs.ListedRun: "DockerRunData",
    runs.LogEntry: "DockerRunLogEntryData",
    runs.LogPage: "DockerRunLogData",
    runs.Run: "DockerRunData",
    runs.ScheduledRun: "DockerRunScheduledData",
    samples.SamplePartial: "SampleDataModes",
    tags.FilenameAndReadUrl: "FilenameAndReadUrl",
    tags.Tag: "TagData",
    worker_config.RunConfigData: "DockerWorkerConfigV4Data",
    workers.LicenseInformation: "DockerLicenseInformation",
    workers.Worker: "DockerWorkerRegistryEntryData",
}
SCHEMA_OF = {model.__name__: schema for model, schema in (REQUESTS | ANSWERS).items()}
SENT = pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
RECEIVED = pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
RULES = ("pattern", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "minItems", "maxItems")
# Members that the package neither sends nor reads.
LEFT_OUT = {"SampleCreateRequest": {"videoFrameData", "cropData"}}
# An empty one is no use, though the API would take it.
STRICTER = {
    ("DatasourceConfigGCS", "gcsCredentials"): {"minLength": 1},
    ("DatasourceConfigLOCAL", "webServerLocation"): {"minLength": 1},
}


def shape(node: dict[str, Any]) -> dict[str, Any]:
    """One member of a model's own JSON schema, in the words of the facts."""
    if "$ref" in node:
        return {"schema": SCHEMA_OF[node["$ref"].rsplit("/", 1)[1]]}
    if "anyOf" in node:
        return _one_of_several([shape(one) for one in node["anyOf"] if one != {"type": "null"}])
    if "oneOf" in node:
        return {"oneOf": [shape(one) for one in node["oneOf"]]}
    if "enum" in node or "const" in node:
        return {"enum": sorted(node.get("enum", [node.get("const")]))}
    told = {rule: node[rule] for rule in ("type", *RULES) if rule in node}
    return told | ({"items": shape(node["items"])} if "items" in node else {})


def _one_of_several(shapes: list[dict[str, Any]]) -> dict[str, Any]:
    return shapes[0] if len(shapes) == 1 else {"enum": sorted(value for one in shapes for value in one["enum"])}


def fact(node: dict[str, Any]) -> dict[str, Any]:
    """One member of the facts, with what our models' JSON schema orders or says differently evened out."""
    told = dict(node)
    if "enum" in told:
        told["enum"] = sorted(told["enum"])
    if "items" in told:
        told["items"] = fact(told["items"])
    if "oneOf" in told:
        told["oneOf"] = sorted((fact(one) for one in told["oneOf"]), key=str)
    return told


def loose(node: dict[str, Any]) -> Any:
    """What an answer holds, without the rules that only requests must obey."""
    if "items" in node:
        return [loose(node["items"])]
    return node.get("schema") or ("string" if "enum" in node else node.get("type"))


def members(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    found = {name: shape(node) for name, node in model.model_json_schema()["properties"].items()}
    for node in found.values():
        node.update({"oneOf": sorted(node["oneOf"], key=str)} if "oneOf" in node else {})
        items = node.get("items", {})
        items.update({"oneOf": sorted(items["oneOf"], key=str)} if "oneOf" in items else {})
    return found


def test_every_model_of_the_package_is_compared() -> None:
    """A model that is added must be compared with the API's description too."""
    modules = (base, datasets, datasources, runs, samples, selection, tags, worker_config, workers)
    public = {
        thing
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, base.Model) and not name.startswith("_")
    }
    assert public - {base.Model, base.RequestModel, base.AnswerModel} == set(REQUESTS | ANSWERS)


@SENT
def test_requests_have_the_members_of_the_api(model: type[BaseModel]) -> None:
    """Names, types, enums, patterns and ranges of what is sent are the API's own."""
    schema = REQUESTS[model]
    wanted = {
        name: fact(node) | STRICTER.get((schema, name), {})
        for name, node in FACTS[schema]["properties"].items()
        if name not in LEFT_OUT.get(schema, ())
    }
    assert members(model) == wanted


@SENT
def test_requests_demand_what_the_api_demands(model: type[BaseModel]) -> None:
    """A required member is required of the author, or always has a value."""
    schema = model.model_json_schema()
    fixed = {name for name, node in schema["properties"].items() if node.get("default") is not None}
    assert set(schema.get("required", ())) | fixed == set(FACTS[REQUESTS[model]]["required"])


@RECEIVED
def test_answers_read_only_what_the_api_tells(model: type[BaseModel]) -> None:
    """Every member that is read exists in the API under that name and type."""
    facts = FACTS[ANSWERS[model]]["properties"]
    read = members(model)
    assert {name: loose(node) for name, node in read.items()} == {name: loose(facts[name]) for name in read}


@RECEIVED
def test_answers_demand_no_more_than_the_api_promises(model: type[BaseModel]) -> None:
    """A member that may be absent must not break the reading of an answer."""
    assert set(model.model_json_schema().get("required", ())) <= set(FACTS[ANSWERS[model]]["required"])
