"""Why records were dropped, according to the rows of the dropped path."""

from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from procstream_lineage.commit_log import LogEntry
from procstream_lineage.lake import committed_entries
from procstream_lineage.storage import Folder, folder
from procstream_lineage.target import Place

UNREADABLE = "unreadable file"
"""The cause of the rows in a file that cannot be read."""

_COLUMNS = ["kafka_topic", "error"]
_ROWS_AT_ONCE = 128 * 1024
_READERS = 8


def causes(dropped: Place, topics: Collection[str]) -> dict[str, int]:
    """Rows of these topics by the first word of their error, the most frequent first.

    A file that cannot be read counts with its entry in the log.
    """
    data = folder(dropped.data)
    entries = committed_entries(data, folder(dropped.log)).values()
    found: Counter[str] = Counter()
    with ThreadPoolExecutor(_READERS) as pool:
        for counted in pool.map(lambda entry: _of_file(data, entry, topics), entries):
            found.update(counted)
    return dict(found.most_common())


def _of_file(data: Folder, entry: LogEntry, topics: Collection[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    wanted = pa.array(sorted(topics), pa.string())
    try:
        with data.filesystem.open(data.path(entry.relative_key), "rb") as stream:
            for batch in pq.ParquetFile(stream).iter_batches(_ROWS_AT_ONCE, columns=_COLUMNS):
                rows = batch.filter(pc.is_in(batch.column("kafka_topic"), value_set=wanted))
                found.update(_counted(rows.column("error")))
    except (pa.ArrowException, OSError, KeyError):
        return Counter({UNREADABLE: entry.record_count or 0})
    return found


def _counted(errors: pa.StringArray) -> dict[str, int]:
    words = pc.list_element(pc.split_pattern(errors.fill_null("no error"), ":", max_splits=1), 0)
    return {count["values"].as_py(): count["counts"].as_py() for count in words.value_counts()}
