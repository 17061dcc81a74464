"""HTTP/2 through the relay, which reads every frame and header block, against nghttpx and nothing."""
import re

from common import Figure, note

SPEC = "http2.star"


def rate(text):
    """finished in 1.23s, 16234.23 req/s, 2.3MB/s"""
    return float(re.search(r"([\d.]+) req/s", text)[1])


def measure(bench):
    figures = []
    for name, test in (("h2load, 1 stream", "test_streams_1"), ("h2load, 100 streams", "test_streams_100"),
                       ("h2load, 10 streams of a large page", "test_bulk")):
        note(name)
        rows = bench.returned(SPEC, test, {"rounds": bench.rounds})
        ways = {way: [rate(row[way]) for row in rows] for way in ("direct", "nghttpx", "no_rules", "rules")}
        figures += [
            Figure(f"{name}, no rules", "req/s", ways["no_rules"], ways["nghttpx"], "nghttpx", more_is_better=True),
            Figure(f"{name}, rules that match nothing", "req/s", ways["rules"], ways["nghttpx"], "nghttpx", more_is_better=True),
            Figure(f"{name}, no rules, to direct", "req/s", ways["no_rules"], ways["direct"], "direct", more_is_better=True),
            Figure(f"{name}, nghttpx to direct", "req/s", ways["nghttpx"], ways["direct"], "direct", more_is_better=True),
        ]
    return figures
