"""People, places and companies of the sample records: drawn by Faker once, because it is slow."""

import random
from dataclasses import dataclass

from faker import Faker

NAME_CHARACTERS = 50
LOCATION_CHARACTERS = 100

_COUNTRIES = {
    "en_US": ("United States", "USD"),
    "en_GB": ("United Kingdom", "GBP"),
    "de_DE": ("Germany", "EUR"),
    "fr_FR": ("France", "EUR"),
    "es_ES": ("Spain", "EUR"),
    "nl_NL": ("Netherlands", "EUR"),
    "sv_SE": ("Sweden", "SEK"),
    "pl_PL": ("Poland", "PLN"),
    "de_CH": ("Switzerland", "CHF"),
    "pt_BR": ("Brazil", "BRL"),
}
"""By Faker's locale."""

_PEOPLE_OF_A_COUNTRY = 50


@dataclass(frozen=True, slots=True)
class Address:
    """A place to live at; `currency` by ISO 4217."""

    street: str
    postcode: str
    city: str
    country: str
    currency: str

    @property
    def location(self) -> str:
        """City and country, at most `LOCATION_CHARACTERS` long."""
        return f"{self.city}, {self.country}"[:LOCATION_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account; the name has at most `NAME_CHARACTERS`."""

    id: str
    name: str
    email: str
    address: Address


class People:
    """Somebody to draw again and again. The same seed gives the same people."""

    def __init__(self, rng: random.Random) -> None:
        people: list[Person] = []
        companies: list[str] = []
        for locale, (country, currency) in _COUNTRIES.items():
            faker = Faker(locale)
            faker.seed_instance(rng.getrandbits(32))
            for _ in range(_PEOPLE_OF_A_COUNTRY):
                address = Address(
                    street=faker.street_address(),
                    postcode=faker.postcode(),
                    city=faker.city(),
                    country=country,
                    currency=currency,
                )
                people.append(
                    Person(
                        id=f"user-{len(people) + 1:04d}",
                        name=faker.name()[:NAME_CHARACTERS],
                        email=faker.ascii_safe_email(),
                        address=address,
                    )
                )
                companies.append(faker.company())
        self.all = tuple(people)
        self.companies = tuple(dict.fromkeys(companies))
