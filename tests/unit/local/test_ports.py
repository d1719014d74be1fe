import socket

from procstream_local.stack import ports


def test_every_service_gets_a_port_of_its_own() -> None:
    chosen = ports.choose({}, set())
    assert set(chosen) == set(ports.USUAL)
    assert len(set(chosen.values())) == len(chosen)


def test_a_service_keeps_the_port_it_had() -> None:
    before = ports.choose({}, set())
    assert ports.choose(before, set()) == before


def test_a_port_taken_by_another_program_is_replaced() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert ports.choose({"kafka": taken}, set())["kafka"] != taken


def test_the_port_of_a_running_service_stays_although_it_is_taken() -> None:
    with socket.socket() as kafka:
        kafka.bind(("127.0.0.1", 0))
        kafka.listen()
        own = kafka.getsockname()[1]
        assert ports.choose({"kafka": own}, {"kafka"})["kafka"] == own


def test_only_wanted_services_get_a_port() -> None:
    assert set(ports.choose({"kafka": 1}, {"kafka"}, ["postgres"])) == {"postgres"}
