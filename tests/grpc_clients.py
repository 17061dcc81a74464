#!/usr/bin/env python3
"""Real clients of gRPC and HTTP/2 on real servers, through a relay.

  grpc_clients.py --bin DIR [--only WORD] [--node-modules DIR]

Passing: each client asks each server straight, through the relay without rules, and through the relay with a rule that matches nothing;
all three must say the same.

Faults: what each client makes of each rule, as the table below says.

HTTP/2: h2load on nghttpd, with as many requests answered as were asked.

Skipped where grpcio is not there. grpc-js takes part where tools/setup_grpc_js has fetched it, or --node-modules names a folder with
@grpc/grpc-js and @grpc/proto-loader.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from relay import Relay, free_port

HERE = pathlib.Path(__file__).resolve().parent
NODE_MODULES = HERE.parent / "build/node/node_modules"
PYTHON = "/usr/bin/python3"  # the distribution's, which has the distribution's grpcio
HTTP2_PROGRAMS = ("h2load", "nghttpd")

# Act, its number, and what is told. A compressed answer of grpcio's server is asked for with every call.
ACTS = [
    ("unary", 0, "OK hello, head of the server, trailer of the server"),
    ("fail", 0, "INVALID_ARGUMENT as was asked: 100% ü"),
    ("list", 1000, "OK 1000"),
    ("collect", 1000, "OK 1000 of 1000000"),
    ("chat", 100, "OK 100"),
    ("large", 10, f"OK {10 << 20}"),
    ("many", 1000, "OK 1000"),
    ("gzip", 0, "OK 100000"),
    ("cancel", 0, "CANCELLED"),
    ("deadline", 0, "DEADLINE_EXCEEDED"),
]
NOTHING = "error method=/mishap.test.Peer/Nothing status=INTERNAL"

# Rule, act, number, what both clients tell. A reset may overtake, within a client, messages that came before it.
ECHO = "method=/mishap.test.Peer/Echo"
FAULTS = [
    (f"error {ECHO} status=UNAVAILABLE message=later", "unary", 0, "UNAVAILABLE"),
    ("error method=/mishap.test.Peer/* status=5", "unary", 0, "NOT_FOUND"),
    ("error method=* code=ResourceExhausted", "list", 5, "RESOURCE_EXHAUSTED after 0"),
    ("error status=PERMISSION_DENIED", "chat", 5, "PERMISSION_DENIED after 0"),
    ("error method=*/Collect status=ABORTED", "collect", 100, "ABORTED"),
    (f"error {ECHO} status=INVALID_ARGUMENT message=50%", "unary", 0, "INVALID_ARGUMENT 50%"),
    ("error method=*/List status=DATA_LOSS messages=3", "list", 5, "DATA_LOSS after 3"),
    ("error method=*/List status=DATA_LOSS messages=5", "list", 5, "DATA_LOSS after 5"),
    ("error method=*/List status=DATA_LOSS messages=6", "list", 5, "OK 5"),
    ("error method=*/Chat status=INTERNAL messages=2", "chat", 5, "INTERNAL after 2"),
    ("error metadata.x-special=y* status=INTERNAL", "unary", 0, "OK hello, head of the server, trailer of the server"),
    (f"drop {ECHO}", "unary", 0, "UNAVAILABLE"),
    (f"drop {ECHO} code=CANCEL", "unary", 0, "CANCELLED"),
    (f"drop {ECHO} code=INTERNAL_ERROR", "unary", 0, "INTERNAL"),
    (f"drop {ECHO} code=ENHANCE_YOUR_CALM", "unary", 0, "RESOURCE_EXHAUSTED"),
    (f"drop {ECHO} code=CONNECTION", "unary", 0, "UNAVAILABLE"),
    (f"drop {ECHO} code=GOAWAY", "unary", 0, "UNAVAILABLE"),
    ("drop method=*/List code=INTERNAL_ERROR messages=2", "list", 5, "INTERNAL …"),
    ("drop method=*/List messages=2", "list", 5, "UNAVAILABLE …"),
    (f"delay {ECHO} delay=100", "unary", 0, "OK hello, head of the server, trailer of the server"),
    (f"delay {ECHO} delay=5000", "deadline", 0, "DEADLINE_EXCEEDED"),
    (f"delay {ECHO} delay=400", "large", 10, f"OK {10 << 20}"),
    ("delay method=*/Chat delay=100", "chat", 20, "OK 20"),
    ("delay method=*/Collect delay=100", "collect", 1000, "OK 1000 of 1000000"),
]


class Server:
    """A program that prints `port N` once it listens. What it prints goes to a file, as nobody reads it meanwhile."""

    def __init__(self, command, environment):
        self.output = tempfile.NamedTemporaryFile("w")
        self.process = subprocess.Popen(command, stdout=self.output, env=environment)
        deadline = time.monotonic() + 30
        while not (lines := self.lines()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"{command}: it does not listen")
            time.sleep(0.02)
        self.port = int(lines[0].split()[1])

    def lines(self):
        with open(self.output.name) as text:  # with a place in the file of its own
            return [line.rstrip() for line in text if line.endswith("\n")]

    def end(self):
        """Ends it, and gives the lines that it printed after the first."""
        self.process.kill()
        self.process.wait()
        return self.lines()[1:]


class Peers:
    def __init__(self, bin_directory, work, node_modules):
        self.bin = bin_directory
        proto = HERE / "specs/peer.proto"
        subprocess.run(["protoc", "-I", proto.parent, f"--python_out={work}", proto], check=True)
        self.environment = dict(os.environ, PYTHONPATH=str(work), PYTHONIOENCODING="utf-8")
        script = HERE / "programs/grpc/peer.py"
        self.servers = {"libgrpc++": [bin_directory / "grpc_server", "0"], "grpcio": [PYTHON, script, "server", "0"]}
        self.clients = {"libgrpc++": [bin_directory / "grpc_client"], "grpcio": [PYTHON, script, "client"]}

        if node_modules:
            self.environment.update(NODE_PATH=str(node_modules.resolve()), PEER_PROTO=str(proto))
            self.servers["grpc-js"] = ["node", HERE / "programs/grpc/peer.js", "server", "0"]
            self.clients["grpc-js"] = ["node", HERE / "programs/grpc/peer.js", "client"]

    def serve(self, name):
        return Server(self.servers[name], self.environment)

    def ask(self, client, port, act, number):
        done = subprocess.run([*self.clients[client], f"127.0.0.1:{port}", act, str(number)], capture_output=True, text=True,
                              timeout=120, env=self.environment)
        return done.stdout.strip() or f"nothing; {done.stderr.strip()[-500:]}"


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, what, good, got):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"--- {what}: {got}", flush=True)


def try_passing(peers, report, only):
    for server_name in peers.servers:
        server = peers.serve(server_name)
        relay = Relay(peers.bin, "grpc", server.port, subprocess.DEVNULL)
        for client in peers.clients:
            for act, number, wanted in ACTS:
                name = f"{client} on {server_name}: {act}"
                if only not in name:
                    continue
                ways = {"straight": peers.ask(client, server.port, act, number)}
                ways["without rules"] = peers.ask(client, relay.port, act, number)
                relay.tell(NOTHING)
                ways["with a rule that matches nothing"] = peers.ask(client, relay.port, act, number)
                relay.tell("clear")
                for way, told in ways.items():
                    good = told.startswith(wanted) if act == "many" else told == wanted
                    report.expect(f"{name}, {way}", good, told)
        relay.end()
        server.end()


def try_faults(peers, report, only):
    for server_name in peers.servers:
        server = peers.serve(server_name)
        for client in peers.clients:
            for rule, act, number, wanted in FAULTS:
                name = f"{client} on {server_name}: {rule}, {act}"
                if only not in name:
                    continue
                relay = Relay(peers.bin, "grpc", server.port, subprocess.DEVNULL)
                relay.tell(rule)
                told = peers.ask(client, relay.port, act, number)
                report.expect(name, told == wanted or wanted.endswith("…") and told.startswith(wanted[:-1]), told)
                relay.end()
        server.end()


def try_one_of_many(peers, report, only):
    """One stream of a thousand is held, and the others are not."""
    for client in peers.clients:
        name = f"{client}: one of many is held"
        if only not in name:
            continue
        server = peers.serve("libgrpc++")
        relay = Relay(peers.bin, "grpc", server.port, subprocess.DEVNULL)
        relay.tell("delay metadata.x-special=yes delay=4000")
        told = peers.ask(client, relay.port, "many", 1000)
        found = re.fullmatch(r"OK 1000 special (\d+) others (\d+)", told)
        report.expect(name, found and int(found[1]) >= 4000 and int(found[2]) < 4000, told)
        relay.end()
        server.end()


def try_unreached(peers, report, only):
    """What a fault answers never reaches the server."""
    name = "the server does not see what is answered"
    if only not in name:
        return
    server = peers.serve("libgrpc++")
    relay = Relay(peers.bin, "grpc", server.port, subprocess.DEVNULL)
    for rule in (f"error {ECHO} status=NOT_FOUND", f"drop {ECHO} code=CANCEL", f"drop {ECHO}"):
        relay.tell(rule)
        peers.ask("grpcio", relay.port, "unary", 0)
        relay.tell("clear")
    peers.ask("grpcio", relay.port, "unary", 0)
    relay.end()
    lines = server.end()
    report.expect(name, lines == ["echo hello"], lines)


def h2load(port, *words):
    done = subprocess.run(["h2load", *words, f"http://127.0.0.1:{port}/page"], capture_output=True, text=True, timeout=120)
    found = re.search(r"(\d+) total.* (\d+) succeeded", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def try_http2(peers, report, only, work):
    name = "h2load on nghttpd"
    if only not in name or not all(shutil.which(program) for program in HTTP2_PROGRAMS):
        return
    (work / "page").write_text("x" * 20_000)
    port = free_port()
    server = subprocess.Popen(["nghttpd", "--no-tls", "-d", work, str(port)], stdout=subprocess.DEVNULL)
    relay = Relay(peers.bin, "http2", port, subprocess.DEVNULL)
    try:
        subprocess.run(["curl", "-s", "--retry", "50", "--retry-connrefused", "--retry-delay", "0", "--http2-prior-knowledge", "-o",
                        os.devnull, f"http://127.0.0.1:{port}/page"], check=True)
        for rule in ("", "error path=/nothing", "delay path=/page delay=20"):
            if rule:
                relay.tell(rule)
            got = h2load(relay.port, "-n", "2000", "-c", "4", "-m", "100")
            report.expect(f"{name}, {rule or 'no rule'}", got == (2000, 2000), got)
            relay.tell("clear")
        relay.tell("drop path=/page")
        got = h2load(relay.port, "-n", "200", "-c", "2", "-m", "10")
        report.expect(f"{name}, dropped", got == (200, 0), got)
    finally:
        relay.end()
        server.kill()
        server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--node-modules", type=pathlib.Path)
    options = parser.parse_args()
    if options.node_modules is None and NODE_MODULES.is_dir() and shutil.which("node"):
        options.node_modules = NODE_MODULES
    has_grpcio = subprocess.run([PYTHON, "-c", "import grpc, google.protobuf"], capture_output=True).returncode == 0
    if not has_grpcio:
        print("skipped: grpcio is not there")
        return
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        peers = Peers(options.bin.resolve(), work, options.node_modules)
        try_passing(peers, report, options.only)
        try_faults(peers, report, options.only)
        try_one_of_many(peers, report, options.only)
        try_unreached(peers, report, options.only)
        try_http2(peers, report, options.only, work)
    if options.node_modules is None:
        print("without grpc-js: it is not in build/node")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
