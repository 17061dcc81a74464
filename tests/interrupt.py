#!/usr/bin/env python3
"""Presses Ctrl-C, as a terminal sends it, while mishap runs, and compares what is said with approved text.

  interrupt.py --bin DIR [--ordinary-user] [--approve] [CASE…]

The run has a terminal of its own, so Ctrl-C goes to every process of its foreground group. Once: the run ends with its summary and
its documents, what did not run is counted as such, exit code 130. Twice: it stops at once. Neither services nor workers may be hit.
"""
import json
import os
import pathlib
import signal
import time
import xml.etree.ElementTree

import bench as benches
import processes
from terminal import TerminalRun, check, check_gone, run_cases, wait_for

def is_pending(pid, number):
    """Whether the process has been sent that signal and has not taken it yet."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("ShdPnd:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def stop(run):
    """The coordinator stands still. While it has yet to get there, signals sent meanwhile would still reach its handlers."""
    os.kill(run.pid, signal.SIGSTOP)
    wait_for(lambda: processes.Process(pathlib.Path(f"/proc/{run.pid}/stat").read_text()).state == "T", "the stop of the coordinator")


def documents(bench):
    return ["--output", str(bench.work / "home" / "run.json"), "--junit", str(bench.work / "home" / "run.xml")]


def check_documents(bench, not_run):
    """Both documents exist and call the same tests not run."""
    document = json.loads((bench.work / "home" / "run.json").read_text())
    named = sorted(test["name"] for test in document["tests"] if test["result"] == "not_run")
    check(named == not_run and document["not_run"] == len(not_run), f"not_run in the JSON document: {named}")
    suite = xml.etree.ElementTree.parse(bench.work / "home" / "run.xml").getroot()
    skipped = sorted(case.get("name") for case in suite.iter("testcase") if case.find("skipped") is not None)
    check(skipped == not_run, f"skipped in the JUnit document: {skipped}")


def ready_services(run, count):
    """Services whose programs listen or wait: all threads of theirs sleep."""
    found = [p for p in processes.services(run.pid) if p.state == "S"]
    return found if len(found) >= count else None


WAITING = ["test", "specs/waiting.star", "--seed", "1"]
ALL_WAITING = ["test_matrix_wait_denied", "test_matrix_wait_slow", "test_wait"]


def preparing(bench):
    """While the data directory of a database is made."""
    run = TerminalRun(bench, ["test", "examples/user-api/user_api.star", "--seed", "1", "--jobs", "2", "--image",
                              "user-api:latest=bin/user_api_careful", *documents(bench)],
                      MISHAP_CACHE_DIR=str(bench.work / "home" / "cold"))
    wait_for(lambda: [p for p in processes.living_below(run.pid) if p.comm == "initdb"], "initdb")
    run.press_ctrl_c()
    code, text = run.finish()
    check_documents(bench, sorted(["test_create_user", "test_get_user", *(
        f"test_matrix_{cell}" for cell in ("create_user_db_down", "create_user_disk_full", "create_user_insert_fails",
                                           "get_user_cache_down", "get_user_cache_slow"))]))
    left = [str(path) for path in (bench.work / "home" / "cold").rglob("*.tmp.*")]
    check(not left, f"left in the cache: {left}")
    return run, code, text


def starting(bench):
    """While a service starts."""
    run = TerminalRun(bench, ["test", "specs/never_ready.star", "--seed", "1", "--jobs", "1", *documents(bench)])
    wait_for(lambda: ready_services(run, 1), "the service")
    run.press_ctrl_c()
    code, text = run.finish()
    check_documents(bench, ["test_never"])
    return run, code, text


def body(bench):
    """In a body, after a test has passed: what is done counts."""
    run = TerminalRun(bench, [*WAITING, "--jobs", "1", *documents(bench), "--test", "quick", "--test", "wait"])
    wait_for(lambda: run.read_for(0.01) or b"PASS" in run.output, "the first test")
    wait_for(lambda: ready_services(run, 1), "the service of the second")
    run.press_ctrl_c()
    code, text = run.finish()
    check_documents(bench, ["test_wait"])
    return run, code, text


def parallel(bench):
    """Two cells at a time; a third has not begun."""
    run = TerminalRun(bench, [*WAITING, "--jobs", "2", *documents(bench), "--test", "*wait*"])
    wait_for(lambda: ready_services(run, 2), "two services")
    run.press_ctrl_c()
    code, text = run.finish()
    check_documents(bench, ALL_WAITING)
    return run, code, text


def living(run):
    """All processes below the coordinator, once none comes or goes: the next cell is made meanwhile, with a process in between."""
    def same_for_a_while():
        first = {p.identity() for p in processes.living_below(run.pid)}
        time.sleep(0.2)
        return first if first == {p.identity() for p in processes.living_below(run.pid)} else None
    return wait_for(same_for_a_while, "processes that stay")


def unhit(bench):
    """Only the coordinator gets the signal: while it is stopped and cannot end its cells, all of them live on."""
    run = TerminalRun(bench, [*WAITING, "--jobs", "2", "--test", "*wait*"])
    wait_for(lambda: ready_services(run, 2), "two services")
    stop(run)
    before = living(run)
    run.press_ctrl_c()
    time.sleep(0.3)
    after = {p.identity() for p in processes.living_below(run.pid)}
    os.kill(run.pid, signal.SIGCONT)
    check(before == after, f"Ctrl-C hit {before - after}")
    code, text = run.finish()
    return run, code, text


def twice(bench):
    """The second time while the summary of the first cannot be printed, because nobody reads the terminal."""
    names = "\n".join(f"def test_{n:04}():\n    sleep(\"20s\")\n" for n in range(2000))
    (bench.work / "specs" / "many.star").write_text((bench.work / "specs" / "tiny.star").read_text() + names)
    for document in ("run.json", "run.xml"):
        (bench.work / "home" / document).unlink(missing_ok=True)
    run = TerminalRun(bench, ["test", "specs/many.star", "--seed", "1", "--jobs", "2", "--test", "test_0*", *documents(bench)])
    wait_for(lambda: ready_services(run, 2), "two services")
    run.press_ctrl_c()
    wait_for(lambda: not processes.workers(run.pid), "the end of the cells")
    time.sleep(0.3)  # it prints, and stands
    run.press_ctrl_c()
    _, status = os.waitpid(run.pid, 0)
    os.close(run.terminal)
    written = [name for name in ("run.json", "run.xml") if (bench.work / "home" / name).exists()]
    check(not written, f"stopped at once, but {written} were written")
    return run, os.waitstatus_to_exitcode(status), ""


def twice_while_cells_run(bench):
    """Both at once for a coordinator that could notice neither: the cells end with it."""
    run = TerminalRun(bench, [*WAITING, "--jobs", "2", *documents(bench), "--test", "*wait*"])
    wait_for(lambda: ready_services(run, 2), "two services")
    stop(run)
    # Two signals of one kind would be one while the process is stopped; SIGTERM means the same.
    os.kill(run.pid, signal.SIGTERM)
    run.press_ctrl_c()
    wait_for(lambda: is_pending(run.pid, signal.SIGINT), "the signal of Ctrl-C")
    os.kill(run.pid, signal.SIGCONT)
    code, text = run.finish()
    return run, code, text


CASES = {f"interrupt-{case.__name__.replace('_', '-')}": case
         for case in (preparing, starting, body, parallel, unhit, twice, twice_while_cells_run)}


def run_case(bench, name, approve):
    run, code, text = CASES[name](bench)
    check(code == 130, f"exit code {code}, want 130\n{text}")
    check_gone()
    shown = " ".join(run.args).replace(str(bench.work), "WORK")
    text = f"$ mishap {shown}\n^C\n{benches.masked(text)}[exit {code}]\n"
    different = benches.differences(name, text, approve)
    check(not different, "\n".join(different))


run_cases(CASES, run_case)
