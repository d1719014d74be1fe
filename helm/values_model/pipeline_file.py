"""The schema of pipeline files, from the job's own model, as the values include it."""

from typing import Any

from procstream_job.file.model import Pipeline

PARAMETER = {"type": "string", "pattern": r"\$\{"}
"""`${NAME}` may stand for any value of a pipeline file."""

Schema = dict[str, Any]


def definitions() -> dict[str, Schema]:
    """Entries of `$defs`: `Pipeline`, and what it refers to."""
    pipeline = Pipeline.model_json_schema()
    parts = pipeline.pop("$defs")
    return {name: with_parameters(part) for name, part in {"Pipeline": pipeline, **parts}.items()}


def with_parameters(schema: Any) -> Any:
    """The same schema, which also accepts `${NAME}` wherever one value stands."""
    if isinstance(schema, list):
        return [with_parameters(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number", "boolean") or "pattern" in schema:
        return {"anyOf": [schema, PARAMETER]}
    return {key: with_parameters(part) for key, part in schema.items()}
