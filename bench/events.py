"""A million events: through the log alone, and through a cell with questions about all of them."""
import resource
import subprocess
import time

from common import Figure, note

COUNT = 1_000_000
SPEC = "events.star"


def log_alone(bench):
    """What bench_event_log says, by word."""
    done = subprocess.run([bench.program("bench_event_log"), str(COUNT)], stdout=subprocess.PIPE, text=True, check=True)
    return {word: float(number) for word, number in (line.split() for line in done.stdout.splitlines())}


def asked_by_python():
    """Seconds of the same question about the same events in CPython, as a baseline for a predicate in Starlark."""
    records = [{"type": "stdout", "n": str(i), "kind": "tick"} for i in range(COUNT)]
    last = str(COUNT - 1)
    begin = time.perf_counter()
    predicate = lambda e: e["n"] == last  # noqa: E731
    assert any(predicate(record) for record in records)
    return time.perf_counter() - begin


def measure(bench):
    figures = []
    note("the log alone")
    alone = [log_alone(bench) for _ in range(bench.rounds)]
    column = {word: [row[word] for row in alone] for word in alone[0]}
    figures.append(Figure("an event appended to the log", "ns", column["append"], column["keep"], "kept in a queue"))
    figures.append(Figure("an event in memory", "bytes", column["bytes"], judged="value"))
    figures.append(Figure("a filter of three fields, for each event", "ns", column["find"], judged="value"))

    note("a million lines through a cell")
    settings = {"rounds": bench.rounds, "events": COUNT}
    wall, result = bench.timed(SPEC, "test_questions", settings)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    rows = result["rows"]
    python = [asked_by_python() for _ in range(bench.rounds)]
    figures.append(Figure("a line of output: read, decoded, logged", "µs", [result["read"] * 1e6 / COUNT], judged="value"))
    figures.append(Figure("assert_eventually over 10⁶ events, by a field", "ms", [row["filter"] * 1000 for row in rows],
                          [seconds * 1000 for seconds in python], "Python, in memory"))
    figures.append(Figure("assert_eventually over 10⁶ events, by a glob", "ms", [row["glob"] * 1000 for row in rows],
                          [seconds * 1000 for seconds in python], "Python, in memory"))
    figures.append(Figure("assert_eventually over 10⁶ events, where=lambda", "ms", [row["where"] * 1000 for row in rows],
                          [seconds * 1000 for seconds in python], "Python, in memory"))
    figures.append(Figure("the whole run with 10⁶ events, its document included", "s", [wall], judged="value"))
    figures.append(Figure("memory of the largest process, for each event", "bytes", [peak / COUNT], judged="value"))
    return figures
