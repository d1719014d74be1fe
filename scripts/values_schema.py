#!/usr/bin/env python3
"""Write what helm/procstream/values.schema.json says about Flink, from the job's own model.

.venv/bin/python scripts/values_schema.py           # writes it
.venv/bin/python scripts/values_schema.py --check   # fails when it is not up to date
"""

import json
import sys
from pathlib import Path
from typing import Any

from procstream_job.file.model import Flink, Pipeline
from procstream_job.file.reading import shipped_pipelines

SCHEMA = Path(__file__).parents[1] / "helm" / "procstream" / "values.schema.json"
PARAMETER = {"type": "string", "pattern": r"\$\{"}
"""`${NAME}` may stand for any value of a pipeline file."""

Schema = dict[str, Any]


def definitions() -> Schema:
    """Entries of `$defs`: `flink`, `pipelines`, `sqlGateway`, and what they refer to."""
    pipeline = Pipeline.model_json_schema()
    parts = pipeline.pop("$defs")
    return {
        "flink": flink(),
        "pipelines": pipelines(),
        "sqlGateway": sql_gateway(),
        "pipeline": one_pipeline(),
        "jobManager": pods(),
        "taskManager": pods(slots={"type": "integer", "minimum": 1}, replicas=positive_or_null()),
        "Pipeline": with_parameters(pipeline),
        **{name: with_parameters(part) for name, part in parts.items()},
    }


def flink() -> Schema:
    """The values of `flink`."""
    return closed(
        image=reference("image"),
        version={"type": "string", "minLength": 1},
        operator=closed(enabled={"type": "boolean"}),
        jobManager=reference("jobManager"),
        taskManager=reference("taskManager"),
        checkpoints=closed(interval=duration()),
        configuration=reference("scalars"),
    )


def pipelines() -> Schema:
    """The values of `pipelines`: those that ship, and others, which say what they are."""
    own = {
        "allOf": [reference("pipeline"), {"anyOf": [{"required": ["definition"]}, {"required": ["file"]}]}],
    }
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"},
        "properties": {name: reference("pipeline") for name in shipped_pipelines()},
        "additionalProperties": own,
    }


def one_pipeline() -> Schema:
    """The values of `pipelines.NAME`."""
    return closed(
        enabled={"type": "boolean"},
        file={"enum": list(shipped_pipelines())},
        definition=reference("Pipeline"),
        files={"type": "object", "additionalProperties": {"type": "string"}},
        parallelism={"type": "integer", "minimum": 1},
        checkpointInterval=duration(),
        env=reference("scalars"),
        fromSavepoint={"type": "string"},
        configuration=reference("scalars"),
        jobManager=reference("jobManager"),
        taskManager=reference("taskManager"),
    )


def sql_gateway() -> Schema:
    """The values of `sqlGateway`."""
    count: Schema = {"type": "integer", "minimum": 1}
    gateway = pods(
        enabled={"type": "boolean"},
        refreshInterval=duration(),
        tables=closed(resources=reference("resources")),
        jobManager=reference("jobManager"),
        taskManager=pods(slots=count, replicas=count),
        configuration=reference("scalars"),
    )
    # There is one of it: nothing to spread.
    del gateway["properties"]["topologySpreadConstraints"]
    return gateway


def pods(**more: Schema) -> Schema:
    """What pods of Flink can be given."""
    return closed(
        **more,
        resources=reference("resources"),
        podLabels=reference("labels"),
        podAnnotations=reference("labels"),
        nodeSelector=reference("labels"),
        tolerations=reference("tolerations"),
        affinity=reference("affinity"),
        topologySpreadConstraints=reference("topologySpreadConstraints"),
        priorityClassName={"type": "string"},
    )


def closed(**properties: Schema) -> Schema:
    """An object of these keys alone."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def reference(name: str) -> Schema:
    """To another entry of `$defs`."""
    return {"$ref": f"#/$defs/{name}"}


def positive_or_null() -> Schema:
    """A number that may be left to the chart."""
    return {"type": ["integer", "null"], "minimum": 1}


def duration() -> Schema:
    """As in a pipeline file."""
    interval: Schema = Flink.model_json_schema()["properties"]["checkpoint_interval"]
    return {"type": "string", "pattern": interval["pattern"]}


def with_parameters(schema: Any) -> Any:
    """The same schema, which also takes `${NAME}` wherever one value stands."""
    if isinstance(schema, list):
        return [with_parameters(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number", "boolean") or "pattern" in schema:
        return {"anyOf": [schema, PARAMETER]}
    return {key: with_parameters(part) for key, part in schema.items()}


def main() -> None:
    """Write or check the file."""
    found = SCHEMA.read_text()
    document = json.loads(found)
    document["$defs"] |= definitions()
    wanted = json.dumps(document, indent=2) + "\n"
    if found == wanted:
        return
    if "--check" in sys.argv[1:]:
        sys.exit(f"{SCHEMA}: not that of the pipeline's model; run scripts/values_schema.py")
    SCHEMA.write_text(wanted)


if __name__ == "__main__":
    main()
