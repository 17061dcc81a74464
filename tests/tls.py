#!/usr/bin/env python3
"""TLS with certificates of the user's own: whom relays and steps trust, what they show, and that no key gets out.

  tls.py --bin DIR [--ordinary-user] [CASE…]

The server is openssl's, the consumer is curl; certificates are made by openssl anew each time.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from bench import NOBODY, Bench

GATEWAY = """
gateway = service("gateway",
    interface("http", "http", 8080),
    binary = "programs/tls_gateway.py",
    args = ["8080"],
    depends_on = [server],
    healthcheck = http("localhost:8080/"),
)
def curl(*words):
    got = gateway.http.get("/curl?" + "&".join(words)).data
    return got["out"] if got["code"] == 0 else got["error"]
CODE = ["-o", "/dev/null", "-w", "%25{http_code}"]
URL = "https://localhost:8443/"
def relayed(run):
    return fault(server.main, error(path = "/broken", status = 503), run = run)
"""

SERVER = """
server = service("server",
    interface("main", "http", 8443, tls = {tls}),
    binary = "/usr/bin/openssl",
    args = ["s_server", "-quiet", "-www", "-accept", "8443", "-cert", "{work}/pki/{cert}.pem", "-key", "{work}/pki/{cert}.key"{more}],
    healthcheck = tcp("localhost:8443"),
)
"""

# Case: how the interface is declared, the server's certificate, more words of its command line, tests. A rule anywhere in a test makes
# it relay from the beginning.
CASES = {
    "an authority of one's own": ("tls_cert(ca = 'pki/ca.pem')", "localhost", "", """
def test_direct():
    assert_eq(server.main.get().status, 200)
    assert_eq(curl(*CODE + [URL]), "200")
def test_relayed():
    def through_the_relay():
        assert_eq(server.main.get().status, 200)
        assert_eq(server.main.get("/broken").status, 503)
        assert_eq(curl(*CODE + [URL]), "200")
        assert_eq(curl(*CODE + [URL + "broken"]), "503")
    relayed(through_the_relay)
"""),
    "a server that nobody trusts": ("tls_cert()", "localhost", "", """
why = "the certificate (CN=localhost) is not trusted: unable to get local issuer certificate"
def test_direct():
    assert_true(server.main.get().error.endswith("TLS: " + why), server.main.get().error)
def test_relayed():
    def through_the_relay():
        assert_true(server.main.get().error.endswith("TLS: the server refused: internal error"), server.main.get().error)
        assert_true("alert internal error" in curl(URL), curl(URL))
        assert_eventually(type = "proxy_tls_error", side = "server", error = why + "; name its authority in tls_cert(ca=…), or accept any with tls_cert(insecure=True)")
    relayed(through_the_relay)
"""),
    "a server for another name": ("tls_cert(ca = 'pki/ca.pem')", "elsewhere", "", """
def test_direct():
    assert_true(server.main.get().error.endswith("TLS: the certificate (CN=elsewhere) is not for localhost"), server.main.get().error)
def test_relayed():
    def through_the_relay():
        assert_true("alert internal error" in curl(URL), curl(URL))
        assert_eventually(type = "proxy_tls_error", side = "server",
                          error = "the certificate (CN=elsewhere) is not for localhost; accept any with tls_cert(insecure=True)")
    relayed(through_the_relay)
"""),
    "any server": ("tls_cert(insecure = True)", "elsewhere", "", """
def test_direct():
    assert_eq(server.main.get().status, 200)
def test_relayed():
    def through_the_relay():
        assert_eq(server.main.get("/broken").status, 503)
        assert_eq(curl(*CODE + [URL]), "200")
    relayed(through_the_relay)
"""),
    "a certificate for the server": ("tls_cert(ca = 'pki/ca.pem', client_cert = 'pki/client.pem', client_key = 'pki/client.key')",
                                     "localhost", ', "-Verify", "1", "-verify_return_error", "-CAfile", "{work}/pki/ca.pem"', """
def test_direct():
    assert_eq(server.main.get().status, 200)
def test_relayed():
    def through_the_relay():
        assert_eq(server.main.get().status, 200)
        assert_eq(curl(*CODE + [URL]), "200")
    relayed(through_the_relay)
"""),
    "no certificate for a server that wants one": ("tls_cert(ca = 'pki/ca.pem')", "localhost",
                                                   ', "-Verify", "1", "-verify_return_error", "-CAfile", "{work}/pki/ca.pem"', """
def test_direct():
    assert_true(not server.main.get().ok)
def test_relayed():
    def through_the_relay():
        assert_true(not server.main.get().ok)
        assert_eventually(type = "proxy_tls_error", side = "server", error = "the server refused: certificate required")
    relayed(through_the_relay)
"""),
    "a relay with a certificate of one's own": ("tls_cert(ca = 'pki/ca.pem', proxy_cert = 'pki/front.pem', proxy_key = 'pki/front.key')",
                                                "localhost", "", """
show = ["-v", "--cacert", WORK + "/pki/ca.pem", "-o", "/dev/null", URL]
def test_direct():
    assert_true("CN=localhost" in gateway.http.get("/curl?" + "&".join(show)).data["error"])
def test_relayed():
    def through_the_relay():
        assert_eq(server.main.get("/broken").status, 503)
        assert_true("CN=front" in gateway.http.get("/curl?" + "&".join(show)).data["error"])
    relayed(through_the_relay)
"""),
    "TLS that is not declared": ("None", "localhost", "", """
def test_relayed():
    def through_the_relay():
        assert_eq(curl("-k", *CODE + [URL + "broken"]), "200")
        assert_eventually(type = "proxy_tls_error", side = "client",
                          error = "the client speaks TLS, so the bytes pass unread and no rule applies; declare interface(…, tls=tls_cert())")
    relayed(through_the_relay)
"""),
}


def make_certificates(directory):
    directory.mkdir()

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=the user's authority", "-days", "2")
    for name, host in {"localhost": "localhost", "elsewhere": "elsewhere", "front": "localhost", "client": "client"}.items():
        openssl("req", "-x509", *key, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=critical,CA:FALSE",
                "-days", "2")
    for path in directory.iterdir():
        path.chmod(0o644)


def keys_that_got_out(kept, texts):
    """Files of kept directories, and texts, in which there is a private key."""
    files = [path for place in kept for path in pathlib.Path(place).rglob("*") if path.is_file() and not path.is_symlink()]
    out = [str(path) for path in files if b"PRIVATE KEY" in path.read_bytes()]
    return out + [name for name, text in texts.items() if "PRIVATE KEY" in text]


def check(bench, name):
    tls, cert, more, body = CASES[name]
    spec = bench.work / f"{name.replace(' ', '-').replace(chr(39), '')}.star"
    server = SERVER.format(tls=tls, cert=cert, work=bench.work, more=more.format(work=bench.work))
    spec.write_text(f'WORK = "{bench.work}"\n{server}{GATEWAY}{body}')
    document_file = bench.work / "home" / f"{spec.stem}.json"
    code, output = bench.run(["test", str(spec), "--seed", "1", "--keep", "--output", str(document_file)])
    if not document_file.exists():
        return [f"no document; exit code {code}", output]
    text = document_file.read_text()
    if "no rule applies" in body and "1 connection to it had trouble with TLS: see proxy_tls_error" not in output:
        return ["the vacuous fault is not explained", output]
    entries = json.loads(text)["tests"]
    problems = [f"{entry['name']}: {entry['result']}: {entry.get('reason')}" for entry in entries if entry["result"] != "pass"]
    if problems or not entries:
        return [*problems, output]
    kept = re.findall(r"^kept: (\S+)$", output, re.MULTILINE)
    got_out = keys_that_got_out(kept, {"the document": text, "the output": output})
    for place in kept:
        shutil.rmtree(place, ignore_errors=True)
    if not kept:
        return ["nothing was kept"]
    return [f"a private key is in {place}" for place in got_out]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--ordinary-user", action="store_true")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    bench = Bench(args.bin, args.ordinary_user)
    make_certificates(bench.work / "pki")
    if args.ordinary_user:
        for path in [bench.work / "pki", *(bench.work / "pki").iterdir()]:
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    failed = 0
    for name in args.cases or CASES:
        problems = check(bench, name)
        print(f"{'FAILED' if problems else 'ok':8}{name}")
        for problem in problems:
            print(problem)
        failed += bool(problems)
    bench.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
