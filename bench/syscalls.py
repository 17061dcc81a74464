"""System calls of a service: outside its filter, notified and let go, failed, delayed."""
import statistics

from common import Figure, note

SPEC = "syscalls.star"


def medians(rows, key):
    return [statistics.median(row[key]) for row in rows]


def quickest(rows, key):
    """For differences of a few nanoseconds: what else runs on the machine only ever adds."""
    return [min(row[key]) for row in rows]


def measure(bench):
    settings = {"rounds": bench.rounds, "calls": 10000}
    figures = []

    note("calls outside the filter")
    rows = bench.returned(SPEC, "test_outside", settings)
    figures.append(Figure("call outside the filter", "ns", quickest(rows, "ours"), quickest(rows, "none"), "no filter",
                          judged="added", target=15))
    figures.append(Figure("call outside the filter, to the shortest filter", "ns", quickest(rows, "ours"), quickest(rows, "least"),
                          "six instructions", judged="added"))
    figures.append(Figure("call outside the filter, against strace", "ns", quickest(rows, "ours"), quickest(rows, "strace"),
                          "strace --seccomp-bpf"))

    note("calls that are notified and let go")
    rows = bench.returned(SPEC, "test_unfaulted", settings)
    figures.append(Figure("notified, not faulted", "ns", medians(rows, "ours"), medians(rows, "bare"), "bare C loop", target=1.3))
    figures.append(Figure("notified, file resolved, not faulted", "ns", medians(rows, "ours_file"), medians(rows, "bare_file"),
                          "bare C loop", target=1.5))
    figures.append(Figure("notified, not faulted, against strace", "ns", medians(rows, "ours"), medians(rows, "strace"),
                          "strace --seccomp-bpf", target=1))

    note("calls that fail")
    rows = bench.returned(SPEC, "test_faulted", settings)
    figures.append(Figure("denied with EIO", "ns", medians(rows, "ours"), medians(rows, "strace"), "strace inject=", target=1))

    note("delays")
    rows = bench.returned(SPEC, "test_delays", settings)
    figures.append(Figure("nap of 1 ms without us, late by", "µs", late(rows, "nap", 1)))
    for ms in (1, 10, 100):
        figures.append(Figure(f"delay of {ms} ms, late by", "µs", late(rows, f"ours_{ms}", ms), late(rows, f"strace_{ms}", ms),
                              "strace delay_enter="))
    return figures


def late(rows, key, ms):
    """Microseconds past what was asked for."""
    return [statistics.median(row[key]) / 1000 - ms * 1000 for row in rows]
