"""A pipeline file becomes a Flink job."""

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import load_pipeline, shipped_pipelines

__all__ = ["Pipeline", "load_pipeline", "shipped_pipelines"]
