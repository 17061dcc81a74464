"""Runs mishap on a terminal of its own, and what tests that do so have in common."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

import bench as benches
import processes

CTRL_C = b"\x03"
PATIENCE_SECONDS = 15
GONE_WITHIN_SECONDS = 5


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := condition()):
        check(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.005)
    return result


class TerminalRun:
    """mishap on a terminal."""

    def __init__(self, bench, args, echo=False, **environment):
        self.args = args
        self.output = b""
        begun, begins = os.pipe()  # closed when mishap begins
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            # Ctrl-C must neither show as ^C nor throw away what was printed before. Who edits lines echoes by itself, where it may.
            attributes = termios.tcgetattr(0)
            attributes[3] = attributes[3] | termios.NOFLSH if echo else (attributes[3] | termios.NOFLSH) & ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, attributes)
            os.chdir(bench.work)
            command = bench.command(args)
            os.execvpe(command[0], command, {**bench.environment(), "TERM": "dumb", **environment})
        os.close(begins)
        os.read(begun, 1)
        os.close(begun)

    def press_ctrl_c(self):
        self.type(CTRL_C)

    def type(self, keys):
        os.write(self.terminal, keys)

    def set_size(self, rows, columns):
        """As a window that changes its size does; the kernel sends SIGWINCH."""
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for_text(self, text):
        """Everything up to and with `text`, which is taken off the output."""
        wait_for(lambda: text in self.output or self.read_for(0.05) or text in self.output, f"{text!r} in {self.output!r}")
        check(text in self.output, f"the run ended without {text!r}; it said\n{self.output.decode(errors='replace')}")
        end = self.output.index(text) + len(text)
        said, self.output = self.output[:end], self.output[end:]
        return said.decode(errors="replace").replace("\r\n", "\n")

    def read_for(self, seconds):
        """True at the end of the output."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self.terminal, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            return True
        self.output += chunk
        return not chunk

    def finish(self):
        """Exit code and text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.read_for(0.1):
            check(time.monotonic() < deadline, f"the run does not end; so far it said\n{self.output.decode()}")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status), self.output.decode(errors="replace").replace("\r\n", "\n")


def check_gone():
    alive = processes.wait_until_nothing_lives(GONE_WITHIN_SECONDS)
    check(not isinstance(alive, list), f"still alive: {alive}")


def run_cases(cases, run_case):
    """main() of a test: run_case(bench, name, approve) raises Failed, and nothing may be left on the machine afterwards."""
    options = benches.arguments(cases)
    processes.own_machine(benches.ROOT, options.bin)
    bench = benches.Bench(options.bin, options.ordinary_user)
    failed = 0
    try:
        before = processes.footprint({str(bench.work)})
        for name in options.cases:
            try:
                run_case(bench, name, options.approve)
                left = processes.footprint({str(bench.work)}) ^ before
                check(not left, f"left behind: {sorted(left)}")
            except Failed as failure:
                failed += 1
                print(f"--- {name}\n{failure}", flush=True)
    finally:
        bench.close()
    print(f"{len(options.cases) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
