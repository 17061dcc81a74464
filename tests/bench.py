"""Where tests of the real binary run: a directory of their own, an ordinary user, masked output."""
import argparse
import difflib
import fcntl
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
NOBODY = pwd.getpwnam("nobody")  # an ordinary user that every machine has


# First word of a command line that is run where the kernel makes no network interfaces.
NO_NETWORKS = "(without rtnetlink)"


class Bench:
    """Where the cases run: a copy of the specs that any user can read, and the programs."""

    def __init__(self, bin_dir, ordinary_user):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="mishap-e2e."))
        self.ordinary_user = ordinary_user
        shutil.copytree(HERE / "specs", self.work / "specs")
        shutil.copytree(ROOT / "examples", self.work / "examples")
        self.bin = self.work / "bin"
        self.bin.mkdir()
        for program in ("mishap", "tiny_http", "talker", "without_rtnetlink", "user_api_careful", "user_api_careless",
                        "orders_producer", "orders_consumer", "shop_gateway", "shop_orders", "shop_inventory", "shop_payments",
                        "grpc_server", "grpc_server_plain"):
            shutil.copy2(pathlib.Path(bin_dir) / program, self.bin / program)
            if program in ("tiny_http", "talker"):
                shutil.copy2(pathlib.Path(bin_dir) / program, self.work / "specs" / program)
        (self.work / "programs").mkdir()
        for program in (HERE / "programs").glob("tls_*.py"):
            shutil.copy2(program, self.work / "programs")
        (self.work / "home").mkdir()
        if ordinary_user:
            for path in [self.work, *self.work.rglob("*")]:
                os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        else:
            os.chmod(self.work, 0o755)

    def command(self, args):
        """The command line; the process that runs it becomes mishap, with the same pid."""
        as_nobody = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
        words = [str(self.bin / "mishap"), *args]
        if args[:1] == [NO_NETWORKS]:
            words = [str(self.bin / "without_rtnetlink"), str(self.bin / "mishap"), *args[1:]]
        return [*(as_nobody if self.ordinary_user else []), *words]

    def environment(self):
        return dict(os.environ, HOME=str(self.work / "home"), NO_COLOR="1", MISHAP_CACHE_DIR=cache_dir(self.ordinary_user))

    def start(self, args):
        """A run that goes on meanwhile; its output, stderr among stdout, is to be read."""
        return subprocess.Popen(self.command(args), cwd=self.work, env=self.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def run(self, args, cwd=None, timeout=300, memory_bytes=None):
        """Exit code and output, stderr among stdout; `cwd` defaults to the bench's own directory."""
        limit = ["prlimit", f"--as={memory_bytes}"] if memory_bytes else []
        done = subprocess.run([*limit, *self.command(args)], cwd=cwd or self.work, env=self.environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                              text=True, errors="replace")
        return done.returncode, done.stdout

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)


def cache_dir(ordinary_user):
    """Kept between runs, so that a database is prepared once; one for each user."""
    return f"/var/tmp/mishap-test-cache-{NOBODY.pw_uid if ordinary_user else os.getuid()}"


def provisioned_kafka(mishap):
    """The directory of Kafka's jars in the cache of who runs the tests, where it stays."""
    environment = dict(os.environ, MISHAP_CACHE_DIR=cache_dir(False))
    done = subprocess.run([str(mishap), "provision", "kafka"], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the tests need Kafka:\n{done.stdout}")
    return pathlib.Path(re.search(r" in (.*), all checksums right", done.stdout)[1])


def provide_kafka(bench):
    """Puts Kafka into the cache of the bench's user, where it stays, and returns the directory of its jars. It is fetched by whoever runs
    the tests, since an ordinary user of the tests has no settings of Maven."""
    own = cache_dir(False)
    libs = provisioned_kafka(bench.bin / "mishap")
    entry = libs.parent.parent
    wanted = pathlib.Path(cache_dir(bench.ordinary_user)) / entry.relative_to(own)
    with open(f"{cache_dir(False)}/tests.lock", "w", encoding="ascii") as lock:  # several tests may want it at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            copy_for_nobody(entry, wanted)
    return wanted / libs.relative_to(entry)


def copy_for_nobody(entry, wanted):
    copy = pathlib.Path(f"{wanted}.copy")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(entry, copy, dirs_exist_ok=True)
    for path in [wanted.parent.parent, wanted.parent, copy, *copy.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    os.rename(copy, wanted)


MASKS = [
    (r"\x1b\[[0-9;]*[A-Za-z]", ""),
    (r"mishap \d+\.\d+\.\d+", "mishap VERSION"),
    (r"seed \d+ \(", "seed N ("),
    (r"--seed \d+", "--seed N"),
    (r"\d+ jobs?", "N jobs"),
    # When a service's words arrive between other events is up to the machine.
    (r"^ +#\d+ .* (stdout|stderr): .*\n", ""),
    # Nor do servers always say the same while they start, and a body's end may meet its last words.
    (r"^ +\d{4}-\d\d-\d\d .* UTC \[\d+\] .*\n", ""),
    (r"^ +\d+:[CMSX] \d\d .*\n", ""),
    (r"^ +\(all of it: .*\.(db|cache)\.log\)\n", ""),
    (r"^ +output of \w+(, last \d+ lines)?:\n(?!    )", ""),
    (r"(last \d+ of \d+ events:\n)(    #.*\n)*?(?=    #.* (proxy_)?fault_applied )", r"\1"),
    (r"^ +#\d+ .* proxy_conn_close .*\n", ""),
    (r"^ +#\d+ .* service_(started kind=image|ready)\n", ""),
    # The end of a service is known before or after its last answer.
    (r"^ +#\d+ .* service_exited code=.*\n", ""),
    (r"base/\d+/\d+(_fsm)?", "base/N/N"),
    (r"conn_id=\d+", "conn_id=N"),
    (r"event seq=\d+", "event seq=N"),
    (r"\+\d+\.\d{3}s", "+T"),
    (r"#\d+ +", "#N "),
    (r"last \d+ of \d+ events", "last N of M events"),
    (r"\b\d+(\.\d+)?(ms|s)\b", "T"),
    (r"\b\d+m\d\ds\b", "T"),
    (r"PostgreSQL \d+(\.\d+)?[^ ]*", "PostgreSQL V"),
    (r"/usr/lib/postgresql/\d+/bin", "BIN"),
    (r"Kafka \d[^ ]* from \S+, Java \S+ from [^ )]+", "Kafka V from DIR, Java V from DIR"),
    (r"/var/tmp/mishap-test-cache-\d+/", "CACHE/"),
    (r"/kafka/\d[^/ ]*/data/libs", "/kafka/RELEASE/data/libs"),
    (r"Redis (server )?\d+\.\d+\.\d+", "Redis V"),
    (r"not found in PATH \(.*\)", "not found in PATH (PATH)"),
    (r"/tmp/mishap-e2e\.[^/ ]+", "WORK"),
    (r"127\.0\.0\.1:\d{5}", "127.0.0.1:PORT"),
    (r"T +$", "T"),
    (r" {2,}T", " T"),
    (r"─+", "─"),
    (r"(?<=\S) {2,}", "  "),
    (r"(PASS|FAIL|VACUOUS|ERROR) +T", r"\1 T"),
    (r" +│", " │"),
]


def masked(text):
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def arguments(cases):
    """The command line that scripts with approved texts have in common."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--ordinary-user", action="store_true")
    parser.add_argument("--approve", action="store_true")
    parser.add_argument("--but", action="append", default=[], metavar="CASE", help="leave it out")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(cases))
    options = parser.parse_args()
    unknown = [case for case in options.cases + options.but if case not in cases]
    if unknown:
        parser.error(f"unknown case \"{unknown[0]}\"; known are {', '.join(cases)}")
    options.cases = [case for case in options.cases or cases if case not in options.but]
    return options


def differences(name, text, approve):
    """Lines that differ from the approved text of this name; with `approve` it becomes the approved one."""
    approved = HERE / "approved" / f"{name}.txt"
    if approve:
        approved.write_text(text)
    known = approved.read_text() if approved.exists() else ""
    return list(difflib.unified_diff(known.splitlines(), text.splitlines(), "approved", "now", lineterm=""))
