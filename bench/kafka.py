"""A broker's traffic through the relay, which reads every request, against nothing, with Kafka's own measuring programs."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from common import Figure, note

SPEC = "kafka.star"


def kafka_libs(mishap):
    """The jars that `mishap provision kafka` put into the cache."""
    done = subprocess.run([os.fspath(mishap), "provision", "kafka"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout)
    return pathlib.Path(re.search(r" in (.*), all checksums right", done.stdout)[1])


def produced(text):
    """The last line: 300000 records sent, 123456.7 records/sec (23.55 MB/sec), …"""
    return float(re.findall(r"([\d.]+) records/sec", text)[-1])


def consumed(text):
    """start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms,
    fetch.MB.sec, fetch.nMsg.sec"""
    return float(text.strip().splitlines()[-1].split(",")[-1])


def round_trip(text):
    """Percentiles: 50th = 1, 99th = 2, 99.9th = 3; the mean has the fractions: Avg latency: 0.9321 ms"""
    return float(re.search(r"Avg latency: ([\d.]+) ms", text)[1])


def measure(bench):
    java = [shutil.which("java"), "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{kafka_libs(bench.bin / 'mishap')}/*"]
    settings = {"rounds": bench.rounds, "java": java}
    figures = []
    for name, test, unit, value, more in (("produce, 200 bytes, acks=all", "test_produce", "msg/s", produced, True),
                                          ("consume, 200 bytes", "test_consume", "msg/s", consumed, True),
                                          ("one message there and back", "test_round_trip", "ms", round_trip, False)):
        note(f"kafka, {name}")
        rows = bench.returned(SPEC, test, settings)
        direct = [value(row["direct"]) for row in rows]
        for way, words in (("no_rules", "no rules"), ("rules", "rules that match nothing")):
            figures.append(Figure(f"{name}, {words}", unit, [value(row[way]) for row in rows], direct, "direct", more_is_better=more))
    return figures
