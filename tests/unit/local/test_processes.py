import signal
import sys
import textwrap
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.stack import processes
from procstream_local.stack.records import ProcessRecord

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_found_until_it_is_stopped(tmp_path: Path) -> None:
    record = processes.start(SLEEP, env={}, log=tmp_path / "log")
    assert processes.find(record) is not None
    processes.stop([record])
    assert processes.find(record) is None


def test_another_process_with_the_same_pid_is_not_taken_for_it(tmp_path: Path) -> None:
    record = processes.start(SLEEP, env={}, log=tmp_path / "log")
    try:
        earlier = ProcessRecord(pid=record.pid, create_time=record.create_time - 100)
        assert processes.find(earlier) is None
        processes.stop([earlier])
        assert processes.find(record) is not None
    finally:
        processes.stop([record])


def test_a_process_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    record = processes.start([sys.executable, "-c", "print('no space left')"], env={}, log=log)
    with pytest.raises(ProcstreamError, match="broken ended before it was ready: no space left"):
        processes.wait_until_ready("broken", record, lambda: False, log, timeout=10)


def test_a_process_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    record = processes.start(SLEEP, env={}, log=log)
    try:
        with pytest.raises(ProcstreamError, match=r"slow was not ready after 0 s; its log is"):
            processes.wait_until_ready("slow", record, lambda: False, log, timeout=0.3)
    finally:
        processes.stop([record])


def test_a_process_with_a_stop_signal_of_its_own_ends_its_children_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = """
        import signal, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        def stop(number, frame):
            try:
                child.wait(0.5)
                print("child was signalled", flush=True)
            except subprocess.TimeoutExpired:
                print("child was left alone", flush=True)
                child.kill()
            sys.exit()
        signal.signal(signal.SIGINT, stop)
        print("ready", flush=True)
        signal.pause()
        """
    argv = [sys.executable, "-c", textwrap.dedent(script)]
    record = processes.start(argv, env={}, log=log, stop_signal=signal.SIGINT)
    processes.wait_until_ready("parent", record, lambda: "ready" in log.read_text(), log, timeout=10)
    processes.stop([record])
    assert log.read_text().splitlines() == ["ready", "child was left alone"]
