#!/usr/bin/env python3
"""Runs random programs by Mishap's Starlark and by CPython, where the languages agree, and compares what they print.

  differential.py --bin DIR [--seconds N] [--programs N] [--first SEED] [--show SEED]

The programs are numbered; a number makes the same program each time. A program that prints something else, or fails in one language
only, is shown with both outputs, and the exit code is 1. With --seconds it goes on for so long; else --programs are tried, 4000 unless
told. --show prints one program and what both say of it.

What the languages do not have in common is in differential_parts/semantics.py.
"""
import argparse
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from differential_parts import generator, semantics  # noqa: E402 (found by the line above)

BATCH = 200
LONGEST_SECONDS = 120
MOST_SHOWN = 10


def starlark(binary, texts):
    """[(lines printed, "ok" or "failed", why)] of each program. None in place of what a crash or a hang left out."""
    try:
        done = subprocess.run([binary], input="\n---\n".join(texts), capture_output=True, text=True, timeout=LONGEST_SECONDS,
                              encoding="utf-8", errors="surrogateescape")
        output = done.stdout
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode("utf-8", "surrogateescape")
    results, lines = [], []
    for line in output.split("\n"):
        if line.startswith("\x01"):
            state, _, why = line[1:].partition(": ")
            results.append(("\n".join(lines), state, why))
            lines = []
        else:
            lines.append(line)
    return results + [None] * (len(texts) - len(results))


def difference(ours, theirs):
    """What is wrong with the first of the outputs of one program, or None."""
    if ours is None:
        return "no answer: a crash or a hang, here or in the program before"
    printed, state, _ = ours
    lines, expected_state, _ = theirs
    expected = "\n".join(lines)
    if expected_state == "skipped":
        return None if printed.startswith(expected) else "something else is printed"
    if state != expected_state:
        return f"{state} instead of {expected_state}"
    return None if printed == expected else "something else is printed"


def describe(seed, text, ours, theirs):
    printed, state, why = ours or ("", "no answer", "")
    lines, expected_state, expected_why = theirs
    numbered = "\n".join(f"{number:4} {line}" for number, line in enumerate(text.split("\n"), 1))
    return (f"--- program {seed}\n{numbered}\n--- Starlark: {state} {why}\n{printed}\n"
            f"--- Python: {expected_state} {expected_why}\n" + "\n".join(lines))


class Tally:
    def __init__(self):
        self.programs = self.expressions = self.failed = self.skipped = self.differ = 0

    def __str__(self):
        return (f"{self.programs} programs, {self.expressions} expressions: {self.differ} differ; "
                f"{self.failed} fail in both languages, {self.skipped} compared in part")


def run_batch(binary, seeds, tally):
    made = [generator.program(seed) for seed in seeds]
    for seed, (text, expressions), ours in zip(seeds, made, starlark(binary, [text for text, _ in made])):
        theirs = semantics.run(text)
        tally.programs += 1
        tally.expressions += expressions
        tally.failed += theirs[1] == "failed"
        tally.skipped += theirs[1] == "skipped"
        problem = difference(ours, theirs)
        if problem is None:
            continue
        tally.differ += 1
        if tally.differ <= MOST_SHOWN:
            print(f"=== {problem}\n{describe(seed, text, ours, theirs)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--programs", type=int, default=4000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--show", type=int)
    options = parser.parse_args()
    sys.set_int_max_str_digits(0)
    binary = f"{options.bin}/chunks"
    if options.show is not None:
        text, _ = generator.program(options.show)
        print(describe(options.show, text, starlark(binary, [text])[0], semantics.run(text)))
        return 0
    tally = Tally()
    start = time.monotonic()
    seed = options.first
    while time.monotonic() - start < options.seconds if options.seconds else tally.programs < options.programs:
        size = BATCH if options.seconds else min(BATCH, options.programs - tally.programs)
        run_batch(binary, range(seed, seed + size), tally)
        seed += size
    print(tally)
    return 1 if tally.differ else 0


if __name__ == "__main__":
    sys.exit(main())
