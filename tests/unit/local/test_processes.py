import os
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from procstream_common.errors import ProcstreamError
from procstream_local.stack import processes
from procstream_local.stack.records import ProcessRecord

from tests.integration.waiting import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_found_until_it_is_stopped(tmp_path: Path) -> None:
    record = processes.start(SLEEP, env={}, log=tmp_path / "log")
    assert processes.find(record) is not None
    processes.stop([record])
    assert processes.find(record) is None


def test_a_process_that_ended_by_itself_is_not_found(tmp_path: Path) -> None:
    record = processes.start(["true"], env={}, log=tmp_path / "log")
    until(lambda: processes.find(record) is None, "its end")
    assert processes.find(None) is None
    processes.stop([record])  # nothing to stop


def test_a_zombie_has_ended(tmp_path: Path) -> None:
    record = processes.start(["sleep", "60"], env={}, log=tmp_path / "log")
    os.kill(record.pid, signal.SIGKILL)
    os.waitid(os.P_PID, record.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(record.pid).status() == psutil.STATUS_ZOMBIE
    assert processes.find(record) is None


def test_a_process_has_its_own_session_its_environment_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "service.log"
    script = 'cut -d" " -f6 /proc/$$/stat; echo "$GREETING"; echo problem >&2; read line || echo no input'
    lines = []
    for _ in range(2):  # the log of an earlier run stays
        record = processes.start(["sh", "-c", script], env={"GREETING": "hello"}, log=log)
        until(lambda record=record: processes.find(record) is None, "its end")
        lines += [str(record.pid), "hello", "problem", "no input"]
    assert log.read_text().splitlines() == lines, "the first line is the session (man 5 proc)"


def test_a_process_that_ignores_the_signal_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.5)
    log = tmp_path / "log"
    script = "trap '' TERM; sleep 60 & echo ready; while :; do wait; done"
    record = processes.start(["sh", "-c", script], env={}, log=log)
    processes.wait_until_ready("stubborn", record, lambda: "ready" in log.read_text(), log, timeout=10)
    family = [psutil.Process(record.pid), *psutil.Process(record.pid).children()]
    assert len(family) == 2
    processes.stop([record])
    # Nobody may have waited for an orphan.
    left = [process for process in family if process.is_running()]
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


def test_another_process_with_the_same_pid_is_not_taken_for_it(tmp_path: Path) -> None:
    record = processes.start(SLEEP, env={}, log=tmp_path / "log")
    try:
        earlier = ProcessRecord(pid=record.pid, create_time=record.create_time - 100)
        assert processes.find(earlier) is None
        processes.stop([earlier])
        assert processes.find(record) is not None
    finally:
        processes.stop([record])


def test_a_process_that_ends_before_it_is_ready_is_reported_with_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    record = processes.start([sys.executable, "-c", "print('no space left')"], env={}, log=log)
    with pytest.raises(ProcstreamError, match="broken ended before it was ready: no space left"):
        processes.wait_until_ready("broken", record, lambda: False, log, timeout=10)


def test_a_process_that_is_never_ready_is_reported_after_the_timeout(tmp_path: Path) -> None:
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
