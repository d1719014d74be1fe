"""A pipeline file becomes a Flink job."""

from procstream_job.model import Pipeline
from procstream_job.pipeline_file import load_pipeline, shipped_pipelines

__all__ = ["Pipeline", "load_pipeline", "shipped_pipelines"]
