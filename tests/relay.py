"""A relay outside of a cell, for trying real clients on real servers."""
import socket
import subprocess
import sys


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Relay:
    """The relay of tests/programs outside of a cell, for trying real clients; its events go to the file `events`."""

    def __init__(self, bin_directory, protocol, upstream_port, events):
        self.process = subprocess.Popen([bin_directory / "relay", protocol, f"127.0.0.1:{upstream_port}"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=events)
        self.port = int(self.process.stdout.readline())

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline().strip()
            if line == "ok":
                return lines
            if not line or line.startswith("error:"):
                sys.exit(f"relay: {command}: {line or 'it ended'}")
            lines.append(line)

    def end(self):
        self.process.stdin.close()
        if self.process.wait(10) != 0:
            sys.exit(f"the relay ended with {self.process.returncode}")
