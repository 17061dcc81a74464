"""The interpreter beside CPython: the programs of bench/starlark/, which are programs of both languages."""
import os
import resource
import subprocess
import sys
import time

from common import HERE, Figure, note

PROGRAMS = HERE / "starlark"
# name, what it is, the largest ratio of times that is wanted
TARGETS = [
    ("fib_27", "fib(27), 20 times", 0.5),
    ("fib_33", "fib(33)", 0.5),
    ("integers", "12 M integer steps", 0.5),
    ("comprehensions", "list and dict comprehensions", 0.5),
    ("dict_counts", "2.5 M counts in a dict", 0.5),
    ("strings", "append, join, split, startswith", 0.5),
    ("concatenation", "s += t", 0.5),
    ("calls", "6 M calls with all kinds of arguments", 0.5),
    ("big_integers", "big integers", 1.0),
    ("sorting", "sort 400 k three times", 1.0),
    ("floats", "9 M float steps", 0.5),
]


def run(command):
    """Bytes at the peak of one run, and what it printed. `time` forks the program from a small process:
    Linux counts what a process was before exec as its peak, too."""
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return int(done.stderr.split()[-1]) * 1024, done.stdout


def timed(command):
    """Seconds of processor time, and of the clock on the wall."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def spec_of_2000_lines(path):
    lines = []
    for i in range(250):
        lines += [f"def step_{i}(x, y = {i}):", "    total = x", "    for k in range(y):", "        if k % 3 == 0:",
                  f"            total += k * {i}", '    return {"name": "step-%d" % total, "values": [total, x, y]}', "",
                  f"table_{i} = struct(name = \"t{i}\", step = step_{i}, sizes = [n * {i} for n in range(3)])"]
    path.write_text("\n".join(lines) + "\n")


def measure(bench):
    python = [os.path.realpath(sys.executable), "-X", "int_max_str_digits=0", "-I", "-S"]
    ours = [str(bench.bin / "mishap"), "starlark", "run", "--recursion"]
    empty = str(PROGRAMS / "empty.star")
    against = "CPython " + sys.version.split()[0]
    figures = []
    starts = [(timed([*ours, empty]), timed([*python, empty])) for _ in range(3 * bench.rounds)]
    start_ours = sorted(mine[0] for mine, _ in starts)[len(starts) // 2]
    start_python = sorted(theirs[0] for _, theirs in starts)[len(starts) // 2]
    for name, what, target in TARGETS:
        note(what)
        program = str(PROGRAMS / f"{name}.star")
        (our_peak, our_text), (their_peak, their_text) = run([*ours, program]), run([*python, program])
        if our_text != their_text:
            sys.exit(f"{name}: {our_text!r}, but CPython says {their_text!r}")
        rounds = [(timed([*ours, program])[0] - start_ours, timed([*python, program])[0] - start_python) for _ in range(bench.rounds)]
        figures.append(Figure(what, "ms", [1e3 * mine for mine, _ in rounds], [1e3 * theirs for _, theirs in rounds], against,
                              target=target))
        figures.append(Figure(f"{what}: memory", "MiB", [our_peak / 2**20], [their_peak / 2**20], against, target=2.0))
    figures.append(Figure("starting up", "ms", [1e3 * mine[1] for mine, _ in starts], [1e3 * theirs[1] for _, theirs in starts], against,
                          judged="value", target=5.0))
    spec = bench.work / "two_thousand.star"
    spec_of_2000_lines(spec)
    loads = [(timed([*ours, str(spec)])[1], timed([*ours, empty])[1]) for _ in range(3 * bench.rounds)]
    figures.append(Figure("loading a file of 2,000 lines", "ms", [1e3 * full for full, _ in loads], [1e3 * bare for _, bare in loads],
                          "an empty one", judged="added", target=10.0))
    return figures
