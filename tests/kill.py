#!/usr/bin/env python3
"""Kills parts of a running mishap with SIGKILL at random moments and looks at what is left.

  kill.py --bin DIR [--ordinary-user] [--times N] [--seed N] [KIND…]

The run is the example: PostgreSQL, redis and a small API, under faults, two cells at a time. After each kill no process, file,
mount, System V object or network interface may be left; the document of the killed run, where somebody is left to write it, must
say what happened; and the next run must be green.
"""
import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time

import bench as benches
import processes

SPEC = "examples/user-api/user_api.star"
CAREFUL = ["--image", "user-api:latest=bin/user_api_careful", "--jobs", "2"]
NEXT = ["--test", "create_user", "--test", "matrix_create_user_insert_fails"]
KILLED = "was killed by signal 9 (KILL)"
LOST_WORKER = f"the worker {KILLED} before it had a result"
# Before the first test a cell looks at what the machine gives.
LOST_PROBE = "error: cells: the one that looked around died of it\n"
LONGEST_RUN_SECONDS = 120
GONE_WITHIN_SECONDS = 5
# A service that dies this short before its worker has reported need not be in the report.
REPORTING_SECONDS = 0.3


def preparation(coordinator):
    """What makes the data directory: the first process of its confinement, the script and initdb. Not what these start, also not
    before it is another program: initdb tries servers with ever smaller settings until one comes up."""
    found = []
    for first in processes.workers(coordinator):
        below = processes.living_below(first.pid)
        comms = {p.pid: p.comm for p in below}
        if "bash" in comms.values():
            found += [first.pid, *(p.pid for p in below if p.comm in ("bash", "initdb") and comms.get(p.parent) != p.comm)]
    return found


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


class Strike:
    """One killed run."""

    def __init__(self, bench, victims_of, delay, cache, picks):
        self.document = bench.work / "home" / "killed.json"
        self.document.unlink(missing_ok=True)
        self.hit = False
        self.outlived_seconds = 0.0
        environment = dict(bench.environment(), MISHAP_CACHE_DIR=str(cache))
        arguments = ["test", SPEC, "--seed", "1", *CAREFUL, "--output", str(self.document)]
        with open(bench.work / "home" / "killed.txt", "w+", encoding="utf-8") as output:
            self.run = subprocess.Popen(bench.command(arguments), cwd=bench.work, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=output, stderr=subprocess.STDOUT)
            time.sleep(delay)
            self.strike(victims_of, picks)
            self.code = self.run.wait(LONGEST_RUN_SECONDS)
            output.seek(0)
            self.text = output.read()

    def strike(self, victims_of, picks):
        """Kills one of the victims; waits for one while the run lasts."""
        while self.run.poll() is None and not self.hit:
            victims = victims_of(self.run.pid)
            if not victims:
                time.sleep(0.002)
                continue
            victim = picks.choice(sorted(victims))
            cell = [p for p in processes.workers(self.run.pid) if victim in {s.pid for s in processes.living_below(p.pid)}]
            # Stopped first, so that it is known to be hit in the midst of something.
            if not processes.stop(victim):
                continue
            os.kill(victim, signal.SIGKILL)
            self.hit = True
            self.watch({worker.identity() for worker in cell})

    def watch(self, cell):
        """How long the cell of a killed service lived on, up to what matters."""
        begin = time.monotonic()
        while self.outlived_seconds < REPORTING_SECONDS and self.run.poll() is None:
            if not cell & {worker.identity() for worker in processes.workers(self.run.pid)}:
                return
            self.outlived_seconds = time.monotonic() - begin
            time.sleep(0.005)

    def tests(self):
        check(self.document.exists(), f"no document; exit code {self.code}\n{self.text}")
        return json.loads(self.document.read_text())["tests"]


def judge_coordinator(strike):
    check(strike.code == -signal.SIGKILL, f"the coordinator's exit code is {strike.code}")
    return True


def judge_worker(strike):
    if strike.code == 1 and LOST_PROBE in strike.text:
        return True
    bad = [test for test in strike.tests() if test["result"] != "pass"]
    check(len(bad) <= 1, f"one worker was killed, but {[t['name'] for t in bad]} did not pass\n{strike.text}")
    if not bad:
        check(strike.code == 0, f"all passed, but the exit code is {strike.code}")
        return False
    check(bad[0].get("tool_error") and bad[0]["reason"] == LOST_WORKER, f"the verdict is {bad[0]['reason']}")
    check(strike.code == 1, f"exit code {strike.code}, want 1")
    return True


def judge_service(strike):
    tests = strike.tests()
    for test in tests:
        if test["result"] != "pass" and KILLED not in test["reason"]:
            raise Failed(f"{test['name']}: {test['reason']}\n{strike.text}")
    told = [test for test in tests if KILLED in test.get("reason", "") or any(
        event["type"] == "service_exited" and event["fields"].get("signal") == "9" for event in test["events"])]
    if not told:
        check(strike.outlived_seconds < REPORTING_SECONDS, f"nothing says that a service was killed\n{strike.text}")
    return bool(told)


def judge_preparation(strike):
    check(strike.code == 1 and "PostgreSQL could not be prepared (exit code" in strike.text,
          f"exit code {strike.code}\n{strike.text}")
    return True


# Kind: whom to kill, how to judge what the run said, whether the database must be prepared first.
KINDS = {
    "coordinator": (lambda pid: [pid], judge_coordinator, False),
    "worker": (lambda pid: [p.pid for p in processes.workers(pid)], judge_worker, False),
    "supervisor": (processes.supervisor_threads, judge_worker, False),
    "service": (lambda pid: [p.pid for p in processes.services(pid)], judge_service, False),
    "coordinator, preparing": (lambda pid: [pid], judge_coordinator, True),
    "preparation": (preparation, judge_preparation, True),
}


def next_run(bench, cache):
    environment = dict(bench.environment(), MISHAP_CACHE_DIR=str(cache))
    done = subprocess.run(bench.command(["test", SPEC, "--seed", "1", *CAREFUL, *NEXT]), cwd=bench.work, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_RUN_SECONDS, text=True, check=False)
    check(done.returncode == 0, f"the next run is not green: exit code {done.returncode}\n{done.stdout}{done.stderr}")


class Series:
    """All kills of one kind."""

    def __init__(self, bench, name, picks, whole_seconds, cold_seconds):
        self.bench, self.name, self.picks = bench, name, picks
        self.victims_of, self.judge, self.cold = KINDS[name]
        self.longest_delay = cold_seconds if self.cold else whole_seconds
        self.struck = self.said = 0
        self.gone_after = []

    def one(self):
        cache = self.bench.work / "home" / "cache"
        if self.cold:
            shutil.rmtree(cache, ignore_errors=True)
        but = {str(self.bench.work), str(cache)}
        before = processes.footprint(but)
        strike = Strike(self.bench, self.victims_of, self.picks.uniform(0, self.longest_delay), cache, self.picks)
        gone = processes.wait_until_nothing_lives(GONE_WITHIN_SECONDS)
        check(not isinstance(gone, list), f"still alive after {GONE_WITHIN_SECONDS} s: {gone}")
        left = processes.footprint(but) ^ before
        check(not left, f"left behind: {sorted(left)}")
        if strike.hit:
            self.said += self.judge(strike)
            self.struck += 1
            self.gone_after.append(gone)
        next_run(self.bench, cache)
        half_made = [str(path) for path in cache.rglob("*.tmp.*")]
        check(not half_made, f"left in the cache: {half_made}")
        return strike.hit

    def report(self):
        after = [1000 * seconds for seconds in self.gone_after]
        print(f"{self.name}: killed {self.struck}×, the verdict said so {self.said}×, nothing left (after "
              f"{statistics.median(after):.0f} ms, at most {max(after):.0f}), next run green", flush=True)
        late = self.struck - self.said
        check(3 * late <= self.struck, f"{self.name}: {late} of {self.struck} kills left no trace in the verdicts")


def usual_seconds(bench, cache):
    begin = time.monotonic()
    done = subprocess.run(bench.command(["test", SPEC, "--seed", "1", *CAREFUL]), cwd=bench.work,
                          env=dict(bench.environment(), MISHAP_CACHE_DIR=str(cache)), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS, check=False)
    check(done.returncode == 0, f"the run is not green even when nobody is killed\n{done.stdout}{done.stderr}")
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--ordinary-user", action="store_true")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"unknown kind \"{unknown[0]}\"; known are {', '.join(KINDS)}")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"kill.py --seed {seed} --times {options.times}", flush=True)
    processes.own_machine(benches.ROOT, options.bin)
    bench = benches.Bench(options.bin, options.ordinary_user)
    failed = False
    try:
        cache = bench.work / "home" / "cache"
        cold = usual_seconds(bench, cache)
        whole = usual_seconds(bench, cache)
        for name in options.kinds or KINDS:
            # Each kind draws from a source of its own, so that one can be repeated without the others.
            series = Series(bench, name, random.Random(f"{seed} {name}"), whole, max(0.2, cold - whole))
            attempts = 0
            try:
                while series.struck < options.times:
                    attempts += 1
                    check(attempts <= 4 * options.times + 10, f"{name}: too few moments at which there was one")
                    series.one()
                series.report()
            except Failed as failure:
                failed = True
                print(f"--- {name}, attempt {attempts}\n{failure}", flush=True)
    finally:
        bench.close()
    sys.exit(1 if failed else 0)


main()
