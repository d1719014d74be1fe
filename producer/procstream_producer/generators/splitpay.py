"""Records of `topic_splitpay`: bills that are split among people, deeply nested."""

import random
from typing import Any

from procstream_producer.generators.json_source import MALFORMED, JsonRecord, JsonSource
from procstream_producer.generators.lineage_input import random_uuids
from procstream_producer.generators.people import Address, People, Person
from procstream_producer.timestamps import iso_time

REPEATED = "repeated"

_REMEMBERED = 1000
_BASKETS = 500
_DEVICES = 200
_PARTICIPANTS = (2, 3, 4)
_EVENT_TYPES = ("split.created", "split.paid", "split.settled")
_METHODS = ("card", "wallet", "bank_transfer")
_GOODS = (
    ("SKU-1000", "espresso", 2.8),
    ("SKU-1001", "flat white", 4.2),
    ("SKU-1002", "lasagne", 14.5),
    ("SKU-1003", "pad thai", 13.9),
    ("SKU-1004", "burger", 15.2),
    ("SKU-1005", "caesar salad", 11.4),
    ("SKU-1006", "red wine", 7.5),
    ("SKU-1007", "sparkling water", 3.1),
    ("SKU-1008", "tiramisu", 6.9),
    ("SKU-1009", "taxi", 23.4),
    ("SKU-1010", "museum ticket", 18.0),
    ("SKU-1011", "concert ticket", 64.0),
    ("SKU-1012", "hotel night", 129.0),
    ("SKU-1013", "rental bike", 16.5),
)
_PLATFORMS = (("ios", "18.5"), ("android", "15"), ("web", "131"))
_SOURCES = ("mobile-app", "web-app", "partner-api")
_CAMPAIGNS = (None, "summer", "refer-a-friend")
_RETRIES = (0, 0, 0, 1, 2)


class SplitPay(JsonSource):
    """Generates split bills, keyed by `event_id`.

    Args:
        seed: see `JsonSource`.
        malformed: see `JsonSource`.
        repeat: share of the well-formed records, from 0 to 1, that have the `event_id` of one of the last
            1,000 events and another location of the user.
    """

    required = "event_id"
    number = ("bill", "total")
    marks = (MALFORMED, REPEATED)

    def __init__(self, *, seed: int | None = None, malformed: float = 0.0, repeat: float = 0.0) -> None:
        super().__init__(seed=seed, malformed=malformed)
        self._repeat = repeat
        self._people = People(self._rng).all
        self._baskets = [_basket(self._rng) for _ in range(_BASKETS)]
        self._devices = [_device(self._rng) for _ in range(_DEVICES)]
        self._earlier: list[dict[str, Any]] = []
        self._oldest = 0

    def _plain(self, timestamp_ms: int) -> JsonRecord:
        rng = self._rng
        [event_id] = random_uuids(1, rng.randbytes)
        people = rng.sample(self._people, rng.choice(_PARTICIPANTS))
        payer = people[0]
        items, total = rng.choice(self._baskets)
        value = {
            "event_id": event_id,
            "event_type": rng.choice(_EVENT_TYPES),
            "version": 1,
            "occurred_at": iso_time(timestamp_ms),
            "user": _user(payer),
            "location": payer.address.location,
            "bill": {
                "id": f"bill-{rng.getrandbits(40):010x}",
                "currency": payer.address.currency,
                "total": total,
                "items": items,
            },
            "split": {"method": rng.choice(_METHODS), "participants": self._shares(people, total)},
            "device": rng.choice(self._devices),
            "metadata": {
                "source": rng.choice(_SOURCES),
                "request_id": f"{rng.getrandbits(64):016x}",
                "campaign": rng.choice(_CAMPAIGNS),
                "retries": rng.choice(_RETRIES),
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
            "user": {**earlier["user"], "address": _address_fields(address)},
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

    def _shares(self, people: list[Person], total: float) -> list[dict[str, Any]]:
        """Equal shares of `total`; the first person, who pays, also gets the remaining cents."""
        share = int(total * 100 / len(people)) / 100
        rest = round(total - share * (len(people) - 1), 2)
        return [
            {"user_id": person.id, "share": share if index else rest, "paid": self._rng.random() < 0.6}
            for index, person in enumerate(people)
        ]


def _address_fields(address: Address) -> dict[str, str]:
    return {
        "street": address.street,
        "city": address.city,
        "postcode": address.postcode,
        "country": address.country,
    }


def _user(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "address": _address_fields(person.address),
    }


def _basket(rng: random.Random) -> tuple[list[dict[str, Any]], float]:
    """The items of a purchase, and their total."""
    items: list[dict[str, Any]] = [
        {"sku": sku, "name": name, "quantity": rng.randint(1, 3), "price": price}
        for sku, name, price in rng.sample(_GOODS, rng.randint(1, 4))
    ]
    return items, round(sum(item["quantity"] * item["price"] for item in items), 2)


def _device(rng: random.Random) -> dict[str, Any]:
    platform, version = rng.choice(_PLATFORMS)
    return {
        "platform": platform,
        "os_version": version,
        "app_version": f"4.{rng.randint(0, 9)}.{rng.randint(0, 20)}",
        # Addresses that are never assigned: TEST-NET-3, RFC 5737.
        "network": {"ip": f"203.0.113.{rng.randint(1, 254)}", "wifi": rng.random() < 0.7},
    }
