"""What the families share: figures, and running mishap on a spec of theirs."""
import ast
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
from typing import Optional

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclasses.dataclass
class Figure:
    """One row. `ours` and `baseline` have a value for each round, taken right after each other, so that what disturbs the machine
    disturbs both; what is judged is the median of the rounds."""

    name: str
    unit: str
    ours: list
    baseline: Optional[list] = None
    against: str = ""  # what the baseline is
    judged: str = "ratio"  # "ratio" (to the baseline), "added" (the difference to it) or "value"
    target: Optional[float] = None  # at most; None: for information
    more_is_better: bool = False  # a throughput: the ratio is how many times slower

    def each(self):
        """What is judged, for each round."""
        if self.judged == "value" or self.baseline is None:
            return self.ours
        pairs = zip(self.ours, self.baseline)
        if self.judged == "added":
            return [ours - base for ours, base in pairs]
        return [base / ours if self.more_is_better else ours / base for ours, base in pairs]

    def judgement(self):
        return statistics.median(self.each())

    def verdict(self):
        if self.target is None:
            return ""
        return "met" if self.judgement() <= self.target else "MISSED"

    def judged_text(self, number):
        return f"{number:.2f}×" if self.judged == "ratio" and self.baseline is not None else f"{short(number)} {self.unit}"

    def cells(self):
        spread = sorted(self.each())
        baseline = f"{self.against} {short(statistics.median(self.baseline))}" if self.baseline else ""
        limit = "" if self.target is None else f"≤ {self.judged_text(self.target)}"
        sign = "+" if self.judged == "added" and self.judgement() >= 0 else ""
        judged = "" if self.judged == "value" else sign + self.judged_text(self.judgement())
        low, high = self.judged_text(spread[0]), self.judged_text(spread[-1])
        return [self.name, f"{short(statistics.median(self.ours))} {self.unit}", baseline, judged, f"{low} – {high}", limit,
                self.verdict()]


HEADINGS = ["figure", "ours", "baseline", "ours to baseline", "spread of the rounds", "target", ""]


def short(number):
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def table(figures):
    rows = [HEADINGS] + [figure.cells() for figure in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def markdown(figures):
    rows = [HEADINGS, ["---"] * len(HEADINGS)] + [figure.cells() for figure in figures]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


class Bench:
    """A folder with the specs, the programs they name and a free hand; `rounds` scales every family."""

    def __init__(self, bin_dir, work, rounds):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.work = pathlib.Path(work)
        self.rounds = rounds
        for spec in (HERE / "specs").iterdir():
            shutil.copy2(spec, self.work / spec.name)
        for spec in ("tiny.star", "faults.star"):
            shutil.copy2(ROOT / "tests/specs" / spec, self.work / spec)
        shutil.copy2(HERE / "programs/runner", self.work / "runner")
        for program in ("tiny_http", "bench_bare_notify", "bench_call_loop", "bench_stream", "bench_event_log"):
            shutil.copy2(self.bin / program, self.work / program)

    def program(self, name):
        return str(self.work / name)

    def mishap(self, *args, output=None, accept=(0,)):
        """Runs mishap; the document of --output when `output` names one. Returns (seconds, document or None)."""
        command = [str(self.bin / "mishap"), *args]
        if output:
            command += ["--output", str(self.work / output)]
        begin = time.perf_counter()
        done = subprocess.run(command, cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace")
        wall = time.perf_counter() - begin
        if done.returncode not in accept:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return wall, json.loads((self.work / output).read_text()) if output else None

    def timed(self, spec, test, settings):
        """Seconds that one test of a spec of ours took, and what it returned, as a Python value. `settings` is what the spec reads as
        settings.json."""
        (self.work / "settings.json").write_text(json.dumps(settings))
        wall, document = self.mishap("test", spec, "--test", test, "--seed", "1", "--jobs", "1", output="out.json")
        return wall, ast.literal_eval(document["tests"][0]["return_value"])

    def returned(self, spec, test, settings):
        return self.timed(spec, test, settings)[1]


def note(text):
    """Progress, for whoever waits."""
    print(f"  {text} …", file=sys.stderr, flush=True)


def load_average():
    return os.getloadavg()[0]
