#!/usr/bin/env python3
"""Types into `mishap shell` as a user at a terminal does.

  shell.py --bin DIR [--ordinary-user] [CASE…]
"""
import os
import signal
import termios

from terminal import TerminalRun, check, check_gone, run_cases, wait_for
import processes

PROMPT = b"(test_matrix_write_line_io_error) "
ARGS = ["shell", "specs/faults.star", "--test", "matrix_write_line_io_error", "--seed", "1"]


def open_shell(bench, args=ARGS, prompt=PROMPT, **variables):
    run = TerminalRun(bench, args, SHELL="/bin/bash", HISTFILE="", **variables)
    run.set_size(33, 101)
    run.wait_for_text(prompt)
    run.wait_for_text(b"$ ")
    return run


def command(run, line):
    """What a command prints, and around it what the shell shows of the line as it is typed."""
    run.type(line.encode() + b"; echo end-$((20 + 3))\n")
    return run.wait_for_text(b"end-23\r\n")


def modes(run):
    """Without the character counts, which mean nothing outside of raw mode."""
    return termios.tcgetattr(run.terminal)[:4]


def terminal(bench):
    """Job control, the window's size and its changes, and the exit code."""
    run = open_shell(bench)
    said = command(run, "tty")
    check("/dev/pts/" in said, f"the shell has no terminal: {said!r}")
    check("33 101\n" in command(run, "stty size"), "the shell does not know the size of the window")
    run.set_size(44, 55)
    wait_for(lambda: "44 55\n" in command(run, "stty size"), "the new size of the window")
    said = command(run, "sleep 100 | sleep 100 & kill %1; wait; jobs -l")
    check("no job control" not in said and "[1]" in said, f"no job control: {said!r}")
    check("test_matrix_write_line_io_error\n" in command(run, "echo $MISHAP_CELL"), "not in the cell")
    run.type(b"exit 7\n")
    code, text = run.finish()
    check(code == 7, f"exit code {code}, want 7\n{text}")


def ctrl_c(bench):
    """It is for what runs in the shell, not for mishap."""
    run = open_shell(bench)
    run.type(b"sleep 100\n")
    wait_for(lambda: [p for p in processes.living_below(run.pid) if p.comm == "sleep"], "the program")
    run.press_ctrl_c()
    run.wait_for_text(PROMPT)
    run.wait_for_text(b"$ ")
    check("130\n" in command(run, "echo $?"), "the program was not interrupted")
    run.wait_for_text(PROMPT)  # before it, the shell's terminal would take the key for itself
    run.type(b"\x04")  # the end of the input
    code, text = run.finish()
    check(code == 0, f"exit code {code}, want 0\n{text}")


def terminated(bench):
    """A signal ends the cell, and the terminal is as it was before."""
    run = TerminalRun(bench, ARGS, SHELL="/bin/bash", HISTFILE="")
    before = modes(run)
    run.wait_for_text(PROMPT)
    wait_for(lambda: modes(run) != before, "the terminal's raw mode")
    os.kill(run.pid, signal.SIGTERM)
    wait_for(lambda: modes(run) == before, "the terminal's old mode")
    code, text = run.finish()
    check(code == 130, f"exit code {code}, want 130\n{text}")


def trust(bench):
    """Programs in the cell trust what speaks TLS there, whomever the user's own environment trusts."""
    run = open_shell(bench, ["shell", "specs/tls_alone.star", "--seed", "1"], b"(test_is_trusted) ",
                     CURL_CA_BUNDLE="/nowhere")
    said = command(run, "curl -sS --http1.1 https://localhost:8443/step")
    check("/step TLSv1.3" in said, f"curl does not trust the service: {said!r}")
    check("/tmp/mishap-tls/ca.pem\n" in command(run, "echo $MISHAP_CA_FILE"), "no MISHAP_CA_FILE")
    run.type(b"exit\n")
    code, text = run.finish()
    check(code == 0, f"exit code {code}, want 0\n{text}")


CASES = {f"shell-{case.__name__.replace('_', '-')}": case for case in (terminal, ctrl_c, terminated, trust)}


def run_case(bench, name, _approve):
    CASES[name](bench)
    check_gone()


run_cases(CASES, run_case)
