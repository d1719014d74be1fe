"""The real server, in a folder that other users cannot enter."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from procstream_common.errors import ProcstreamError
from procstream_common.settings import load
from procstream_common.settings.postgres import PostgresSettings
from procstream_local.stack import ports, processes
from procstream_local.stack.records import ProcessRecord
from procstream_local.stack.services import postgres, postgres_installation

Run = Callable[[], ProcessRecord]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as another user")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "postgres"


@pytest.fixture
def port() -> int:
    return ports.choose({}, set(), ["postgres"])["postgres"]


@pytest.fixture
def run(folder: Path, port: int) -> Iterator[Run]:
    """Starts the server of `folder` and waits for it."""
    started: list[ProcessRecord] = []
    service = postgres.service(folder, port)
    log = folder.parent / "postgres.log"

    def run() -> ProcessRecord:
        service.prepare()
        started.append(service.start(log))
        processes.wait_until_ready(service.name, started[-1], service.ready, log, timeout=30)
        return started[-1]

    yield run
    processes.stop(started)


@pytest.fixture
def only_pgserver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a PostgreSQL of its own."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(postgres_installation, "_DEBIAN", tmp_path)


def connect(folder: Path, port: int) -> "psycopg.Connection[tuple[object, ...]]":
    settings = load(PostgresSettings, postgres.environment(folder, port))
    return psycopg.connect(autocommit=True, **settings.libpq())  # type: ignore[arg-type]


def test_our_user_owns_a_database_that_only_the_password_opens(folder: Path, port: int, run: Run) -> None:
    record = run()
    listeners = [one for one in psutil.Process(record.pid).net_connections() if one.status == "LISTEN"]
    assert [tuple(one.laddr) for one in listeners] == [("127.0.0.1", port)]
    with connect(folder, port) as connection:
        row = connection.execute("SELECT current_user, current_database(), current_setting('TimeZone')")
        assert row.fetchone() == ("procstream", "procstream", "UTC")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=port, dbname="procstream", user="procstream", password="guess")
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700


@pytest.mark.usefixtures("only_pgserver")
def test_the_server_of_the_python_package_runs_too(folder: Path, port: int, run: Run) -> None:
    run()
    with connect(folder, port) as connection:
        assert connection.info.server_version >= 160_000


def test_it_stops_at_once_with_a_client_attached_and_keeps_its_rows(
    folder: Path, port: int, run: Run
) -> None:
    first = run()
    with connect(folder, port) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        began = time.monotonic()
        processes.stop([first])
        assert time.monotonic() - began < 10
        assert processes.find(first) is None
    assert "database system is shut down" in (folder.parent / "postgres.log").read_text()
    password = (folder / "password").read_text()
    run()
    assert (folder / "password").read_text() == password
    with connect(folder, port) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_psql_connects_to_the_database_as_its_user(folder: Path, port: int, run: Run) -> None:
    run()
    argv, variables = postgres.psql(folder, port, ["-c", "SELECT 1"])
    assert argv[1:] == ["-c", "SELECT 1"]
    assert os.access(argv[0], os.X_OK)
    assert (variables["PGHOST"], variables["PGPORT"]) == ("127.0.0.1", str(port))
    assert variables["PGPASSWORD"] == (folder / "password").read_text()


def test_a_stack_whose_database_was_never_started_has_no_settings(folder: Path, port: int) -> None:
    assert postgres.environment(folder, port) == {}
    assert not postgres.is_ready(folder, port)


def test_data_of_another_version_are_refused(folder: Path, port: int) -> None:
    service = postgres.service(folder, port)
    service.prepare()
    (folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ProcstreamError, match="expected PostgreSQL 9, which created the data"):
        service.start(folder.parent / "postgres.log")


class TestInstallation:
    @pytest.mark.usefixtures("only_pgserver")
    def test_without_a_server_of_the_system_the_package_has_one(self) -> None:
        assert postgres_installation.find(None).bin.parts[-3:] == ("pgserver", "pginstall", "bin")

    @as_root
    @pytest.mark.usefixtures("only_pgserver")
    def test_a_user_who_cannot_enter_our_packages_gets_a_copy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        package = tmp_path / "pgserver"
        shutil.copytree(postgres_installation.find(None).bin.parent, package / "pginstall")
        (package / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        with tempfile.TemporaryDirectory() as everybodys:
            Path(everybodys).chmod(0o755)
            monkeypatch.setattr(postgres_installation, "_COPIES", Path(everybodys) / "copies")
            found = postgres_installation.find("nobody")
            assert found.bin.is_relative_to(everybodys)
            assert postgres_installation.find("nobody", found.major) == found
            assert postgres_installation.find(None).bin.is_relative_to(tmp_path)
