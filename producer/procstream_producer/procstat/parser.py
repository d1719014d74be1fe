"""Parses the text of `/proc/stat` into a typed reading (man 5 proc_stat). Pure: no I/O, no clock."""

from dataclasses import dataclass

from procstream_common.errors import ProcstreamError

AVRO_LONG_MAX = 2**63 - 1
_SHOWN = 60
_SCALARS = ("btime", "ctxt", "processes", "procs_running", "procs_blocked", "intr", "softirq")


class ProcStatError(ProcstreamError):
    """A line of the file does not have the documented format; the message shows file, number and text.

    `line` is its number, 0 for the file as a whole.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Clock ticks one CPU spent by kind; a kind that the kernel does not report is None.

    `guest` is already in `user`, `guest_nice` in `nice`.
    """

    cpu: str
    user: int
    nice: int
    system: int
    idle: int
    iowait: int | None = None
    irq: int | None = None
    softirq: int | None = None
    steal: int | None = None
    guest: int | None = None
    guest_nice: int | None = None


@dataclass(frozen=True, slots=True)
class ProcStat:
    """One reading. Counters grow from boot; what a kernel does not report is None.

    `cpus` holds first the sum over all CPUs (`cpu`), then each CPU that is online: with CPUs taken
    offline, their numbers have gaps.
    """

    cpus: tuple[CpuTimes, ...]
    boot_time_seconds: int | None = None
    context_switches: int | None = None
    processes_created: int | None = None
    processes_running: int | None = None
    processes_blocked: int | None = None
    interrupts: int | None = None
    softirqs: int | None = None


def parse(text: str, *, source: str = "/proc/stat") -> ProcStat:
    """Parse the text of `/proc/stat`. Unknown lines and trailing fields, of newer kernels, are ignored.

    Of `intr` and `softirq` only the first number, the sum, is read. On a large machine the rest of the `intr`
    line is hundreds of kilobytes.

    Raises:
        ProcStatError: a known line cannot be read, or there is no line `cpu`.
    """
    cpus: list[CpuTimes] = []
    scalars: dict[str, int | None] = dict.fromkeys(_SCALARS)
    for number, line in enumerate(text.split("\n"), start=1):
        name, _, rest = line.partition(" ")
        if name == "cpu" or (name.startswith("cpu") and name[3:].isdecimal()):
            try:
                cpus.append(_cpu(name, rest))
            except ValueError:
                expected = "`cpu[N]` and 4 or more numbers of clock ticks"
                raise _error(source, number, line, expected) from None
        elif name in scalars:
            try:
                scalars[name] = _number(rest.split(None, 1)[0])
            except (ValueError, IndexError):
                raise _error(source, number, line, f"`{name}` and a number") from None
    if not cpus or cpus[0].cpu != "cpu":
        raise ProcStatError(f"{source}: found {_shortened(text)}, expected a first line `cpu`")
    return ProcStat(
        cpus=tuple(cpus),
        boot_time_seconds=scalars["btime"],
        context_switches=scalars["ctxt"],
        processes_created=scalars["processes"],
        processes_running=scalars["procs_running"],
        processes_blocked=scalars["procs_blocked"],
        interrupts=scalars["intr"],
        softirqs=scalars["softirq"],
    )


def _cpu(name: str, rest: str) -> CpuTimes:
    times = [_number(field) for field in rest.split(None, 10)[:10]]
    user, nice, system, idle = times[:4]
    if user is None or nice is None or system is None or idle is None:
        raise ValueError("a counter that every kernel has is out of range")
    return CpuTimes(name, user, nice, system, idle, *times[4:])


def _number(field: str) -> int | None:
    """A counter, or None for one beyond 2^63-1.

    Counters are unsigned 64-bit. Such a large value is an underflow in the kernel, known for `steal` after a
    Xen migration, and has no meaning.
    """
    if not (field.isascii() and field.isdecimal()):
        raise ValueError(field)
    number = int(field)
    return number if number <= AVRO_LONG_MAX else None


def _error(source: str, number: int, line: str, expected: str) -> ProcStatError:
    return ProcStatError(f"{source} line {number}: found {_shortened(line)}, expected {expected}", number)


def _shortened(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
