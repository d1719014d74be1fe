"""Proves that every record of a topic is in the lake exactly once, and finds single records there."""

from procstream_lineage.gathering import verify_lake, verify_pipeline
from procstream_lineage.lake import committed_files
from procstream_lineage.render import findings, render, summary
from procstream_lineage.report import PartitionReport, Report, Verdict
from procstream_lineage.target import Lake, Place
from procstream_lineage.trace import Trace, trace_offset, trace_value

__all__ = [
    "Lake",
    "PartitionReport",
    "Place",
    "Report",
    "Trace",
    "Verdict",
    "committed_files",
    "findings",
    "render",
    "summary",
    "trace_offset",
    "trace_value",
    "verify_lake",
    "verify_pipeline",
]
