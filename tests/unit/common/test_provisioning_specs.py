from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_common.provisioning import read_values
from procstream_job.file.reading import load_pipeline, shipped_pipelines
from procstream_job.plan.needs import pipeline_needs
from procstream_local.stack import VALUES


def test_the_charts_values_name_the_shipped_topics_and_schemas() -> None:
    values = read_values(VALUES)
    partitions = {topic.topic_name: topic.partitions for topic in values.topics}
    assert partitions.items() >= {"procstat_snapshots": 3, "lineage-input": 10, "transactions": 3}.items()
    assert {schema.subject for schema in values.schemas} == {
        "procstat_snapshots-value",
        "lineage-input-value",
    }
    assert all('"type": "record"' in schema.definition for schema in values.schemas)


@pytest.mark.parametrize("name", shipped_pipelines())
def test_the_charts_values_have_every_topic_of_the_shipped_pipelines(name: str) -> None:
    needed = {need.name for need in pipeline_needs(load_pipeline(name, {})).topics}
    assert needed <= {topic.topic_name for topic in read_values(VALUES).topics}


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("{topicName: t, partitions: 0}", r"TopicSpec\.partitions: found 0"),
        ("{topicName: a b}", r"TopicSpec\.topicName: found 'a b'"),
        ("{topicName: t, partition: 3}", r"TopicSpec\.partition: found 3"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, topic: str, message: str) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(f"topics: [{topic}]")
    with pytest.raises(ProcstreamError, match=message):
        read_values(values)
