#!/usr/bin/env python3
"""Gives mishap wrong specs and wrong command lines, and compares what a user is told, word by word.

  wrong.py --bin DIR [--approve] [--only TEXT]

The cases are in tests/wrong/*.txt, several a file:

  === a word that nothing is called            the case; names are unique in their file
  --- spec.star                                a file it needs, its text in the lines below
  x = srevice("db")
  $ mishap check spec.star                     the command line, in the directory of the files
  spec.star:1:5: error: undefined: srevice     what it says, on stdout and stderr
  [exit 1]

After the name of a file may stand: `escaped` (its text has \\n, \\x00 and the like, and no line ends but those), `times=N` (its text so
often), `mode=000`, `-> TARGET` (a symbolic link). A name that ends in / is a directory. `$~ mishap …` runs cells, so what changes from
run to run is masked as in end_to_end.py; all else is compared as it is. Lines before the first case are remarks.

--approve rewrites what was said; read the difference before committing it. Everything runs as an ordinary user, because root can
read what nobody else can.
"""
import argparse
import concurrent.futures
import difflib
import functools
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

from bench import HERE, NOBODY, Bench, masked

CORPUS = HERE / "wrong"
LONGEST_SECONDS = 30
MOST_MEMORY_BYTES = 3 << 30  # nothing here needs so much; what asks for it must not take the machine along


class Case:
    """One chunk of a corpus file: `given` is its text up to the command line, `said` what is expected."""

    def __init__(self, lines):
        self.name = lines[0].removeprefix("=== ").strip()
        at = next((i for i, line in enumerate(lines) if line.startswith(("$ mishap", "$~ mishap"))), None)
        if at is None:
            sys.exit(f"{self.name}: no line that starts with $ mishap")
        self.given, self.said = lines[:at + 1], lines[at + 1:]
        marker, *self.args = shlex.split(lines[at])[0:1] + shlex.split(lines[at])[2:]
        self.runs_cells = marker == "$~"
        self.files = []
        for line in lines[1:at]:
            if line.startswith("--- "):
                self.files.append((line.removeprefix("--- ").split(), []))
            elif self.files:
                self.files[-1][1].append(line)

    def make_files(self, directory):
        """Modes come last, so that what lies in a closed directory can be made."""
        modes = []
        for (name, *words), lines in self.files:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if words[:1] == ["->"]:
                path.symlink_to(words[1])
                continue
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content(lines, words))
            modes += [(path, int(word[5:], 8)) for word in words if word.startswith("mode=")]
        return modes

    def text(self, said):
        return "".join(line + "\n" for line in [*self.given, *said])


def content(lines, words):
    text = "".join(line + "\n" for line in lines)
    data = text.encode()
    if "escaped" in words:
        data = text.rstrip("\n").encode().decode("unicode_escape").encode("latin-1")
    times = next((int(word[6:]) for word in words if word.startswith("times=")), 1)
    return data * times


def read_corpus(path):
    remarks, chunks = [], []
    for line in path.read_text().splitlines():
        if line.startswith("=== "):
            chunks.append([])
        (chunks[-1] if chunks else remarks).append(line)
    cases = [Case([*chunk]) for chunk in chunks]
    for case in cases:
        while case.said and not case.said[-1]:
            case.said.pop()
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"{path.name}: more than one case is called {', '.join(sorted(twice))}")
    return remarks, cases


def give_to(directory, modes):
    """The files belong to the user that mishap runs as."""
    if os.getuid() == 0:
        for path in [directory, *directory.rglob("*")]:
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
    for path, mode in modes:
        path.chmod(mode)


@functools.cache
def memory_limit(bench):
    """None for a build with a sanitizer: its shadow memory alone is more address space than the limit."""
    code, _ = bench.run(["--version"], memory_bytes=MOST_MEMORY_BYTES)
    return MOST_MEMORY_BYTES if code == 0 else None


def answer(bench, path, case):
    """What mishap says to the case, as the lines of a corpus file."""
    directory = bench.work / "cases" / path.stem / case.name.replace("/", "_").replace(" ", "_")
    directory.mkdir(parents=True)
    if case.runs_cells:
        shutil.copy2(bench.bin / "tiny_http", directory)
    give_to(directory, case.make_files(directory))
    limit = memory_limit(bench)
    # A sanitizer takes its time over a gigabyte of values.
    longest = LONGEST_SECONDS if limit else 10 * LONGEST_SECONDS
    try:
        code, output = bench.run(case.args, cwd=directory, timeout=longest, memory_bytes=limit)
    except subprocess.TimeoutExpired:
        return [f"[no answer within {longest} seconds]"]
    output = output.replace(str(directory), "DIR").replace(str(bench.work), "WORK")
    if case.runs_cells:
        output = masked(output)
    lines = [line.rstrip() for line in output.replace("\0", "\\0").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return [*lines, f"[exit {code}]"]


def run_file(bench, pool, path, options):
    """The number of cases and of those that were answered differently."""
    remarks, cases = read_corpus(path)
    wanted = [case for case in cases if options.only in case.name]
    answers = dict(zip((case.name for case in wanted), pool.map(lambda case: answer(bench, path, case), wanted)))
    if options.approve:
        text = "".join(line + "\n" for line in remarks)
        text += "\n".join(case.text(answers.get(case.name, case.said)) for case in cases)
        path.write_text(text)
        return len(wanted), 0
    failed = 0
    for case in wanted:
        if answers[case.name] == case.said:
            continue
        failed += 1
        print(f"--- {path.name}: {case.name}")
        print(*difflib.unified_diff(case.said, answers[case.name], "approved", "now", lineterm=""), sep="\n")
    return len(wanted), failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--approve", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    options = parser.parse_args()
    total = failed = 0
    bench = Bench(options.bin, ordinary_user=os.getuid() == 0)
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for path in sorted(CORPUS.glob("*.txt")):
                count, different = run_file(bench, pool, path, options)
                total += count
                failed += different
    finally:
        bench.close()
    print(f"{total - failed} passed, {failed} failed")
    sys.exit(1 if failed or total == 0 else 0)


main()
