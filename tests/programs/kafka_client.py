#!/usr/bin/env python3
"""One act of a Python client of Kafka, whose outcome is printed in a line.

  kafka_client.py kafka-python|confluent produce|produce_three|consume|commit BOOTSTRAP TOPIC [GROUP]
  kafka_client.py kafka-python|confluent send BOOTSTRAP TOPIC CODEC < lines
  kafka_client.py kafka-python|confluent follow BOOTSTRAP TOPIC GROUP > lines

`produce` sends a message and waits for its acknowledgement, without retries; `produce_three` sends three, idempotently where the client
can. `consume` reads partition 0 from its beginning for three seconds, or as a member of the group until something came; `commit` does and
commits. They print "ok …" or "error NAME", and the milliseconds it took. `send` sends a message for each line, `follow` prints them as a
member of the group until it is terminated.
"""
import signal
import sys
import time


class KafkaPython:
    def __init__(self, bootstrap, topic):
        import kafka

        self.kafka, self.bootstrap, self.topic = kafka, bootstrap, topic

    def producer(self, **more):
        return self.kafka.KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", max_block_ms=4000, **more)

    def produce(self, count):
        producer = self.producer(retries=0, request_timeout_ms=4000)
        return [producer.send(self.topic, b"message %d" % i, partition=0).get(10).offset for i in range(count)]

    def consumer(self, group, reset):
        return self.kafka.KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, auto_offset_reset=reset,
                                        enable_auto_commit=False)

    def consume(self, group, commits):
        consumer = self.consumer(group, "earliest" if group else "none")
        if group:
            consumer.subscribe([self.topic])
        else:
            consumer.assign([self.kafka.TopicPartition(self.topic, 0)])
            consumer.seek(self.kafka.TopicPartition(self.topic, 0), 0)
        values, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            for records in consumer.poll(100).values():
                values += [record.value.decode() for record in records]
            if values and commits:
                consumer.commit()
            if values and group:
                break
        return values

    def send(self, lines, codec):
        producer = self.producer(compression_type=None if codec == "none" else codec, linger_ms=5)
        for line in lines:
            producer.send(self.topic, line)
        producer.flush(60)

    def follow(self, group, write, stopped):
        consumer = self.consumer(group, "earliest")
        consumer.subscribe([self.topic])
        while not stopped():
            for records in consumer.poll(200).values():
                for record in records:
                    write(record.value)
            consumer.commit()
        consumer.close()


class Confluent:
    def __init__(self, bootstrap, topic):
        import confluent_kafka

        self.kafka, self.bootstrap, self.topic = confluent_kafka, bootstrap, topic

    def produce(self, count):
        reports = []
        settings = {"bootstrap.servers": self.bootstrap, "acks": "all", "message.timeout.ms": 8000, "request.timeout.ms": 4000,
                    "topic.metadata.propagation.max.ms": 2000}
        settings |= {"enable.idempotence": True} if count > 1 else {"retries": 0}
        producer = self.kafka.Producer(settings)
        for i in range(count):
            producer.produce(self.topic, b"message %d" % i, partition=0, on_delivery=lambda *report: reports.append(report))
            producer.flush(10)
        for error, _ in reports:
            if error:
                raise self.kafka.KafkaException(error)
        return [message.offset() for _, message in reports]

    def consumer(self, group, reset):
        return self.kafka.Consumer({"bootstrap.servers": self.bootstrap, "group.id": group or "unused", "auto.offset.reset": reset,
                                    "enable.auto.commit": False})

    def consume(self, group, commits):
        consumer = self.consumer(group, "earliest" if group else "error")
        if group:
            consumer.subscribe([self.topic])
        else:
            consumer.assign([self.kafka.TopicPartition(self.topic, 0, 0)])
        values, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            message = consumer.poll(0.1)
            if message is None:
                continue
            if message.error():
                raise self.kafka.KafkaException(message.error())
            values.append(message.value().decode())
            if commits:
                consumer.commit(asynchronous=False)
            if group:
                break
        return values

    def send(self, lines, codec):
        producer = self.kafka.Producer({"bootstrap.servers": self.bootstrap, "compression.type": codec, "linger.ms": 5,
                                        "queue.buffering.max.messages": 1000000})
        for line in lines:
            producer.produce(self.topic, line)
            producer.poll(0)
        if producer.flush(60):
            sys.exit("not everything was acknowledged")

    def follow(self, group, write, stopped):
        consumer = self.consumer(group, "earliest")
        consumer.subscribe([self.topic])
        while not stopped():
            for message in consumer.consume(1000, 0.2):
                if not message.error():
                    write(message.value())
            try:
                consumer.commit(asynchronous=False)
            except self.kafka.KafkaException:
                pass  # nothing to commit, or a rebalance: what comes twice is counted once
        consumer.close()


def main():
    library, act, bootstrap, topic, *rest = sys.argv[1:]
    client = {"kafka-python": KafkaPython, "confluent": Confluent}[library](bootstrap, topic)
    if act == "send":
        client.send((line.rstrip(b"\n") for line in sys.stdin.buffer), rest[0])
        return
    if act == "follow":
        ended = []
        signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
        client.follow(rest[0], lambda value: sys.stdout.buffer.write(value + b"\n") and sys.stdout.buffer.flush(), lambda: ended)
        return
    group = rest[0] if rest else ""
    begin = time.monotonic()
    try:
        if act.startswith("produce"):
            found = client.produce(3 if act == "produce_three" else 1)
        else:
            found = client.consume(group or None, act == "commit")
        outcome = " ".join(["ok", *map(str, found)])
    except Exception as failure:
        details = failure.args[0] if failure.args else None
        outcome = "error " + (details.name() if hasattr(details, "name") and callable(details.name) else type(failure).__name__)
    print(outcome, "after", int((time.monotonic() - begin) * 1000), flush=True)


main()
