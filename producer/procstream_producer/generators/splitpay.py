"""Records of `topic_splitpay`: bills that are split among people, deeply nested."""

import random
from typing import Any

from procstream_producer.generators.json_source import MALFORMED, JsonRecord, JsonSource
from procstream_producer.generators.lineage_input import random_uuids
from procstream_producer.generators.people import Address, People, Person
from procstream_producer.timestamps import iso_time

REPEATED = "repeated"

_REMEMBERED = 1000
_EVENT_TYPES = ("split.created", "split.paid", "split.settled")
_METHODS = ("equal", "percentage", "by_item")
_GOODS = (
    ("espresso", 2.8), ("flat white", 4.2), ("lasagne", 14.5), ("pad thai", 13.9), ("burger", 15.2),
    ("caesar salad", 11.4), ("red wine", 7.5), ("sparkling water", 3.1), ("tiramisu", 6.9), ("taxi", 23.4),
    ("museum ticket", 18.0), ("concert ticket", 64.0), ("hotel night", 129.0), ("rental bike", 16.5),
)  # fmt: skip
_PLATFORMS = (("ios", "18.5"), ("android", "15"), ("web", "131"))
_SOURCES = ("mobile-app", "web-app", "partner-api")
_CAMPAIGNS = (None, "summer", "refer-a-friend")


class SplitPay(JsonSource):
    """Makes split bills, keyed by `event_id`.

    Args:
        seed: see `JsonSource`.
        malformed: see `JsonSource`.
        repeat: share of the well-formed records, from 0 to 1, that have an earlier `event_id` (of one of the
            last 1,000 new or repeated ones) with the user at another location.
    """

    required = "event_id"
    number = ("bill", "total")
    marks = (MALFORMED, REPEATED)

    def __init__(self, *, seed: int | None = None, malformed: float = 0.0, repeat: float = 0.0) -> None:
        super().__init__(seed=seed, malformed=malformed)
        self._repeat = repeat
        self._people = People(self._rng).all
        self._earlier: list[dict[str, Any]] = []
        self._oldest = 0

    def _plain(self, timestamp_ms: int) -> JsonRecord:
        rng = self._rng
        [event_id, bill_id, request_id] = random_uuids(3, rng.randbytes)
        payer, *others = rng.sample(self._people, rng.randint(2, 4))
        items = [self._item() for _ in range(rng.randint(1, 4))]
        total = round(sum(item["quantity"] * item["price"] for item in items), 2)
        platform, version = rng.choice(_PLATFORMS)
        value = {
            "event_id": event_id,
            "event_type": rng.choice(_EVENT_TYPES),
            "version": 1,
            "occurred_at": iso_time(timestamp_ms),
            "user": {
                "id": payer.id,
                "name": payer.name,
                "email": payer.email,
                "address": _address(payer.address),
            },
            "location": payer.address.location,
            "bill": {"id": bill_id, "currency": payer.address.currency, "total": total, "items": items},
            "split": {
                "method": rng.choice(_METHODS),
                "participants": self._participants([payer, *others], total),
            },
            "device": {
                "platform": platform,
                "os_version": version,
                "app_version": f"4.{rng.randint(0, 9)}.{rng.randint(0, 20)}",
                "network": {"ip": _documentation_ip(rng), "wifi": rng.random() < 0.7},
            },
            "metadata": {
                "source": rng.choice(_SOURCES),
                "request_id": request_id,
                "campaign": rng.choice(_CAMPAIGNS),
                "retries": rng.choice((0, 0, 0, 1, 2)),
            },
        }
        return JsonRecord(event_id, value)

    def _next(self, timestamp_ms: int) -> JsonRecord:
        if self._rng.random() < self._repeat and self._earlier:
            return self._moved(timestamp_ms)
        record = self._plain(timestamp_ms)
        if self._repeat:
            self._remember(record.value)
        return record

    def _moved(self, timestamp_ms: int) -> JsonRecord:
        index = self._rng.randrange(len(self._earlier))
        earlier = self._earlier[index]
        address = self._rng.choice(self._people).address
        while address.location == earlier["location"]:
            address = self._rng.choice(self._people).address
        value = {
            **earlier,
            "version": earlier["version"] + 1,
            "occurred_at": iso_time(timestamp_ms),
            "user": {**earlier["user"], "address": _address(address)},
            "location": address.location,
        }
        self._earlier[index] = value
        return JsonRecord(value["event_id"], value, REPEATED)

    def _remember(self, value: dict[str, Any]) -> None:
        if len(self._earlier) < _REMEMBERED:
            self._earlier.append(value)
        else:
            self._earlier[self._oldest] = value
            self._oldest = (self._oldest + 1) % _REMEMBERED

    def _item(self) -> dict[str, Any]:
        number = self._rng.randrange(len(_GOODS))
        name, price = _GOODS[number]
        return {
            "sku": f"SKU-{1000 + number}",
            "name": name,
            "quantity": self._rng.randint(1, 3),
            "price": price,
        }

    def _participants(self, people: list[Person], total: float) -> list[dict[str, Any]]:
        """Equal shares of `total`, the payer first, who also takes the cents that are left."""
        share = int(total * 100 / len(people)) / 100
        rest = round(total - share * (len(people) - 1), 2)
        return [
            {"user_id": person.id, "share": share if index else rest, "paid": self._rng.random() < 0.6}
            for index, person in enumerate(people)
        ]


def _address(address: Address) -> dict[str, str]:
    return {
        "street": address.street,
        "city": address.city,
        "postcode": address.postcode,
        "country": address.country,
    }


def _documentation_ip(rng: random.Random) -> str:
    """An address that nobody has (TEST-NET-3, RFC 5737)."""
    return f"203.0.113.{rng.randint(1, 254)}"
