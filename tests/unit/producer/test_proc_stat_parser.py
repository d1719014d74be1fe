"""/proc/stat of any kernel."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from procstream_producer.procstat.parser import CpuTimes, ProcStat, ProcStatError, parse

LINUX_6 = """\
cpu  88639 21342 19866 360588 1803 1 364 311 5 6
cpu0 41188 10636 8674 185643 126 0 88 159 2 3
cpu1 47451 10706 11192 174945 1677 1 276 152 3 3
intr 1914968 0 9 0 0
ctxt 3984636
btime 1795258887
processes 30373
procs_running 3
procs_blocked 1
softirq 784532 1 2 3
"""


def test_every_field_of_a_current_kernel() -> None:
    assert parse(LINUX_6) == ProcStat(
        cpus=(
            CpuTimes("cpu", 88639, 21342, 19866, 360588, 1803, 1, 364, 311, 5, 6),
            CpuTimes("cpu0", 41188, 10636, 8674, 185643, 126, 0, 88, 159, 2, 3),
            CpuTimes("cpu1", 47451, 10706, 11192, 174945, 1677, 1, 276, 152, 3, 3),
        ),
        boot_time_seconds=1795258887,
        context_switches=3984636,
        processes_created=30373,
        processes_running=3,
        processes_blocked=1,
        interrupts=1914968,
        softirqs=784532,
    )


def test_this_machine() -> None:
    stat = parse(Path("/proc/stat").read_text())
    assert stat.cpus[0].cpu == "cpu"
    assert len(stat.cpus) >= 2
    assert stat.cpus[0].user > 0
    assert stat.boot_time_seconds is not None
    assert 0 < stat.boot_time_seconds < time.time()


def test_fields_and_lines_that_an_old_kernel_lacks_are_none() -> None:
    linux_2_4 = "cpu  10 20 30 40\ncpu0 10 20 30 40\npage 5 6\nctxt 7\n"
    stat = parse(linux_2_4)
    assert stat.cpus[0] == CpuTimes("cpu", 10, 20, 30, 40)
    assert stat.cpus[0].iowait is None
    assert stat.context_switches == 7
    assert stat.boot_time_seconds is None
    assert stat.softirqs is None


def test_fields_and_lines_of_a_newer_kernel_are_passed_over() -> None:
    stat = parse("cpu  1 2 3 4 5 6 7 8 9 10 11 12\ncpufreq what is this\nfuture 1 2 x\nctxt 9 10\n")
    assert stat.cpus == (CpuTimes("cpu", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),)
    assert stat.context_switches == 9


def test_cpus_that_are_offline_leave_gaps() -> None:
    stat = parse("cpu  1 1 1 1\ncpu0 1 1 1 1\ncpu7 1 1 1 1\ncpu12 1 1 1 1\n")
    assert [times.cpu for times in stat.cpus] == ["cpu", "cpu0", "cpu7", "cpu12"]


def test_a_huge_line_of_interrupts_costs_little() -> None:
    text = LINUX_6.replace("intr 1914968", "intr 1914968" + " 12345" * 200_000)
    started = time.perf_counter()
    stat = parse(text)
    assert stat.interrupts == 1914968
    assert time.perf_counter() - started < 0.25


def test_a_counter_that_ran_under_zero_is_none() -> None:
    assert parse("cpu  1 2 3 4 5 6 7 18446744073709551615\n").cpus[0].steal is None
    assert parse("cpu  1 2 3 4 5 6 7 9223372036854775807\n").cpus[0].steal == 2**63 - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpu  1 2 3\n", "/host/stat line 1: found 'cpu  1 2 3', expected `cpu[N]` and 4 or more numbers"),
        ("cpu  1 2 3 4\ncpu0 1 2 x 4\n", "/host/stat line 2: found 'cpu0 1 2 x 4', expected"),
        ("cpu  1 2 3 4\ncpu0 1 2 -3 4\n", "/host/stat line 2"),
        ("cpu  18446744073709551615 2 3 4\n", "/host/stat line 1"),
        ("cpu  1 2 3 4\nctxt\n", "/host/stat line 2: found 'ctxt', expected `ctxt` and a number"),
        ("cpu  1 2 3 4\nbtime never\n", "/host/stat line 2: found 'btime never'"),
        ("cpu  1 2 3 4\nintr x" + " 1" * 500, "/host/stat line 2: found 'intr x 1 1"),
        ("", "/host/stat: found '', expected a first line `cpu`"),
        ("cpu0 1 2 3 4\n", "expected a first line `cpu`"),
        ("root:x:0:0\n", "expected a first line `cpu`"),
    ],
)
def test_an_error_names_file_line_and_what_was_found(text: str, message: str) -> None:
    with pytest.raises(ProcStatError) as caught:
        parse(text, source="/host/stat")
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert len(str(caught.value)) < 200


counters = st.integers(0, 2**63 - 1)
cpu_numbers = st.lists(st.integers(0, 4096), unique=True, max_size=8).map(sorted)


@given(
    times=st.lists(counters, min_size=4, max_size=14),
    online=cpu_numbers,
    scalars=st.dictionaries(st.sampled_from(["btime", "ctxt", "processes", "intr", "softirq"]), counters),
    unknown=st.lists(st.from_regex(r"[a-z]{9,12} [ -~]*", fullmatch=True), max_size=3),
)
def test_whatever_a_kernel_prints_is_read_back(
    times: list[int], online: list[int], scalars: dict[str, int], unknown: list[str]
) -> None:
    fields = " ".join(map(str, times))
    lines = [f"cpu  {fields}", *(f"cpu{number} {fields}" for number in online), *unknown]
    lines += [f"{name} {value} 1 2 3" for name, value in scalars.items()]
    stat = parse("\n".join(lines) + "\n")

    expected = (times + [None] * 10)[:10]
    assert [times.cpu for times in stat.cpus] == ["cpu", *(f"cpu{number}" for number in online)]
    for cpu in stat.cpus:
        assert cpu == CpuTimes(cpu.cpu, *expected)  # type: ignore[arg-type]
    assert stat.boot_time_seconds == scalars.get("btime")
    assert stat.context_switches == scalars.get("ctxt")
    assert stat.interrupts == scalars.get("intr")
    assert stat.softirqs == scalars.get("softirq")


@given(st.text())
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        stat = parse(text)
    except ProcStatError:
        return
    assert stat.cpus[0].cpu == "cpu"
