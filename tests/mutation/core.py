"""What is mutated, and the tests that must notice."""

MODULES = (
    "common/procstream_common/provisioning/topic_plan.py",
    "common/procstream_common/settings/*.py",
    "*/procstream_*/**/durations.py",
    "flink_job/procstream_job/**/mistakes.py",
    "flink_job/procstream_job/**/parameters.py",
    "lineage/procstream_lineage/account.py",
    "lineage/procstream_lineage/commit_log.py",
    "lineage/procstream_lineage/judging.py",
    "lineage/procstream_lineage/offsets.py",
    "operator/procstream_operator/deletion.py",
    "operator/procstream_operator/outcome.py",
    "operator/procstream_operator/owners.py",
    "producer/procstream_producer/procstat/parser.py",
)
"""Pure modules, as patterns below the repository. Each pattern must match a file."""

TESTS = (
    "tests/unit/common/test_settings_*.py",
    "tests/unit/common/test_topic_plan.py",
    "tests/unit/custom_resources/test_deletion_and_owners.py",
    "tests/unit/custom_resources/test_outcome.py",
    "tests/unit/job/test_model.py",
    "tests/unit/job/test_outputs.py",
    "tests/unit/job/test_pipeline_file.py",
    "tests/unit/job/test_plan.py",
    "tests/unit/lineage/test_account.py",
    "tests/unit/lineage/test_commit_log.py",
    "tests/unit/lineage/test_judging.py",
    "tests/unit/lineage/test_offsets.py",
    "tests/unit/producer/test_proc_stat_parser.py",
)
"""Fast tests of those modules, as patterns. Mutants of a module that no test imports count as survivors."""
