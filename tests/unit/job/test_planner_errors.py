"""The traces are those of Flink 2.3.0, shortened to a frame or two each."""

import pytest
from procstream_job.language.sql import Statement
from procstream_job.submitting.planner_errors import planner_error, submission_error

QUERY = Statement("query", "SELECT uid, `timestamp` FROM lineage_input")
KNOWN = {"lineage_input", "uuid", "timestamp", "kafka_offset"}

UNKNOWN_COLUMN = """\
org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1, column 8 to line 1, \
column 10: Column 'uid' not found in any table
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:119)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 1, column 8 to line 1, column 10: \
Column 'uid' not found in any table
\tat org.apache.calcite.sql.SqlUtil.newContextException(SqlUtil.java:960)
\t... 18 more
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'uid' not found in any table
\t... 33 more
"""
UNKNOWN_TABLE = """\
org.apache.calcite.sql.validate.SqlValidatorException: Object 'lineage_inptu' not found
"""
SYNTAX = """\
org.apache.flink.table.api.SqlParserException: SQL parse failed. \
Encountered "timestamp ," at line 1, column 14.
Was expecting one of:
    "CURSOR" ...
    "EXISTS" ...

\tat org.apache.flink.table.planner.parse.CalciteParser.parseSqlList(CalciteParser.java:85)
Caused by: org.apache.calcite.sql.parser.SqlParseException: Encountered "timestamp ," at line 1, column 14.
Was expecting one of:
    "CURSOR" ...
    "EXISTS" ...

\tat org.apache.flink.sql.parser.impl.FlinkSqlParserImpl.convertException(FlinkSqlParserImpl.java:440)
\t... 18 more
"""
NO_CONNECTOR = """\
org.apache.flink.table.api.ValidationException: Unable to create a source for reading table 'x'.

Table options are:

'connector'='kafka'
'properties.sasl.jaas.config'='******'
\tat org.apache.flink.table.factories.FactoryUtil.createDynamicTableSource(FactoryUtil.java:245)
Caused by: org.apache.flink.table.api.ValidationException: Could not find any factory for identifier 'kafka' \
that implements 'org.apache.flink.table.factories.DynamicTableFactory' in the classpath.

Available factory identifiers are:

blackhole
\tat org.apache.flink.table.factories.FactoryUtil.discoverFactory(FactoryUtil.java:552)
\t... 33 more
"""
BAD_OPTION = """\
java.lang.IllegalArgumentException: Could not parse value 'foo' for key 'execution.checkpointing.timeout'.
\tat org.apache.flink.configuration.Configuration.getOptional(Configuration.java:381)
Caused by: java.lang.NumberFormatException: text does not start with a number
\tat org.apache.flink.util.TimeUtils.parseDuration(TimeUtils.java:91)
"""
UNKNOWN_OPTION = """\
org.apache.flink.table.api.ValidationException: Unsupported options found for 'avro-confluent'.

Unsupported options:

urll

Supported options:

url
\tat org.apache.flink.table.factories.FactoryUtil.validateUnconsumedKeys(FactoryUtil.java:600)
"""
NO_SAVEPOINT = """\
org.apache.flink.table.api.TableException: Failed to execute sql
\tat org.apache.flink.table.api.internal.TableEnvironmentImpl.executeInternal(TableEnvironmentImpl.java:1270)
Caused by: org.apache.flink.util.FlinkException: Failed to execute job 'lineage'.
\t... 13 more
Caused by: java.util.concurrent.CompletionException: java.lang.RuntimeException: \
java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '/nosuch' \
on file system 'file'.
\t... 4 more
Caused by: java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '/nosuch' \
on file system 'file'.
\t... 5 more
"""
UNREACHABLE = """\
org.apache.flink.table.api.TableException: Failed to execute sql
Caused by: org.apache.flink.util.FlinkException: Failed to execute job 'lineage'.
Caused by: org.apache.flink.shaded.netty4.io.netty.channel.AbstractChannel$AnnotatedConnectException: \
Connection refused: localhost/127.0.0.1:8081
Caused by: java.net.ConnectException: Connection refused
"""


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (
            UNKNOWN_COLUMN,
            "query: line 1, column 8: Column 'uid' not found in any table; did you mean 'uuid'?",
        ),
        (UNKNOWN_TABLE, "query: Object 'lineage_inptu' not found; did you mean 'lineage_input'?"),
        (
            SYNTAX,
            "query: line 1, column 14: syntax error at 'timestamp ,'; "
            "a reserved word needs backticks as a name",
        ),
        (
            NO_CONNECTOR,
            "query: Flink has no 'kafka' on its class path; expected its jar in the folder of FLINK_LIB_DIR",
        ),
        (BAD_OPTION, "query: Could not parse value 'foo' for key 'execution.checkpointing.timeout'"),
        (UNKNOWN_OPTION, "query: 'avro-confluent' has no option 'urll'"),
        ("something else", "query: no reason given"),
        ("java.lang.NullPointerException\n\tat a.B.c(B.java:1)", "query: java.lang.NullPointerException"),
    ],
)
def test_the_planners_complaint_is_one_line_with_the_place_in_the_query(trace: str, expected: str) -> None:
    assert str(planner_error(QUERY, trace, KNOWN)) == expected


def test_a_complaint_about_a_line_of_ours_is_one_about_the_column_in_the_file() -> None:
    trace = (
        "org.apache.calcite.runtime.CalciteContextException: From line 3, column 8 to line 3, column 13: "
        "Unknown identifier 'INTEGR'\n\tat a.B.c(B.java:1)"
    )
    statement = Statement(
        "sources.orders", "CREATE TABLE …", {2: "sources.orders.columns.id", 3: "the place"}
    )
    assert str(planner_error(statement, trace)) == "the place: Unknown identifier 'INTEGR'"


def test_a_job_that_flink_does_not_take_is_told_with_the_reason() -> None:
    assert str(submission_error("flink:8081", NO_SAVEPOINT)) == (
        "Flink did not accept the job: Cannot find checkpoint or savepoint file/directory '/nosuch' "
        "on file system 'file'"
    )


def test_an_unreachable_flink_is_told_with_its_address() -> None:
    assert str(submission_error("flink:8081", UNREACHABLE)) == (
        "Flink at flink:8081 did not answer: Connection refused"
    )


def test_state_of_another_query_is_told_with_the_way_out() -> None:
    trace = (
        "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint file:/c/chk-10. "
        "Cannot map checkpoint/savepoint state for operator 7276 to the new program, because the operator"
        " is not available in the new program.\n\tat org.apache.flink.X.y(X.java:1)\n"
    )
    assert str(submission_error("flink:8081", trace)) == (
        "Flink did not accept the job: the pipeline has changed and its state in file:/c/chk-10 does not fit;"
        " --fresh starts without state"
    )
