"""Traffic through the relay, against HAProxy and nothing."""
import glob
import os
import re
import shutil

from common import Figure, note

SPEC = "relay.star"


def redis_rates(text):
    """redis-benchmark --csv: {"GET": requests per second, …}"""
    return {found[1]: float(found[2]) for found in re.finditer(r'^"(GET|SET)","([\d.]+)"', text, re.MULTILINE)}


def tps(text):
    return float(re.search(r"tps = ([\d.]+)", text)[1])


def figures_of(rows, name, unit, value, relay_figures):
    """The relay against HAProxy, without and with rules, and HAProxy against nothing for comparison."""
    ways = {way: [value(row[way]) for row in rows] for way in ("direct", "haproxy", "no_rules", "rules")}
    relay_figures += [
        Figure(f"{name}, no rules", unit, ways["no_rules"], ways["haproxy"], "HAProxy", target=1.2, more_is_better=True),
        Figure(f"{name}, rules that match nothing", unit, ways["rules"], ways["haproxy"], "HAProxy", target=1.5, more_is_better=True),
        Figure(f"{name}, no rules, to direct", unit, ways["no_rules"], ways["direct"], "direct", more_is_better=True),
        Figure(f"{name}, HAProxy to direct", unit, ways["haproxy"], ways["direct"], "direct", more_is_better=True),
    ]


def measure(bench):
    # The wrapper in /usr/bin is a script that takes its time; the program itself is in the server's folder.
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench")) or [shutil.which("pgbench")]
    settings = {"rounds": bench.rounds, "pgbench": os.fspath(programs[-1])}
    figures = []
    for connections in (1, 50):
        note(f"redis-benchmark with {connections}")
        # One connection is at the mercy of where the scheduler puts each wake-up: many short rounds tell more than few long ones.
        rounds = bench.rounds * 3 if connections == 1 else bench.rounds
        rows = bench.returned(SPEC, f"test_redis_{connections}", dict(settings, rounds=rounds))
        for command in ("GET", "SET"):
            figures_of(rows, f"redis-benchmark -c {connections} {command}", "req/s", lambda text: redis_rates(text)[command], figures)
    note("a bulk stream")
    figures_of(bench.returned(SPEC, "test_stream", settings), "bulk stream", "MiB/s", float, figures)
    for words, test in (("select", "test_pgbench_select"), ("read-write", "test_pgbench_write")):
        note(f"pgbench, {words}")
        figures_of(bench.returned(SPEC, test, settings), f"pgbench {words}", "tps", tps, figures)
    return figures
