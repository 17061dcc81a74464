#!/usr/bin/env python3
"""peer.py client HOST:PORT ACT [NUMBER] | peer.py server PORT: client.cpp and server.cpp by grpcio.

peer_pb2 is what protoc --python_out makes of peer.proto; PYTHONPATH says where it is.
"""
import sys
import threading
import time
from concurrent import futures

import grpc
import peer_pb2 as pb

SERVICE = "mishap.test.Peer"
KINDS = {"Echo": ("unary_unary", pb.Note, pb.Note), "List": ("unary_stream", pb.Note, pb.Note),
         "Collect": ("stream_unary", pb.Note, pb.Summary), "Chat": ("stream_stream", pb.Note, pb.Note)}
LIMITS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def method(channel, name):
    kind, request, response = KINDS[name]
    return getattr(channel, kind)(f"/{SERVICE}/{name}", request_serializer=request.SerializeToString,
                                  response_deserializer=response.FromString)


def told(error, got=""):
    text = error.code().name
    if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
        text += " " + error.details()
    return f"{text} after {got}" if got else text


def value(metadata, name):
    return next((item[1] for item in metadata if item[0] == name), "")


def unary(channel, text):
    answer, call = method(channel, "Echo").with_call(pb.Note(text=text))
    return f"OK {answer.text}, head {value(call.initial_metadata(), 'x-head')}, trailer {value(call.trailing_metadata(), 'x-trailer')}"


def list_notes(channel, count):
    got = 0
    try:
        for note in method(channel, "List")(pb.Note(number=count)):
            got += 1
            if note.number != got:
                return "out of order"
    except grpc.RpcError as error:
        return told(error, str(got))
    return f"OK {got}"


def collect(channel, count):
    summary = method(channel, "Collect")(iter([pb.Note(payload=b"x" * 1000)] * count))
    return f"OK {summary.count} of {summary.bytes}"


def chat(channel, count):
    got = 0
    turn = threading.Semaphore(1)

    def notes():
        for number in range(count):
            if not turn.acquire(timeout=30):
                return
            yield pb.Note(number=number)

    try:
        for answer in method(channel, "Chat")(notes()):
            if answer.number != got:
                return "out of order"
            got += 1
            turn.release()
    except grpc.RpcError as error:
        return told(error, str(got))
    return f"OK {got}"


def large(channel, mebibytes):
    payload = bytes(range(256)) * (mebibytes << 12)
    answer = method(channel, "Echo")(pb.Note(payload=payload))
    return f"OK {len(answer.payload)}" if answer.payload == payload else "another payload"


def many(channel, count):
    begin = time.monotonic()
    took = [0.0] * count
    calls = []
    for i in range(count):
        special = i == count // 2
        call = method(channel, "Echo").future(pb.Note(text="special" if special else "note", number=i),
                                              metadata=[("x-special", "yes")] if special else [])
        call.add_done_callback(lambda _, i=i: took.__setitem__(i, time.monotonic() - begin))
        calls.append(call)
    good = sum(call.result().number == i for i, call in enumerate(calls))
    while not all(took):
        time.sleep(0.001)
    special = took.pop(count // 2)
    return f"OK {good} special {int(special * 1000)} others {int(max(took) * 1000)}"


def gzip(channel):
    answer = method(channel, "Echo")(pb.Note(text="z" * 100_000), compression=grpc.Compression.Gzip, metadata=[("x-gzip", "yes")])
    return f"OK {len(answer.text)}"


def cancel(channel):
    call = method(channel, "Echo").future(pb.Note(text="sleep 10000"))
    time.sleep(0.2)
    call.cancel()
    return call.code().name


def deadline(channel):
    return unary_with(channel, pb.Note(text="sleep 10000"), 0.3)


def unary_with(channel, note, timeout):
    return f"OK {method(channel, 'Echo')(note, timeout=timeout).text}"


ACTS = {"unary": lambda c, n: unary(c, "hello"), "fail": lambda c, n: unary(c, "fail"), "list": list_notes, "collect": collect,
        "chat": chat, "large": large, "many": many, "gzip": lambda c, n: gzip(c), "cancel": lambda c, n: cancel(c),
        "deadline": lambda c, n: deadline(c)}


def client(address, act, number=10):
    with grpc.insecure_channel(address, options=LIMITS) as channel:
        try:
            print(ACTS[act](channel, int(number)), flush=True)
        except grpc.RpcError as error:
            print(told(error), flush=True)


def behave(note, context):
    context.send_initial_metadata([("x-head", "of the server")])
    context.set_trailing_metadata([("x-trailer", "of the server")])
    if note.text == "fail":
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "as was asked: 100% ü")
    if note.text.startswith("sleep "):
        end = time.monotonic() + int(note.text[6:]) / 1000
        while time.monotonic() < end and context.is_active():
            time.sleep(0.005)
        if not context.is_active():
            print("cancelled", flush=True)


def serve_echo(note, context):
    print(f"echo {note.text[:40]}", flush=True)
    behave(note, context)
    return note


def serve_list(note, context):
    behave(note, context)
    for number in range(1, note.number + 1):
        yield pb.Note(number=number)


def serve_collect(notes, context):
    summary = pb.Summary()
    for note in notes:
        summary.count += 1
        summary.bytes += len(note.payload)
    return summary


def serve_chat(notes, context):
    yield from notes


def server(port):
    made = grpc.server(futures.ThreadPoolExecutor(64), options=LIMITS, compression=grpc.Compression.Gzip)
    serving = {"Echo": serve_echo, "List": serve_list, "Collect": serve_collect, "Chat": serve_chat}
    made.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {
        name: getattr(grpc, f"{kind}_rpc_method_handler")(serving[name], request_deserializer=request.FromString,
                                                          response_serializer=response.SerializeToString)
        for name, (kind, request, response) in KINDS.items()})])
    print("port", made.add_insecure_port(f"127.0.0.1:{port}"), flush=True)
    made.start()
    made.wait_for_termination()


if __name__ == "__main__":
    {"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
