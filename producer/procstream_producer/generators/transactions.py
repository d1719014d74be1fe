"""Records of `transactions`: card payments, some of them suspiciously large."""

from procstream_producer.generators.json_source import JsonRecord, JsonSource
from procstream_producer.generators.lineage_input import random_uuids
from procstream_producer.generators.people import People
from procstream_producer.timestamps import iso_time

# Log-normal: half of the amounts are below 260, 5 % above 5000.
_LOG_MEDIAN, _SIGMA = 5.56, 1.8
_AWAY_FROM_HOME = 0.1
_CARD_TYPES = ("Visa", "Mastercard", "American Express", "Maestro", "Discover")
_CATEGORIES = ("groceries", "restaurant", "travel", "electronics", "fashion", "health", "fuel", "gifts")


class Transactions(JsonSource):
    """Generates card payments, keyed by `user_id`."""

    required = "amount"
    number = ("amount",)

    def __init__(self, *, seed: int | None = None, malformed: float = 0.0) -> None:
        super().__init__(seed=seed, malformed=malformed)
        rng = self._rng
        people = People(rng)
        self._card_holders = [(person, rng.choice(_CARD_TYPES)) for person in people.all]
        self._merchants = [(company, rng.choice(_CATEGORIES)) for company in people.companies]

    def _plain(self, timestamp_ms: int) -> JsonRecord:
        rng = self._rng
        person, card_type = rng.choice(self._card_holders)
        merchant, category = rng.choice(self._merchants)
        abroad = rng.random() < _AWAY_FROM_HOME
        place = rng.choice(self._card_holders)[0].address if abroad else person.address
        return JsonRecord(
            person.id,
            {
                "transaction_id": random_uuids(1, rng.randbytes)[0],
                "user_id": person.id,
                "card_type": card_type,
                "merchant": merchant,
                "category": category,
                "city": place.city,
                "country": place.country,
                "currency": place.currency,
                "amount": max(0.01, round(rng.lognormvariate(_LOG_MEDIAN, _SIGMA), 2)),
                "ts": iso_time(timestamp_ms),
            },
        )
