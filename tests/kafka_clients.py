#!/usr/bin/env python3
"""Real clients of Kafka on a real broker, through a relay.

  kafka_clients.py --bin DIR [--messages N] [--only WORD]

The broker is that of `mishap provision kafka`. It runs on the loopback with data in a temporary folder, and says that it is where the
relay listens, so that all clients come through.

Volumes: each client sends N messages in each compression that it has, the half of them before a consumer group starts and the rest while
a second member joins; what both members read must be what was sent. While the second half is sent a rule is open that matches nothing.

Faults: what each client makes of each rule, as the table below says.

Cell: `mishap test` with the broker and a follower of librdkafka as services, the steps, and rules on the broker's interface.
"""
import argparse
import collections
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from bench import provisioned_kafka
from relay import Relay, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"
PYTHON = "/usr/bin/python3"  # the distribution's, which has the distribution's clients
JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

# Rule, act, and what each client's documentation calls the outcome: org.apache.kafka.common.errors, kafka.errors of kafka-python, and
# librdkafka's error names for confluent-kafka. Java producers are tried without retries, so that the first answer is what they report.
FAULTS = [
    ("error topic={t} code=10", "produce", "RecordTooLargeException", "MessageSizeTooLargeError", "MSG_SIZE_TOO_LARGE"),
    ("error topic={t} code=NOT_LEADER_OR_FOLLOWER", "produce", "NotLeaderOrFollowerException", "NotLeaderForPartitionError",
     "_MSG_TIMED_OUT"),  # librdkafka looks for the leader as long as a message may take, and does not say why
    ("error topic={t} code=NotEnoughReplicasException", "produce", "NotEnoughReplicasException", "NotEnoughReplicasError",
     "NOT_ENOUGH_REPLICAS"),
    ("error topic={t} code=20", "produce", "NotEnoughReplicasAfterAppendException", "NotEnoughReplicasAfterAppendError",
     "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
    ("error topic={t} code=18", "produce", "RecordBatchTooLargeException", "RecordListTooLargeError", "RECORD_LIST_TOO_LARGE"),
    ("error topic={t} code=29", "produce", "TopicAuthorizationException", "TopicAuthorizationFailedError",
     "TOPIC_AUTHORIZATION_FAILED"),
    ("error topic={t} code=7", "produce", "TimeoutException", "RequestTimedOutError", "REQUEST_TIMED_OUT"),
    ("error topic={t} code=89", "produce", "ThrottlingQuotaExceededException", "UnknownError", "THROTTLING_QUOTA_EXCEEDED"),
    ("error topic={t}", "produce", "UnknownServerException", "UnknownError", "UNKNOWN"),
    ("error method=metadata topic={t} code=3", "produce", "TimeoutException UnknownTopicOrPartitionException", "KafkaTimeoutError",
     "UNKNOWN_TOPIC_OR_PART"),
    ("error topic={t} code=1", "consume", "OffsetOutOfRangeException", "OffsetOutOfRangeError", "_AUTO_OFFSET_RESET"),
    ("error method=fetch topic={t} code=29", "consume", "TopicAuthorizationException", "TopicAuthorizationFailedError",
     "TOPIC_AUTHORIZATION_FAILED"),
    ("error method=find_coordinator code=30", "consume group", "GroupAuthorizationException", "GroupAuthorizationFailedError",
     "GROUP_AUTHORIZATION_FAILED"),
    ("error method=join_group code=24", "consume group", "InvalidGroupIdException", "InvalidGroupIdError", "INVALID_GROUP_ID"),
    ("error method=offset_commit code=25", "commit", "CommitFailedException", "CommitFailedError", "UNKNOWN_MEMBER_ID"),
    ("error method=offset_commit topic={t} code=12", "commit", "OffsetMetadataTooLarge", "OffsetMetadataTooLargeError",
     "OFFSET_METADATA_TOO_LARGE"),
]


class Broker:
    def __init__(self, libs, directory, port, advertised_port):
        self.classpath = f"{libs}/*"
        controller = free_port()
        settings = directory / "server.properties"
        settings.write_text(f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
num.partitions=3
offsets.topic.num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
""")
        (directory / "log4j.properties").write_text("log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
                                                    "log4j.appender.out.layout=org.apache.log4j.SimpleLayout\n")
        java = [*JAVA, f"-Dlog4j.configuration=file:{directory}/log4j.properties", "-cp", self.classpath]
        log = open(directory / "broker.log", "w")
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", settings], check=True,
                       stdout=log, stderr=log)
        self.process = subprocess.Popen([*java, "kafka.Kafka", settings], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while subprocess.run(["kcat", "-b", f"127.0.0.1:{port}", "-L", "-m", "2"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"no broker: {(directory / 'broker.log').read_text()[-2000:]}")
            time.sleep(0.2)

    def end(self):
        self.process.kill()
        self.process.wait()


class Clients:
    """How each client sends and follows: argument vectors."""

    CODECS = {"kcat": ["none", "gzip", "snappy", "lz4", "zstd"], "java": ["none", "gzip", "snappy", "lz4", "zstd"],
              "kafka-python": ["none", "gzip"], "confluent": ["none", "gzip", "snappy", "lz4", "zstd"]}

    def __init__(self, bootstrap, classpath, classes):
        self.bootstrap, self.classpath, self.classes = bootstrap, classpath, classes

    def java(self, name, *words):
        return [*JAVA, "-cp", f"{self.classpath}:{self.classes}", name, *words]

    def python(self, library, *words):
        return [PYTHON, PROGRAMS / "kafka_client.py", library, *words]

    def send(self, client, topic, codec):
        if client == "kcat":
            return ["kcat", "-b", self.bootstrap, "-P", "-t", topic, "-z", codec]
        if client == "java":
            return self.java("kafka.tools.ConsoleProducer", "--bootstrap-server", self.bootstrap, "--topic", topic,
                             "--compression-codec", codec, "--request-required-acks", "all")
        return self.python(client, "send", self.bootstrap, topic, codec)

    def follow(self, client, topic, group):
        if client == "kcat":
            return ["kcat", "-b", self.bootstrap, "-u", "-q", "-X", "auto.offset.reset=earliest", "-G", group, topic]
        if client == "java":
            return self.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", self.bootstrap, "--topic", topic,
                             "--group", group, "--from-beginning")
        return self.python(client, "follow", self.bootstrap, topic, group)

    def act(self, client, act, topic, group=""):
        words = [act, self.bootstrap, topic] + ([group] if group else [])
        command = self.java("KafkaClient", *words) if client == "java" else self.python(client, *words)
        outcome = subprocess.run(command, capture_output=True, text=True, timeout=60)
        lines = outcome.stdout.splitlines()
        if not lines:
            sys.exit(f"{client} {act}: {outcome.stderr}")
        text, _, milliseconds = lines[-1].rpartition(" after ")
        return text, int(milliseconds)


def count_lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def send(clients, client, topic, codec, lines):
    outcome = subprocess.run(clients.send(client, topic, codec), input="".join(lines), text=True, capture_output=True, timeout=300)
    if outcome.returncode != 0:
        sys.exit(f"{client} {codec}: not sent: {outcome.stderr}")


def volume(clients, relay, client, codec, count, directory):
    topic, group = f"{client}-{codec}", f"group-{client}-{codec}"
    lines = [f"{client} {codec} {i} {i * 2654435761 % 2**32:032b}\n" for i in range(count)]
    outputs = [directory / f"{topic}-{i}" for i in range(2)]
    members = []
    begin = time.monotonic()

    def start():
        with open(outputs[len(members)], "wb") as file:
            members.append(subprocess.Popen(clients.follow(client, topic, group), stdout=file, stderr=subprocess.DEVNULL))

    def wait_for(what):
        deadline = time.monotonic() + 120
        while not what():
            if time.monotonic() > deadline:
                sys.exit(f"{client} {codec}: only {[count_lines(path) for path in outputs if path.exists()]} of {count} lines came")
            time.sleep(0.05)

    send(clients, client, topic, codec, lines[:count // 2])
    start()
    wait_for(lambda: count_lines(outputs[0]) > 0)
    relay.tell("error topic=no-such-topic code=6")
    start()
    # The rest is for both: it is sent when the second member gets something.
    extra = 0
    while count_lines(outputs[1]) == 0 and extra < 100:
        send(clients, client, topic, codec, [f"extra {extra} {i}\n" for i in range(50)])
        extra += 1
        time.sleep(0.2)
    send(clients, client, topic, codec, lines[count // 2:])
    wait_for(lambda: sum(map(count_lines, outputs)) >= count)
    relay.tell("clear")

    def read():
        return collections.Counter(line for path in outputs for line in open(path, errors="replace"))

    expected = set(lines) | {f"extra {e} {i}\n" for e in range(extra) for i in range(50)}
    wait_for(lambda: set(read()) >= expected)
    for member in members:
        member.send_signal(signal.SIGTERM)
    for member in members:
        member.wait(20)
    came = read()
    wrong = set(came) - expected
    twice = sum(came.values()) - len(came)
    shares = [count_lines(path) for path in outputs]
    print(f"{client} {codec}: {count} messages in {time.monotonic() - begin:.1f} s, members read {shares}, {twice} twice", flush=True)
    if wrong or not all(shares):
        sys.exit(f"{client} {codec}: unexpected lines {sorted(wrong)[:3]} or a member without messages")


def faults(clients, relay, only):
    failures = []

    def expect(what, got, wanted):
        good = got.startswith(wanted) if wanted.startswith("ok") else got == f"error {wanted}"
        print(f"{'good' if good else 'BAD '}  {what}: {got}" + ("" if good else f", not {wanted}"), flush=True)
        if not good:
            failures.append(what)

    names = ["java", "kafka-python", "confluent"]
    for client in (name for name in names if not only or only in name):
        topic = f"faults-{client}"
        expect(f"{client}: no rule", clients.act(client, "produce", topic)[0], "ok 0")
        for place, (rule, act, *wanted) in enumerate(FAULTS):
            act, _, grouped = act.partition(" ")
            group = f"{topic}-{place}" if grouped or act == "commit" else ""
            relay.tell(rule.format(t=topic))
            expect(f"{client}: {rule.format(t=topic)}, {act}", clients.act(client, act, topic, group)[0], wanted[names.index(client)])
            relay.tell("clear")
        relay.tell(f"delay topic={topic} method=produce delay=700")
        outcome, milliseconds = clients.act(client, "produce", topic)
        expect(f"{client}: a delay", f"{outcome.split()[0]} {milliseconds >= 700}", "ok True")
        relay.tell("clear")
        relay.tell(f"drop topic={topic} method=produce")
        expect(f"{client}: a drop", clients.act(client, "produce", topic)[0], "ok ")
        relay.tell("clear")
        expect(f"{client}: and what was stored", clients.act(client, "consume", topic)[0], "ok message 0 message 0")
        relay.tell(f"drop topic={topic} method=fetch")
        outcome = clients.act(client, "consume", topic)[0]
        expect(f"{client}: a dropped fetch finds nothing", f"{outcome}.", "ok.")
        relay.tell("clear")
        twice = f"twice-{client}"
        relay.tell(f"duplicate topic={twice}")
        expect(f"{client}: a duplicate", clients.act(client, "produce", twice)[0], "ok 0")
        relay.tell("clear")
        outcome = clients.act(client, "consume", twice)[0]
        expect(f"{client}: and what was stored", f"{outcome}.", "ok message 0 message 0.")
        relay.tell(f"duplicate topic=once-{client}")
        clients.act(client, "produce_three", f"once-{client}")
        relay.tell("clear")
        outcome = clients.act(client, "consume", f"once-{client}")[0]
        copies = 2 if client == "kafka-python" else 1  # which has no idempotent producer
        expect(f"{client}: idempotent producers", f"{outcome}.", "ok " + " ".join(f"message {i}" for i in (0, 1, 2) for _ in range(copies)) + ".")
    if not only or only == "java":
        expect("java: a transaction", clients.act("java", "transact", "transactions")[0], "ok")
        relay.tell("error method=init_producer_id code=53")
        expect("java: a transaction that is refused", clients.act("java", "transact", "transactions")[0],
               "TransactionalIdAuthorizationException")
        relay.tell("clear")
        expect("java: what was committed", clients.act("java", "consume", "transactions")[0], "ok in a transaction")
    return failures


SPEC = """
kafka = service("kafka", interface("broker", "kafka", 9092), binary = "{directory}/broker.sh",
    healthcheck = kafka_ready("localhost:9092", timeout = "60s"))
follower = service("follower", binary = "{python}",
    args = ["{programs}/kafka_client.py", "confluent", "follow", "localhost:9092", "orders", "followers"], depends_on = [kafka])

def follower_got(text):
    for _ in range(100):
        if events(service = "follower", type = "stdout", where = lambda e: text in e.raw):
            return
        sleep("100ms")
    fail("the follower did not get " + text)

def test_steps():
    for data in ["one", "two"]:
        sent = kafka.broker.publish("orders", data = data, key = "k")
        assert_true(sent.ok, sent.error)
    for data in ["one", "two"]:
        got = kafka.broker.consume("orders")
        assert_true(got.ok, got.error)
        assert_eq((got.data["key"], got.data["value"]), ("k", data))
        follower_got(data)
    for data in ["one", "two"]:
        got = kafka.broker.consume("orders", group = "mine")
        assert_true(got.ok, got.error)
        assert_eq(got.data["value"], data)

def test_refused():
    def body():
        sent = kafka.broker.publish("orders", data = "big")
        assert_true(not sent.ok and "MESSAGE_TOO_LARGE (error code 10)" in sent.error, sent.error)
        assert_true(kafka.broker.publish("other", data = "small").ok)
    fault(kafka.broker, error(topic = "orders", message = "RecordTooLargeException (error code 10): too large"), run = body)
    assert_true(kafka.broker.publish("orders", data = "after").ok)
    follower_got("after")

def test_lost():
    kafka.broker.publish("orders", data = "before")
    follower_got("before")
    def body():
        assert_true(kafka.broker.publish("orders", data = "lost").ok)
    fault(kafka.broker, drop(topic = "orders", op = "produce"), run = body)
    assert_true(kafka.broker.publish("orders", data = "after").ok)
    follower_got("after")
    assert_never(service = "follower", type = "stdout", where = lambda e: "lost" in e.raw)

def test_twice():
    def body():
        assert_true(kafka.broker.publish("orders", data = "twice").ok)
    fault(kafka.broker, duplicate(topic = "orders"), run = body)
    values = [kafka.broker.consume("orders").data["value"] for _ in range(2)]
    assert_eq(values, ["twice", "twice"])

def test_not_fetched():
    kafka.broker.publish("orders", data = "before")
    follower_got("before")
    def body():
        assert_true(kafka.broker.publish("orders", data = "unseen").ok)
        sleep("1s")
        assert_never(service = "follower", type = "stdout", where = lambda e: "unseen" in e.raw)
    fault(kafka.broker, drop(topic = "orders", op = "fetch"), source = follower, run = body)
    follower_got("unseen")
"""


def cell(libs, directory, options):
    """Failures of a run of `mishap test`."""
    if libs.is_relative_to(tempfile.gettempdir()):
        # A cell has a temporary folder of its own, in which only the spec's directory is to be seen.
        libs = shutil.copytree(libs, directory / "libs")
    (directory / "cell.properties").write_text("""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=/tmp/kafka-data
offsets.topic.num.partitions=3
offsets.topic.replication.factor=1
""")
    java = " ".join([*JAVA, f"-Dlog4j.configuration=file:{directory}/log4j.properties", "-cp", f"'{libs}/*'"])
    script = directory / "broker.sh"
    script.write_text(f"#!/bin/sh\n{java} kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c {directory}/cell.properties "
                      f"|| exit 1\nexec {java} kafka.Kafka {directory}/cell.properties\n")
    script.chmod(0o755)
    spec = directory / "cell.star"
    spec.write_text(SPEC.format(directory=directory, python=PYTHON, programs=PROGRAMS.resolve()))
    outcome = subprocess.run([options.bin.resolve() / "mishap", "test", spec, "--jobs", "1"], capture_output=True, text=True,
                             cwd=directory, timeout=600)
    print(outcome.stdout[-6000:], outcome.stderr[-2000:], flush=True)
    return [] if outcome.returncode == 0 else [f"mishap test: exit {outcome.returncode}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--only", default="", help="a client, or a part of its name")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    libs = provisioned_kafka(options.bin / "mishap")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mishap-kafka-"))
    subprocess.run(["javac", "-cp", f"{libs}/*", "-d", directory, PROGRAMS / "KafkaClient.java"], check=True)
    port = free_port()
    with open(directory / "events", "w") as events:
        relay = Relay(options.bin, "kafka", port, events)
        broker = Broker(libs, directory, port, relay.port)
        try:
            clients = Clients(f"127.0.0.1:{relay.port}", broker.classpath, directory)
            for client, codecs in Clients.CODECS.items():
                if options.only and options.only not in client:
                    continue
                for codec in codecs:
                    volume(clients, relay, client, codec, options.messages, directory)
            failures = faults(clients, relay, options.only)
            if not options.only or options.only == "cell":
                failures += cell(libs, directory, options)
        finally:
            broker.end()
        relay.end()
    unread = [line for line in open(directory / "events") if line.startswith("proxy_parse_error")]
    if unread:
        failures.append(f"{len(unread)} connections could not be read: {unread[0]}")
    if options.keep:
        print("kept:", directory)
    else:
        shutil.rmtree(directory)
    if failures:
        sys.exit("failed:\n" + "\n".join(failures))


main()
