"""Records of `partitioned-topic`: orders with an event time, out of order and now and then late."""

from procstream_producer.generators.json_source import MALFORMED, JsonRecord, JsonSource
from procstream_producer.generators.people import People
from procstream_producer.timestamps import iso_time

LATE = "late"
JITTER_MS = 1000
"""Maximum delay of the event time of a record that is not late."""

_STATUSES = ("created", "paid", "shipped", "delivered", "cancelled")
_STATUS_WEIGHTS = (1.0, 1.9, 2.7, 3.4, 3.6)  # cumulative
_REGIONS = ("eu-central", "eu-west", "us-east", "us-west", "sa-east")
_LOG_MEDIAN, _SIGMA = 4.2, 0.8


class Orders(JsonSource):
    """Generates orders, keyed by `customer`.

    Args:
        seed: see `JsonSource`.
        malformed: see `JsonSource`.
        late: share of the well-formed records that are late, from 0 to 1.
        late_by: seconds; a late record's event time is half of it to all of it in the past.
    """

    required = "status"
    number = ("amount",)
    marks = (MALFORMED, LATE)

    def __init__(
        self, *, seed: int | None = None, malformed: float = 0.0, late: float = 0.0, late_by: float = 60.0
    ) -> None:
        super().__init__(seed=seed, malformed=malformed)
        self._late = late
        self._late_by_ms = late_by * 1000
        self._customers = [(person.name, self._rng.choice(_REGIONS)) for person in People(self._rng).all]

    def _plain(self, timestamp_ms: int) -> JsonRecord:
        return self._order(timestamp_ms - self._rng.randint(0, JITTER_MS))

    def _next(self, timestamp_ms: int) -> JsonRecord:
        if self._rng.random() >= self._late:
            return self._plain(timestamp_ms)
        behind_ms = self._rng.uniform(self._late_by_ms / 2, self._late_by_ms)
        record = self._order(timestamp_ms - round(behind_ms))
        record.mark = LATE
        return record

    def _order(self, event_time_ms: int) -> JsonRecord:
        rng = self._rng
        customer, region = rng.choice(self._customers)
        [status] = rng.choices(_STATUSES, cum_weights=_STATUS_WEIGHTS)
        return JsonRecord(
            customer,
            {
                "customer": customer,
                "status": status,
                "region": region,
                "amount": max(0.01, round(rng.lognormvariate(_LOG_MEDIAN, _SIGMA), 2)),
                "ts": iso_time(event_time_ms),
                "tsMillis": event_time_ms,
            },
        )
