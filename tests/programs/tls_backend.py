#!/usr/bin/env python3
"""An HTTPS server on PORT with the certificate that the cell gives it: answers each path with itself and what was agreed on."""
import http.server
import os
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{self.path} {self.connection.version()} {self.connection.selected_alpn_protocol()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["MISHAP_TLS_CERT_FILE"], os.environ["MISHAP_TLS_KEY_FILE"])
context.set_alpn_protocols(["h2", "http/1.1"])  # h2 is not spoken, but it would be preferred
server = http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
