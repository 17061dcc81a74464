#!/usr/bin/env python3
"""gRPC within TLS: a server on PORT with the certificate that the cell gives it, or with a second PORT a plain HTTP server that calls it.

The service e.Echo answers every method with the text that it was sent. GET /METHOD calls that method with "hi".
"""
import concurrent.futures
import http.server
import json
import os
import pathlib
import sys

import grpc


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        if not details.method.startswith("/e.Echo/"):
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)


def file_of(variable):
    return pathlib.Path(os.environ[variable]).read_bytes()


def serve(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Echo()])
    own = grpc.ssl_server_credentials([(file_of("MISHAP_TLS_KEY_FILE"), file_of("MISHAP_TLS_CERT_FILE"))])
    assert server.add_secure_port(f"0.0.0.0:{port}", own) == int(port)
    server.start()
    server.wait_for_termination()


def call(port, method):
    # No proxy and no other connection than this call's; the authority is found by GRPC_DEFAULT_SSL_ROOTS_FILE_PATH.
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(), options) as channel:
        try:
            return {"answer": channel.unary_unary(method)(b"hi", timeout=5).decode()}
        except grpc.RpcError as error:
            return {"code": error.code().name, "details": error.details()}


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(call(sys.argv[2], self.path) if self.path != "/" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


if len(sys.argv) == 2:
    serve(sys.argv[1])
else:
    http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Gateway).serve_forever()
