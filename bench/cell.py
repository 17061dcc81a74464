"""What a cell costs besides its service, what a network of its own costs a service, loading a spec, and a whole matrix against the ideal."""
import resource
import socket
import statistics
import subprocess
import time

from common import ROOT, Figure, note

CELLS = 20
JOBS = 2
SCENARIO_SECONDS = 0.05  # what a scenario of specs/matrix.star waits


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port):
    """Whether the service answered one GET."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return s.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def processor_ms():
    """Processor time of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def by_hand(bench):
    """Milliseconds from the start of the service to its end, with the healthcheck and the request of a cell between."""
    port = free_port()
    begin = time.perf_counter()
    service = subprocess.Popen([bench.program("tiny_http"), str(port)])
    while not ask(port):
        time.sleep(0.001)
    ask(port)
    service.kill()
    service.wait()
    return (time.perf_counter() - begin) * 1000


def cell(bench, spec="tiny.star"):
    """Milliseconds of one more cell in a run, by the clock and by the processors."""
    def run(count):
        before = processor_ms()
        image = f"tiny:latest={bench.program('tiny_http')}"
        wall, _ = bench.mishap("test", spec, "--runs", str(count), "--jobs", "1", "--seed", "1", "--image", image)
        return wall * 1000, processor_ms() - before
    many, one = run(CELLS + 1), run(1)
    return [(of_many - of_one) / CELLS for of_many, of_one in zip(many, one)]


def three_services(bench, name, source):
    """A spec of three services that are not asked anything but whether they are ready."""
    text = "".join(f"""
s{i} = service("s{i}", interface("main", "http", {8080 + i}), {source}, args = ["{8080 + i}"],
    healthcheck = http("localhost:{8080 + i}/health"))""" for i in range(3))
    (bench.work / name).write_text(text + """
def test_hello():
    assert_eq(s0.main.get(path = "/").status, 200)
""")


def long_spec(bench):
    lines = (ROOT / "tests/specs/faults.star").read_text().splitlines()
    lines += [f"def helper_{i}(x): return [x + {i} for y in range(3) if y != {i}]" for i in range(500 - len(lines))]
    (bench.work / "long.star").write_text("\n".join(lines) + "\n")


def measure(bench):
    figures = []
    note("cells")
    hand, hand_processor, cells = [], [], []
    for _ in range(bench.rounds):
        before = processor_ms()
        hand.append(statistics.median(by_hand(bench) for _ in range(CELLS)))
        hand_processor.append((processor_ms() - before) / CELLS)
        cells.append(cell(bench))
    walls, processor = zip(*cells)
    figures.append(Figure("a cell: a tiny service, one GET", "ms", walls, hand, "by hand", judged="added", target=5))
    figures.append(Figure("a cell, processor time alone", "ms", processor, hand_processor, "by hand", judged="added"))

    note("networks")
    three_services(bench, "images.star", 'image = "tiny:latest"')
    three_services(bench, "binaries.star", f'binary = "{bench.program("tiny_http")}"')
    images, binaries = [], []
    for _ in range(bench.rounds):
        binaries.append(cell(bench, "binaries.star")[0])
        images.append(cell(bench, "images.star")[0])
    figures.append(Figure("a cell of three images, each with its own network", "ms", images, binaries, "of three binaries", judged="added"))

    note("loading")
    long_spec(bench)
    # The program of mishap itself, with nothing to do.
    nothing = [bench.mishap("--version")[0] * 1000 for _ in range(bench.rounds)]
    loads = [statistics.median(bench.mishap("check", "long.star")[0] * 1000 for _ in range(3)) for _ in range(bench.rounds)]
    figures.append(Figure("check of a spec of 500 lines, program start included", "ms", loads, judged="value", target=20))
    figures.append(Figure("start of the program alone", "ms", nothing, judged="value"))

    note("a matrix of 100 cells")
    walls, ideals = [], []
    for _ in range(max(1, bench.rounds // 2)):
        ideals.append(100 * (statistics.median(by_hand(bench) for _ in range(CELLS)) / 1000 + SCENARIO_SECONDS) / JOBS)
        walls.append(bench.mishap("test", "matrix.star", "--jobs", str(JOBS), "--seed", "1")[0])
    figures.append(Figure(f"matrix of 100 cells of 50 ms, {JOBS} jobs", "s", walls, ideals, "by hand in parallel", target=None))
    return figures
