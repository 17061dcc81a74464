#!/usr/bin/env python3
"""Many cells, one after the other: no verdict may flip, and nothing may be left or grow.

  soak.py --bin DIR [--cells N] [--jobs N] [--ordinary-user] [--sanitized]

Half of the cells are short runs of mixed specs, green and red, each with a seed of its own. The other half are runs of one long-lived
mishap each (`--runs`), whose memory and descriptors are watched meanwhile. At the end no process below this one may be alive, and there
may be no mount, no network interface, no System V object and no file in a temporary folder that was not there before. With the processes
their namespaces are gone: nothing else holds one. Of a sanitized build the memory is not judged: it is mostly the sanitizer's, which keeps
what was freed.
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import bench as benches
import end_to_end
import processes

# What the short runs take turns with, and the long-lived ones; names of end_to_end.VERDICTS. Repeating stops at the first test that is
# not green, so the long-lived ones are the green specs. Each with the least number of cells that takes seconds, so that there is something
# to sample.
SHORT = ["faults", "monitors", "example-careful", "example-careless", "pattern-careful", "required"]
LONG = {"faults": 200, "example-careful": 10, "pattern-careful": 10}

SAMPLE_SECONDS = 0.02
# A cell's result is kept until the end of a run: name, verdict, duration, counts. This bounds it, events not included.
MOST_BYTES_PER_CELL = 16 * 1024
# By which memory differs however few cells there are: pages that the allocator takes and keeps.
MEMORY_AT_RANDOM = 256 * 1024
# What the coordinator holds of a cell: a channel, a pidfd, and while it is set up the report of that.
DESCRIPTORS_OF_A_CELL = 3
# More than that while one is made: the other ends, what finds out about the coordinator's end, the process in between.
DESCRIPTORS_OF_MAKING = 6
GONE_WITHIN_SECONDS = 2


class Watch(threading.Thread):
    """Samples the memory and the descriptors of one process until it ends."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.samples = []  # (resident bytes, descriptors)
        self.page = os.sysconf("SC_PAGE_SIZE")

    def run(self):
        while True:
            try:
                resident = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * self.page
                descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
            except (OSError, IndexError):
                return
            if resident == 0:  # a zombie
                return
            self.samples.append((resident, descriptors))
            time.sleep(SAMPLE_SECONDS)

    def quarter(self, number, column):
        size = max(1, len(self.samples) // 4)
        part = self.samples[number * size:(number + 1) * size] or self.samples[-1:]
        return [sample[column] for sample in part]


class Soak:
    def __init__(self, bench, jobs, sanitized):
        self.bench = bench
        self.jobs = jobs
        self.sanitized = sanitized
        self.cells = 0
        self.problems = []
        self.verdicts = collections.Counter()

    def run(self, name, seed, runs):
        """One run of mishap on a spec; its watch and how many cells it had."""
        args, _, wanted = end_to_end.VERDICTS[name]
        document = self.bench.work / "home" / "soak.json"
        document.unlink(missing_ok=True)
        words = [word for word in args if word != "--strict"]
        words[words.index("--seed") + 1] = str(seed)
        words[words.index("--jobs") + 1] = str(self.jobs)
        command = self.bench.command([*words, "--runs", str(runs), "--output", str(document)])
        process = subprocess.Popen(command, cwd=self.bench.work, env=self.bench.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        watch = Watch(process.pid)
        watch.start()
        output, _ = process.communicate(timeout=120 + 30 * runs * len(wanted))
        watch.join()
        if not document.exists():
            self.problems.append(f"{name}, seed {seed}: no document, exit code {process.returncode}\n{output}")
            return watch, 0
        tests = json.loads(document.read_text())["tests"]
        for entry in tests:
            got = end_to_end.word(entry)
            self.verdicts[got] += 1
            if not end_to_end.is_expected(entry, wanted.get(entry["name"], "")):
                why = entry.get("reason", "")
                self.problems.append(f"{name}, seed {entry['seed']}: {entry['name']} is {got}, want {wanted.get(entry['name'])}: {why}")
        self.cells += len(tests)
        return watch, len(tests)

    def short_runs(self, cells):
        begin, first, seed = time.monotonic(), self.cells, 1
        while self.cells - first < cells and not self.problems:
            self.run(SHORT[seed % len(SHORT)], 1000 + seed, 1)
            seed += 1
        print(f"{self.cells - first} cells in {seed - 1} short runs of {len(SHORT)} specs: {time.monotonic() - begin:.0f} s")

    def long_runs(self, cells):
        for name, least in LONG.items():
            begin = time.monotonic()
            tests = len(end_to_end.VERDICTS[name][2])
            watch, done = self.run(name, 7, round(max(cells / len(LONG), least) / tests))
            if done:
                self.judge(name, watch, done, time.monotonic() - begin)

    def judge(self, name, watch, cells, seconds):
        """The end may hold more memory than the beginning by what is known of each cell, and no descriptor more. A leak of one a cell
        would be half as many as there were cells, so what one cell holds may come or go: not every moment is seen."""
        memory = [statistics.median(watch.quarter(number, 0)) for number in (1, 3)]
        # Cells come and go, so the least that a quarter saw is what stays, and the most what is needed at a time.
        descriptors = [min(watch.quarter(number, 1)) for number in (1, 3)]
        most = max(sample[1] for sample in watch.samples)
        growth = memory[1] - memory[0]
        print(f"{cells} cells in one run of {name}: {seconds:.0f} s; memory {memory[0] / 2**20:.1f} → {memory[1] / 2**20:.1f} MiB "
              f"(second → last quarter, {growth / 512 / cells:+.1f} KiB a cell), descriptors {descriptors[0]} → {descriptors[1]}, "
              f"at most {most}")
        if not self.sanitized and growth > MOST_BYTES_PER_CELL * cells / 2 + MEMORY_AT_RANDOM:
            self.problems.append(f"{name}: memory grows by {growth / 512 / cells:.0f} KiB a cell")
        if descriptors[1] > descriptors[0] + DESCRIPTORS_OF_A_CELL:
            self.problems.append(f"{name}: descriptors grow from {descriptors[0]} to {descriptors[1]}")
        # As many cells may be on their way out as run, one more until it is given up, and one waits for its job.
        if most > descriptors[1] + DESCRIPTORS_OF_A_CELL * (2 * self.jobs + 2) + DESCRIPTORS_OF_MAKING:
            self.problems.append(f"{name}: {most} descriptors at a time, {descriptors[1]} of which stay")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ordinary-user", action="store_true")
    parser.add_argument("--sanitized", action="store_true")
    options = parser.parse_args()
    processes.own_machine(benches.ROOT, options.bin)
    bench = benches.Bench(options.bin, options.ordinary_user)
    soak = Soak(bench, options.jobs, options.sanitized)
    but = {str(bench.work), benches.cache_dir(options.ordinary_user)}
    before = processes.footprint(but)
    try:
        soak.short_runs(options.cells // 2)
        soak.long_runs(options.cells - options.cells // 2)
        gone = processes.wait_until_nothing_lives(GONE_WITHIN_SECONDS)
        left = sorted(processes.footprint(but) - before) + (gone if isinstance(gone, list) else [])
    finally:
        bench.close()
    soak.problems += [f"left behind: {one}" for one in left]
    print(f"{soak.cells} cells: " + ", ".join(f"{count} {verdict}" for verdict, count in soak.verdicts.most_common()))
    print(*soak.problems, sep="\n")
    print("left behind: nothing" if not left else f"left behind: {len(left)}", f"problems: {len(soak.problems)}", sep="; ")
    sys.exit(1 if soak.problems else 0)


if __name__ == "__main__":
    main()
