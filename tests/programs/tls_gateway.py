#!/usr/bin/env python3
"""A plain HTTP server on PORT that asks others over TLS, verifying whom it talks to:

GET /https?HOST:PORT/PATH            status and body of https://HOST:PORT/PATH
GET /postgres?PORT&SQL               the first row, by psql with sslmode=verify-full
GET /psycopg?PORT&SQL                the same by psycopg, with sslmode=verify-full
GET /asyncpg?PORT&SQL                the same by asyncpg, which has a TLS of its own
GET /redis?PORT&COMMAND              what redis-cli --tls prints
GET /plain?PORT                      what a plain GET is answered with
GET /postgres-plain?PORT             SELECT 1 by psql with sslmode=disable
GET /curl?WORD&WORD…                 what curl prints
GET /environment                     the variables that are about TLS
"""
import asyncio
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def https(target):
    try:
        with OPENER.open("https://" + target, timeout=5) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}
    except OSError as error:
        return {"error": str(getattr(error, "reason", error))}


def run(words, **variables):
    done = subprocess.run(words, capture_output=True, text=True, timeout=10, env={**os.environ, **variables})
    return {"code": done.returncode, "out": done.stdout.strip(), "error": done.stderr.strip()}


def psql(port, mode, sql):
    return run(["psql", f"host=localhost port={port} user=postgres sslmode={mode}", "-XAtc", sql], PGPASSWORD="secret")


def driver(name, port, sql):
    """By the driver of that name; its libraries are loaded only where they are asked for."""
    login = {"host": "localhost", "port": int(port), "user": "postgres", "password": "secret"}

    async def ask():
        import asyncpg
        connection = await asyncpg.connect(**login, ssl=ssl.create_default_context(cafile=os.environ["MISHAP_CA_FILE"]))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    try:
        if name == "asyncpg":
            return {"row": str(asyncio.run(ask()))}
        import psycopg
        with psycopg.connect(**login, sslmode="verify-full") as connection:
            return {"row": str(connection.execute(sql).fetchone()[0])}
    except Exception as error:  # pylint: disable=broad-except
        return {"error": str(error)}


def plain(port):
    with socket.create_connection(("localhost", port), 5) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return {"answer": repr(stream.recv(100))}


def answer(path, query):
    if path == "/https":
        return https(query)
    if path == "/postgres":
        port, sql = query.split("&", 1)
        return psql(port, "verify-full", sql)
    if path in ("/psycopg", "/asyncpg"):
        return driver(path[1:], *query.split("&", 1))
    if path == "/postgres-plain":
        return psql(query, "disable", "SELECT 1")
    if path == "/curl":
        return run(["curl", "-sS", "-m", "5", *query.split("&")])
    if path == "/plain":
        return plain(int(query))
    if path == "/redis":
        port, command = query.split("&", 1)
        return run(["redis-cli", "--tls", "--cacert", os.environ["MISHAP_CA_FILE"], "--sni", "localhost", "-p", port, *command.split()])
    if path == "/environment":
        return {name: value for name, value in os.environ.items() if "/mishap-tls/" in value}
    return {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        body = json.dumps(answer(path, urllib.parse.unquote(query))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
