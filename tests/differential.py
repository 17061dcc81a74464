#!/usr/bin/env python3
"""Runs random programs by Mishap's Starlark and by CPython, where the languages agree, and compares what they print.

  differential.py --bin DIR [--seconds N] [--programs N] [--first NUMBER] [--show NUMBER]

The programs are numbered; a number makes the same program each time. A program that fails is tried again without the statement that
failed, and so on, a few times. One that prints something else, or fails in one language only, is shown with both outputs, and the exit
code is 1. With --seconds it goes on for so long, from a random number that is printed, or from --first; else --programs are tried, the
first 2500 unless told. --show prints one program and what both say of it.

What the languages do not have in common is in differential_parts/semantics.py.
"""
import argparse
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from differential_parts import generator, semantics  # noqa: E402 (found by the line above)

BATCH = 200
LONGEST_SECONDS = 120
MOST_SHOWN = 10
LONGEST_LINE = 500
MOST_VARIANTS = 5  # of a program


def starlark(binary, texts):
    """(lines printed, "ok" or "failed", why) of each program. None in place of one that crashed or did not end."""
    results = []
    while len(results) < len(texts):
        results += answers(binary, texts[len(results):])
        if len(results) < len(texts):
            results.append(None)
    return results


def answers(binary, texts):
    """Those of the first programs, up to one that gives none."""
    try:
        done = subprocess.run([binary], input="\n---\n".join(texts), capture_output=True, text=True, timeout=LONGEST_SECONDS,
                              encoding="utf-8", errors="surrogateescape")
        output = done.stdout
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode("utf-8", "surrogateescape")
    results, lines = [], []
    for line in output.split("\n"):
        end = re.fullmatch("\x01(?:(ok)|(failed): (.*))", line)
        if end:
            results.append(("\n".join(lines), end[1] or end[2], end[3] or ""))
            lines = []
        else:
            lines.append(line)
    return results


def difference(ours, theirs):
    """What is wrong with the first of the outputs of one program, or None."""
    if ours is None:
        return "no answer: a crash or a hang"
    printed, state, _ = ours
    lines, expected_state = theirs[:2]
    expected = "\n".join(lines)
    if expected_state == "skipped":
        return None if printed.startswith(expected) else "something else is printed"
    if state != expected_state:
        return f"{state} instead of {expected_state}"
    return None if printed == expected else "something else is printed"


def shortened(lines):
    return "\n".join(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…" for line in lines)


def describe(seed, text, ours, theirs):
    printed, state, why = ours or ("", "no answer", "")
    lines, expected_state, expected_why, _ = theirs
    numbered = "\n".join(f"{number:4} {line}" for number, line in enumerate(text.split("\n"), 1))
    return (f"--- program {seed}\n{numbered}\n--- Starlark: {state} {why}\n{shortened(printed.split(chr(10)))}\n"
            f"--- Python: {expected_state} {expected_why}\n{shortened(lines)}")


class Tally:
    def __init__(self):
        self.programs = self.runs = self.expressions = self.failed = self.skipped = self.differ = 0

    def __str__(self):
        return (f"{self.programs} programs, {self.expressions} expressions, {self.runs} runs: {self.differ} differ; "
                f"{self.failed} fail in both languages, {self.skipped} compared in part")


def variants(seed):
    """[(text, what CPython says of it)] of a program, then without its first statement that fails, and so on; how many expressions."""
    program = generator.Program(seed)
    result = []
    while len(result) < MOST_VARIANTS:
        theirs = semantics.run(program.text)
        result.append((program.text, theirs))
        if theirs[1] == "ok" or not program.leave_out(theirs[3]):
            break
    return result, program.expressions


def run_batch(binary, seeds, tally):
    made = []
    for seed in seeds:
        texts, expressions = variants(seed)
        made += [(seed, text, theirs) for text, theirs in texts]
        tally.programs += 1
        tally.expressions += expressions
    for (seed, text, theirs), ours in zip(made, starlark(binary, [text for _, text, _ in made])):
        tally.runs += 1
        tally.failed += theirs[1] == "failed"
        tally.skipped += theirs[1] == "skipped"
        problem = difference(ours, theirs)
        if problem is None:
            continue
        tally.differ += 1
        if tally.differ <= MOST_SHOWN:
            print(f"=== {problem}\n{describe(seed, text, ours, theirs)}\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--programs", type=int, default=2500)
    parser.add_argument("--first", type=int)
    parser.add_argument("--show", type=int)
    options = parser.parse_args()
    sys.set_int_max_str_digits(0)
    binary = f"{options.bin}/chunks"
    if options.show is not None:
        texts = variants(options.show)[0]
        for (text, theirs), ours in zip(texts, starlark(binary, [text for text, _ in texts])):
            print(describe(options.show, text, ours, theirs), "\n")
        return 0
    tally = Tally()
    start = time.monotonic()
    seed = options.first or (random.randrange(10**9) if options.seconds else 1)
    print(f"from program {seed} on", flush=True)
    while time.monotonic() - start < options.seconds if options.seconds else tally.programs < options.programs:
        size = BATCH if options.seconds else min(BATCH, options.programs - tally.programs)
        run_batch(binary, range(seed, seed + size), tally)
        seed += size
    print(tally)
    return 1 if tally.differ else 0


if __name__ == "__main__":
    sys.exit(main())
