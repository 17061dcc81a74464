#!/usr/bin/env python3
"""Runs mishap on real services and compares what a user sees with approved text.

  end_to_end.py --bin DIR [--ordinary-user] [--approve] [CASE…]

A case is a command line, its exit code, and the approved output tests/approved/CASE.txt, in which what changes from run to run
(times, seeds, versions, process ids) is masked. --approve writes the files instead; read the difference before committing it.
"""
import argparse
import difflib
import json
import os
import pathlib
import re
import signal
import sys
import time

from bench import HERE, NO_NETWORKS, Bench, masked, provide_kafka


def test(spec, *more):
    return ["test", spec, "--seed", "1", "--jobs", "2", *more]


CAREFUL = ["--image", "user-api:latest=bin/user_api_careful"]
CARELESS = ["--image", "user-api:latest=bin/user_api_careless"]

TINY = ["--image", "tiny:latest=bin/tiny_http"]
PEER = ["--image", "peer:latest=bin/grpc_server", "--image", "peer-plain:latest=bin/grpc_server_plain"]

def order_programs(prefix):
    return ["--image", f"{prefix}-producer:latest=bin/orders_producer", "--image", f"{prefix}-consumer:latest=bin/orders_consumer"]


EVENT_PROGRAMS = order_programs("myapp")
ORDERS = order_programs("orders")


def shop_programs(prefix):
    return [word for name in ("gateway", "orders", "inventory", "payments")
            for word in ("--image", f"{prefix}-{name}:latest=bin/shop_{name}")]


TALKER = ["--image", "talker:latest=bin/talker"]

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
    # One of each way in which time and order can fail a test.
    "temporal": (one_by_one("specs/temporal.star", "--test", "~_satisfied|anchor_never|raises|fails_fast|halted|event_in_vain|"
                            "branch_fails|too_long|not_assumed|never_opened|committed"), 2),
    "pending": (one_by_one("specs/temporal_table.star", "--test", "~(satisfied|unbounded|end|so_far|unopened)_timeout"), 3),
    "bad-protocol": (["check", "specs/errors.star"], 1),
    "bad-syntax": (["check", "specs/syntax.star"], 1),
    "bad-name": (["check", "specs/undefined.star"], 1),
    "example-careful": (one_by_one("examples/user-api/user_api.star", *CAREFUL), 0),
    "example-careless": (one_by_one("examples/user-api/user_api.star", *CARELESS), 2),
    "check-pattern": (["check", "specs/api_database_cache.star"], 0),
    "check-mesh": (["check", "specs/service_mesh.star"], 0),
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
    "help-provision": (["provision", "--help"], 0),
    "login-refused": (test("specs/login_refused.star"), 2),
    "own-loopback": (one_by_one("specs/own_loopback.star", *TINY), 0),
    "kafka-unformatted": (test("specs/kafka_unformatted.star"), 1),
    "shared-loopback": ([NO_NETWORKS, *test("specs/two_ports.star", *TINY)], 0),
    "no-networks": ([NO_NETWORKS, *test("specs/networks.star", *TINY, "--test", "each_is_itself")], 1),
    "service-dies": (test("specs/broken_service.star"), 2),
    "lane-order": (["test", "specs/lane_order.star", "--seed", "1", "--jobs", "1"], 0),
    "lane-reset": (["test", "specs/lane_reset.star", "--seed", "1", "--jobs", "1"], 2),
    "lane-death": (["test", "specs/lane_death.star", "--seed", "1", "--jobs", "1"], 2),
    "unfiltered": (["check", "specs/unfiltered.star"], 1),
    "unfiltered-body": (["test", "specs/unfiltered_body.star", "--seed", "1", "--jobs", "1"], 2),
    "ports": (["check", "specs/unfiltered_body.star"], 0),
    # Nobody said anything, a port that nobody declared, a partition that nobody ended.
    "partition-silent": (one_by_one("specs/partitions.star", *TALKER, "--test",
                                    "~others_do_not_notice|whose_port|left_on_by|matrix_other_partition"), 0),
    "all-or-nothing": (one_by_one("specs/composition.star", "--test", "all_or_nothing"), 2),
    "two-of-a-kind": (one_by_one("specs/composition.star", "--test", "two_of_a_kind"), 0),
    "other-calls": (one_by_one("specs/composition.star", "--test", "other_calls"), 0),
    "build-unmapped": (test("specs/built.star"), 1),
    "build-mapped": (test("specs/built.star", "--image", "./app=bin/tiny_http"), 0),
}

LANE = {
    "test_a_begins": "pass",
    "test_b_is_reset": "pass",
    "test_c_system_call_fault": "pass",
    "test_d_sees_no_fault": "pass",
    "test_e_request_fault": "pass",
    "test_f_sees_no_relay": "pass",
    "test_g_kills_the_database": "pass",
    "test_h_has_a_new_one": "pass",
    "test_i_assumption": "pass",
    "test_j_properties": "pass",
    "test_k_properties_afresh": "pass",
}

EVENT_PATTERN = {
    "test_publish_order": "pass",
    "test_matrix_publish_order_kafka_down": "pass",
    "test_matrix_publish_order_consumer_db_down": "fail: monitor violation: orphan event: order-",
    "test_matrix_publish_order_kafka_drop": "pass",
}

# Cases of whole runs: the verdict of each test, instead of text; after a colon, words of its reason.
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
    "networks": (test("specs/networks.star", *TINY), 0, {
        "test_each_is_itself": "pass",
        "test_names_lead_to_their_services": "pass",
        "test_localhost_is_where_one_is": "pass",
        "test_one_port_is_published_on_the_loopback_of_binaries": "pass",
        "test_the_environment_says_how_to_get_there": "pass",
        "test_rules_strike_the_edge_that_they_name": "pass",
        "test_a_refused_port_stays_refused_behind_a_relay": "pass",
        "test_calls_of_a": "pass",
        "test_matrix_calls_of_a_b_gone": "pass",
        "test_matrix_calls_of_a_web_gone": "pass",
        "test_matrix_calls_of_a_self_gone": "pass",
    }),
    "grpc": (test("specs/grpc.star", *PEER), 2, {
        "test_unary": "pass",
        "test_streams": "pass",
        "test_statuses": "pass",
        "test_large": "pass",
        "test_types_of_a_file": "pass",
        "test_no_types": "pass",
        "test_wrong_field": "error: body: unknown field \"txet\" of mishap.test.Note; did you mean \"text\"?",
        "test_wrong_value": "error: body: mishap.test.Note: (next_note.number): invalid value \"many\" for type TYPE_INT64",
        "test_wrong_method": "error: mishap.test.Peer has no method \"Ecko\"; did you mean \"Echo\"?",
        "test_wrong_path": "error: method \"Echo\" is no gRPC method: write \"/package.Service/Method\"",
        "test_faults": "pass",
        "test_made_up_answers": "pass",
        "test_after_messages": "pass",
        "test_metadata": "pass",
        "test_echo": "pass",
        "test_matrix_echo_refused": "pass",
        "test_matrix_echo_elsewhere": "vacuous",
        "test_http2": "pass",
    }),
    # With the real broker.
    "orders-causes": (test("specs/orders_causes.star", *ORDERS), 0, {
        "test_the_row_comes_after_the_message": "pass",
        "test_nobody_waits_for_the_row": "pass",
        "test_messages_of_steps": "pass",
        "test_every_message_in_its_order": "pass",
    }),
    "events-pattern": (test("specs/producer_broker_consumer.star", "--runs", "3", *EVENT_PROGRAMS), 2, EVENT_PATTERN),
    "orders-pipeline": (test("examples/orders-pipeline/orders_pipeline.star", *ORDERS), 2, EVENT_PATTERN),
    "kafka-refused": (test("specs/kafka_refused.star"), 2, {"test_never_starts": "error"}),
    "kafka-images": (test("specs/kafka_images.star", "--image", "client:latest=/bin/bash"), 0,
                     {"test_each_answers_under_its_name": "pass"}),
    "orders": (test("specs/order_rows.star", *EVENT_PROGRAMS), 0, {
        "test_an_order_becomes_a_row": "pass",
        "test_the_broker_cannot_be_reached": "pass",
        "test_the_broker_cannot_write": "pass",
        "test_the_database_refuses_for_a_while": "pass",
        "test_the_database_is_cut_off_for_a_while": "pass",
    }),
    "mesh-pattern": (test("specs/service_mesh.star", *shop_programs("myapp")), 0, {
        "test_place_order": "pass",
        "test_check_inventory": "pass",
        "test_matrix_place_order_payments_down": "pass",
        "test_matrix_place_order_inventory_slow": "pass",
        # Orders cannot reach the inventory either, so that has nothing to be slow with.
        "test_matrix_place_order_cascade": "vacuous",
        "test_matrix_check_inventory_payments_down": "pass",
        "test_matrix_check_inventory_inventory_slow": "pass",
        "test_matrix_check_inventory_cascade": "vacuous",
        "test_partition_orders_inventory": "pass",
    }),
    "shop-mesh": (test("examples/shop-mesh/shop_mesh.star", *shop_programs("shop")), 0, {
        "test_place_order": "pass",
        "test_look": "pass",
        "test_matrix_place_order_payments_down": "pass",
        "test_matrix_place_order_inventory_slow": "pass",
        "test_matrix_place_order_cascade": "pass",
        "test_matrix_place_order_partition_orders_inventory": "pass",
        "test_matrix_place_order_partition_payments_to_orders": "pass",
        "test_matrix_place_order_storm": "pass",
        "test_matrix_look_inventory_slow": "pass",
        "test_matrix_look_cascade": "pass",
        "test_matrix_look_partition_orders_inventory": "pass",
        "test_matrix_look_storm": "pass",
        "test_a_refused_order_gives_its_reservation_back": "pass",
        "test_the_shop_recovers_when_the_partition_ends": "pass",
    }),
    "etcd-cluster": (test("examples/etcd-cluster/etcd_cluster.star"), 0, {
        "test_the_leader_is_cut_off": "pass",
        "test_the_leader_is_not_heard": "pass",
        "test_the_leader_hears_nobody": "pass",
        "test_a_follower_is_cut_off": "pass",
    }),
    "partitions": (test("specs/partitions.star", *TALKER), 0, {
        "test_both_ways_on_one_loopback": "pass",
        "test_both_ways_between_networks": "pass",
        "test_one_way": "pass",
        "test_the_other_way": "pass",
        "test_ports_that_are_not_declared": "pass",
        "test_a_loopback_does_not_tell_whose_port_it_is": "vacuous",
        "test_others_do_not_notice": "vacuous",
        "test_windows_nest": "pass",
        "test_started_and_stopped": "vacuous",
        "test_left_on_by_its_setup": "pass",
        "test_started_by_another_name": "pass",
        "test_matrix_ask_partition_east_west": "pass",
        "test_matrix_ask_partition_east_to_west": "pass",
        "test_matrix_ask_both": "pass",
        "test_matrix_other_partition_east_west": "vacuous",
        "test_matrix_other_partition_east_to_west": "vacuous",
        "test_matrix_other_both": "vacuous",
    }),
    "composition": (test("specs/composition.star"), 2, {
        "test_layers": "pass",
        "test_windows_unwind_in_order": "vacuous",
        "test_a_trace_within_a_fault_does_not_hide_it": "pass",
        "test_two_of_a_kind": "vacuous",
        "test_all_or_nothing": 'error: service "brief" is not running',
        "test_matrix_both_layers": "pass",
        "test_matrix_both_more": "pass",
        "test_matrix_write_line_layers": "vacuous",
        "test_matrix_write_line_more": "vacuous",
        "test_other_calls": "vacuous",
    }),
    "lane-partitions": (["test", "specs/lane_partitions.star", "--seed", "1", "--jobs", "1", *TALKER], 0, {
        "test_a_connects": "pass",
        "test_b_cuts_them_and_forgets_to_mend": "pass",
        "test_c_finds_them_mended": "pass",
        "test_d_slows_them_down": "pass",
        "test_e_finds_them_fast": "pass",
    }),
    "links": (test("specs/links.star", *TALKER), 0, {
        "test_a_delay_of_both_directions": "pass",
        "test_delays_of_windows_add_up": "pass",
        "test_silence_after_some_bytes": "pass",
        "test_a_reset": "pass",
        "test_of_one_consumer": "pass",
        "test_beside_a_rule_for_requests": "pass",
        "test_bandwidth": "pass",
        "test_nothing_came_so_far": "vacuous",
    }),
    "two-ports": (test("specs/two_ports.star", *TINY), 0, {"test_call_by_name": "pass"}),
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
    "temporal": (test("specs/temporal.star"), 2, {
        "test_waits_after_the_body": "pass",
        "test_latches": "pass",
        "test_waits_for_its_anchor": "pass",
        "test_never_satisfied": "fail",
        "test_anchor_never_came": "fail",
        "test_two_expected": "pass",
        "test_predicate_raises": "fail",
        "test_predicate_raises_first": "pass",
        "test_fails_fast": "fail",
        "test_stops_the_body": "fail",
        "test_violated_and_halted": "fail",
        "test_window_of_moments": "pass",
        "test_window_of_events": "pass",
        "test_window_never_opened": "pass",
        "test_holds_to_the_end": "pass",
        "test_await_event": "pass",
        "test_await_stable": "pass",
        "test_await_event_in_vain": "inconclusive",
        "test_await_stable_in_vain": "inconclusive",
        "test_one_branch_fails_one_waits": "fail",
        "test_sleeps_too_long": "error",
        "test_sleeps_in_setup": "pass",
        "test_trace": "pass",
        "test_causes": "pass",
        "test_concurrent": "pass",
        "test_connect_learns": "pass",
        "test_state_is_its_own_one": "pass",
        "test_state_is_its_own_two": "pass",
        "test_violated_state_is_not_committed": "fail",
        "test_assumed": "pass",
        "test_not_assumed": "halted",
        "test_assumption_raises": "error",
        "test_terminated": "pass",
        "test_terminator_raises": "pass",
        "test_terminated_by_a_window": "pass",
        "test_fails_before_the_end": "fail",
        "test_matrix_say_twice_nothing_wrong": "pass",
        "test_matrix_say_late_nothing_wrong": "pass",
        "test_expects_and_holds": "fail",
        "test_claimed": "fail",
        "test_not_claimed": "pass",
        "test_claimed_while_it_is_on": "fail",
        "test_watched_to_the_end": "fail",
        "test_reached_twice": "pass",
    }),
    "lane": (["test", "specs/lane.star", "--seed", "1", "--jobs", "1"], 0, LANE),
    "lanes": (["test", "specs/lane.star", "--seed", "1", "--jobs", "3"], 0, LANE),
    "lane-repeated": (["test", "specs/lane.star", "--seed", "1", "--jobs", "1", "--runs", "2", "--test", "~_[bcd]_"], 0,
                      {name: word for name, word in LANE.items() if name[5] in "bcd"}),
    "lane-alone": (test("specs/lane.star", "--test", "d_sees_no_fault"), 0, {"test_d_sees_no_fault": "pass"}),
    "sources": (test("specs/sources.star", *TINY), 2, {
        "test_rows_of_steps": "pass",
        "test_a_table_of_a_schema": "pass",
        "test_a_database_that_a_service_makes": "pass",
        "test_a_database_that_a_step_makes": "pass",
        "test_lines_of_a_file": "pass",
        "test_who_streams_to_us_is_let_alone": "vacuous",
        "test_answers_of_a_page": "pass",
        "test_dead": "inconclusive",
        "test_matrix_insert_seen_to_fail": "fail",
    }),
    "tls": (test("specs/tls.star"), 0, {
        "test_without_relays": "pass",
        "test_rules_apply_within_tls": "pass",
        "test_queries_within_tls": "pass",
        "test_commands_within_tls": "pass",
        "test_services_are_told_whom_to_trust": "pass",
        "test_plain_talk_on_a_tls_port": "vacuous",
    }),
    "tls-grpc": (test("specs/tls_grpc.star", *PEER), 0, {
        "test_types_are_asked_for_within_tls": "pass",
        "test_without_relays": "pass",
        "test_rules_apply_within_tls": "pass",
        "test_a_server_that_does_not_speak_it": "pass",
    }),
    "tls-sources": (one_by_one("specs/tls_sources.star"), 0, {
        "test_rows": "pass",
        "test_without_relays": "pass",
        "test_rules_apply_within_tls": "pass",
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


# State of a property × what ended the test: the test's result and the property's verdict, as temporal_table.star names them.
TABLE_COLUMNS = ["returned", "terminated", "timeout", "failed"]
TABLE = {
    "satisfied": ["pass pass", "pass pass", "inconclusive pass", "fail pass"],
    "unsatisfied": ["fail fail", "fail fail", "inconclusive pending", "fail fail"],
    "violated": ["fail fail", "fail fail", "fail fail", "fail fail"],
    "unbounded": ["pass pass", "pass pass", "inconclusive pending", "fail pass"],
    "to_its_end": ["pass pass", "pass pass", "inconclusive pass", "fail pass"],
    "so_far": ["pass pass", "pass pass", "inconclusive pending", "fail pass"],
    "unopened": ["pass vacuous", "pass vacuous", "inconclusive pending", "fail vacuous"],
}


def property_word(entry):
    """Of its only property; one that was never asked is vacuous, and an event says so."""
    [prop] = entry["properties"]
    events = [event["fields"] for event in entry["events"] if event["type"] == "vacuous_property"]
    said = [{"property": prop["property"], "reason": prop["vacuous"]}] if "vacuous" in prop else []
    if events != said:
        return f"{prop['verdict']}, but its events are {events}"
    return "vacuous" if said and prop["verdict"] == "pass" else prop["verdict"]


def check_table(bench, name):
    document, code, output = run_for_document(bench, name, test("specs/temporal_table.star"))
    if document is None:
        return [f"no document; exit code {code}", output]
    got = {entry["name"]: f"{entry['result']} {property_word(entry)}" for entry in document["tests"]}
    wanted = {f"test_{state}_{cause}": words[i] for state, words in TABLE.items() for i, cause in enumerate(TABLE_COLUMNS)}
    problems = [f"{name}: {got.get(name)}, want {wanted.get(name)}" for name in sorted({*got, *wanted})
                if got.get(name) != wanted.get(name)]
    if code != 2:
        problems.append(f"exit code {code}, want 2")
    return problems + [output] if problems else []


def word(entry):
    return "vacuous" if entry.get("fault_bypassed") else entry["result"]


def children(pid):
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


def interrupted(bench, spec, after, act):
    """The output and exit code of a run of one job, to which act(pid) is done once it printed `after`."""
    done = bench.start(["test", spec, "--seed", "1", "--jobs", "1"])
    output = ""
    for line in done.stdout:
        output += line
        if after in line:
            time.sleep(0.5)  # the next test has begun
            act(done.pid)
    return output, done.wait(timeout=60)


def kill_worker(pid):
    for child in children(pid):
        os.kill(child, signal.SIGKILL)


# Cases of runs that something happens to: spec, what is waited for, what is done, exit code, the lines that must be there.
EVENTS = {
    "lane-worker-dies": ("specs/lane_slow.star", "test_a", kill_worker, 1, [
        r"^PASS +test_a ",
        r"^TOOL ERROR +test_b .* the worker was killed by signal 9 \(KILL\) before it had a result$",
        r"^PASS +test_c ",
        r"^2 passed, 1 failed ",
    ]),
    "lane-interrupted": ("specs/lane_slow.star", "test_a", lambda pid: os.kill(pid, signal.SIGINT), 130, [
        r"^PASS +test_a ",
        r"^NOT RUN +test_b$",
        r"^NOT RUN +test_c$",
        r"^1 passed, 0 failed, 2 not run \(interrupted\) ",
    ]),
}


def check_event(bench, name):
    spec, after, act, wanted_code, lines = EVENTS[name]
    output, code = interrupted(bench, spec, after, act)
    problems = [f"no line like {line}" for line in lines if not re.search(line, output, re.MULTILINE)]
    if code != wanted_code:
        problems.append(f"exit code {code}, want {wanted_code}")
    return problems + [output] if problems else []


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


def is_expected(entry, verdict):
    words, _, reason = verdict.partition(": ")
    return word(entry) in words.split(" or ") and reason in entry.get("reason", "")


def run_for_document(bench, name, args):
    """The document of a run, its exit code and its output; no document when there is none."""
    output_file = bench.work / "home" / f"{name}.json"
    code, output = bench.run([*args, "--output", str(output_file)])
    return json.loads(output_file.read_text()) if output_file.exists() else None, code, output


def check_verdicts(bench, name):
    args, wanted_code, wanted = VERDICTS[name]
    document, code, output = run_for_document(bench, name, args)
    if document is None:
        return [f"no document; exit code {code}", output]
    names = [entry["name"] for entry in document["tests"]]
    problems = [f"{entry['name']}: {word(entry)}, want {wanted.get(entry['name'], 'no such test')}" for entry in document["tests"]
                if not is_expected(entry, wanted.get(entry["name"], ""))]
    problems += [f"{test_name}: missing" for test_name in wanted if test_name not in names]
    if code != wanted_code:
        problems.append(f"exit code {code}, want {wanted_code}")
    return problems + [output] if problems else []


def checks(approve):
    """Each case with what checks it; a name may be that of a text and of verdicts."""
    return [*((name, lambda bench, name: check_text(bench, name, approve)) for name in CASES),
            *((name, check_verdicts) for name in VERDICTS),
            *((name, check_event) for name in EVENTS),
            ("temporal-table", check_table)]


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
        provide_kafka(bench)
        for name, check in checks(options.approve):
            if options.cases and name not in options.cases:
                continue
            problems = check(bench, name)
            if problems:
                failed += 1
                print(f"--- {name}", *problems, sep="\n")
            else:
                passed += 1
    finally:
        bench.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
