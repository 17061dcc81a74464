#!/usr/bin/env python3
"""Runs mishap on real services and compares what a user sees with approved text.

  end_to_end.py --bin DIR [--ordinary-user] [--approve] [CASE…]

A case is a command line, its exit code, and the approved output tests/approved/CASE.txt, in which what changes from run to run
(times, seeds, versions, process ids) is masked. --approve writes the files instead; read the difference before committing it.
"""
import argparse
import difflib
import json
import sys

from bench import HERE, Bench, masked


def test(spec, *more):
    return ["test", spec, "--seed", "1", "--jobs", "2", *more]


CAREFUL = ["--image", "user-api:latest=bin/user_api_careful"]
CARELESS = ["--image", "user-api:latest=bin/user_api_careless"]

PATTERN = ["specs/api_database_cache.star", "--image", "myapp:latest=bin/user_api_careful"]
CARELESS_PATTERN = ["specs/api_database_cache.star", "--image", "myapp:latest=bin/user_api_careless"]


def one_by_one(*words):
    """In an order that does not depend on the machine."""
    return ["test", *words, "--seed", "1", "--jobs", "1"]


CASES = {
    "help": (["--help"], 0),
    "unknown-command": (["tets"], 1),
    "check-example": (["check", "examples/user-api/user_api.star"], 0),
    "check-faults": (["check", "specs/faults.star"], 0),
    "dry-run": (["test", "specs/faults.star", "--dry-run"], 0),
    "no-such-spec": (["test", "specs/nowhere.star"], 1),
    "no-such-test": (test("specs/faults.star", "--test", "write_lime"), 1),
    "no-such-program": (test("examples/user-api/user_api.star"), 1),
    "tiny": (test("specs/tiny.star"), 0),
    "grid": (["test", "specs/faults.star", "--seed", "1", "--jobs", "1"], 0),
    "failures": (["test", "specs/monitors.star", "--seed", "1", "--jobs", "1", "--test", "~leaking|raises|halts|hangs"], 2),
    "bad-protocol": (["check", "specs/errors.star"], 1),
    "bad-syntax": (["check", "specs/syntax.star"], 1),
    "bad-name": (["check", "specs/undefined.star"], 1),
    "example-careful": (one_by_one("examples/user-api/user_api.star", *CAREFUL), 0),
    "example-careless": (one_by_one("examples/user-api/user_api.star", *CARELESS), 2),
    "check-pattern": (["check", "specs/api_database_cache.star"], 0),
    # Whether the database writes by itself while it is slow or its disk full is its own affair, so those cells are left out.
    "pattern-careful": (one_by_one(*PATTERN, "--test",
                                   "~test_(health|get_user|create_user)$|_(db_down|cache_down|insert_fail)$|create_user_disk_full"), 0),
    "pattern-careless": (one_by_one(*CARELESS_PATTERN, "--test",
                                    "~create_user_(db_down|disk_full|insert_fail)|get_user_cache_down"), 2),
    "chatty": (test("specs/chatty.star"), 2),
    "shell": (["shell", "specs/faults.star", "--test", "matrix_write_line_io_error", "--seed", "1", "--", "sh", "-c",
               "echo in $MISHAP_CELL; cat /etc/hosts; kill -9 $$"], 137),
    "shell-no-program": (["shell", "specs/tiny.star", "--", "no-such-program"], 127),
    "shell-which": (["shell", "specs/faults.star", "--test", "~body|trace"], 1),
    "shell-cannot-start": (["shell", "specs/broken_service.star"], 1),
    "help-shell": (["shell", "--help"], 0),
    "login-refused": (test("specs/login_refused.star"), 2),
    "service-dies": (test("specs/broken_service.star"), 2),
}

# Cases of whole runs: the verdict of each test, instead of text.
VERDICTS = {
    "pattern-careful": (test(*PATTERN), 0, {
        "test_create_user": "pass",
        "test_get_user": "pass",
        "test_health": "pass",
        "test_matrix_create_user_db_down": "pass",
        "test_matrix_create_user_cache_down": "pass",
        "test_matrix_create_user_disk_full": "pass",
        "test_matrix_create_user_db_slow": "pass",
        "test_matrix_create_user_insert_fail": "pass",
        "test_matrix_get_user_db_down": "pass",
        "test_matrix_get_user_cache_down": "pass",
        "test_matrix_get_user_disk_full": "pass or vacuous",
        "test_matrix_get_user_db_slow": "pass or vacuous",
        "test_matrix_get_user_insert_fail": "vacuous",
        "test_matrix_health_db_down": "vacuous",
        "test_matrix_health_cache_down": "vacuous",
        "test_matrix_health_db_slow": "pass or vacuous",
    }),
    "faults": (test("specs/faults.star"), 0, {
        "test_write_line": "pass",
        "test_matrix_write_line_disk_full": "pass",
        "test_matrix_write_line_io_error": "pass",
        "test_matrix_write_line_never": "vacuous",
        "test_matrix_write_line_slow": "pass",
        "test_matrix_write_line_http_error": "pass",
        "test_body_faults": "pass",
        "test_trace": "pass",
        "test_parallel": "pass",
        "test_output": "pass",
    }),
    "monitors": (test("specs/monitors.star"), 2, {
        "test_leaking": "fail",
        "test_behaving": "pass",
        "test_talkative": "fail",
        "test_seed_ran": "pass",
        "test_op_by_name": "pass",
        "test_started_faults": "pass",
        "test_nth": "pass",
        "test_halts": "halted",
        "test_raises": "error",
        "test_exit_is_an_event": "pass",
        "test_hangs": "inconclusive",
        "test_expected_to_hang": "pass",
    }),
    "required": (test("specs/required.star"), 2, {"test_matrix_hello_no_sync": "vacuous"}),
    "strict": (test("specs/faults.star", "--strict", "--test", "matrix_write_line_never"), 2,
               {"test_matrix_write_line_never": "vacuous"}),
    "example-careful": (test("examples/user-api/user_api.star", *CAREFUL), 0, {
        "test_create_user": "pass",
        "test_get_user": "pass",
        "test_matrix_create_user_db_down": "pass",
        "test_matrix_create_user_disk_full": "pass",
        "test_matrix_create_user_insert_fails": "pass",
        "test_matrix_get_user_cache_down": "pass",
        "test_matrix_get_user_cache_slow": "pass",
    }),
    "example-careless": (test("examples/user-api/user_api.star", *CARELESS), 2, {
        "test_create_user": "pass",
        "test_get_user": "pass",
        "test_matrix_create_user_db_down": "fail",
        "test_matrix_create_user_disk_full": "fail",
        "test_matrix_create_user_insert_fails": "fail",
        "test_matrix_get_user_cache_down": "fail",
        "test_matrix_get_user_cache_slow": "pass",
    }),
}


def word(entry):
    return "vacuous" if entry.get("fault_bypassed") else entry["result"]


def check_text(bench, name, approve):
    args, wanted_code = CASES[name]
    code, output = bench.run(args)
    text = f"$ mishap {' '.join(args)}\n{masked(output)}[exit {code}]\n"
    approved = HERE / "approved" / f"{name}.txt"
    if approve:
        approved.parent.mkdir(exist_ok=True)
        approved.write_text(text)
        return []
    problems = [] if code == wanted_code else [f"exit code {code}, want {wanted_code}"]
    known = approved.read_text() if approved.exists() else ""
    if known != text:
        problems += list(difflib.unified_diff(known.splitlines(), text.splitlines(), "approved", "now", lineterm=""))
    return problems


def check_verdicts(bench, name):
    args, wanted_code, wanted = VERDICTS[name]
    output_file = bench.work / "home" / f"{name}.json"
    code, output = bench.run([*args, "--output", str(output_file)])
    if not output_file.exists():
        return [f"no document; exit code {code}", output]
    document = json.loads(output_file.read_text())
    got = {entry["name"]: word(entry) for entry in document["tests"]}
    problems = [f"{test_name}: {got.get(test_name)}, want {verdict}" for test_name, verdict in wanted.items()
                if got.get(test_name) not in verdict.split(" or ")]
    problems += [f"{test_name}: not expected" for test_name in got if test_name not in wanted]
    if code != wanted_code:
        problems.append(f"exit code {code}, want {wanted_code}")
    return problems + [output] if problems else []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--ordinary-user", action="store_true")
    parser.add_argument("--approve", action="store_true")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    passed = failed = 0
    bench = Bench(options.bin, options.ordinary_user)
    try:
        for name in [*CASES, *VERDICTS]:
            if options.cases and name not in options.cases:
                continue
            problems = check_text(bench, name, options.approve) if name in CASES else check_verdicts(bench, name)
            if problems:
                failed += 1
                print(f"--- {name}", *problems, sep="\n")
            else:
                passed += 1
    finally:
        bench.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
