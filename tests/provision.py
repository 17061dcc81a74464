#!/usr/bin/env python3
"""What `mishap provision kafka` does and says, word by word, with a Maven of our own.

  provision.py --bin DIR [--ordinary-user] [--approve] [CASE…]

The mvn of a case is a script: it copies the real jars (bench.provide_kafka fetched them) or does what the case is about. Nothing here
asks the network, and no case touches the cache of anybody else.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

import bench as benches

NAME = "provision"
FETCHES = """#!/bin/sh
for word; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done
place=${0%%/bin/mvn}
echo "$@" >> "$place/calls"
%(before)s
mkdir -p "$out" && cp %(jars)s/*.jar "$out"
%(after)s
"""
NO_NETWORK = """#!/bin/sh
cat <<'END'
[ERROR] Failed to execute goal on project provision-kafka: Could not resolve dependencies for project mishap:provision-kafka:pom:1: \
Failed to collect dependencies at org.apache.kafka:kafka_2.13:jar:3.9.1: Unknown host repository.example -> [Help 1]
[ERROR]\x20
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] Re-run Maven using the -X switch to enable full debug logging.
[ERROR]\x20
[ERROR] For more information about the errors and possible solutions, please read the following articles:
[ERROR] [Help 1] a page about it
END
exit 1
"""


class Place:
    """A directory with a mvn in bin, and a cache that is empty at first."""

    def __init__(self, bench, name, mvn):
        self.bench, self.directory = bench, bench.work / name
        (self.directory / "bin").mkdir(parents=True)
        if mvn:
            (self.directory / "bin" / "mvn").write_text(mvn)
            (self.directory / "bin" / "mvn").chmod(0o755)
        for tool in ("sh", "mkdir", "cp", "rm", "sleep", "cat"):
            (self.directory / "bin" / tool).symlink_to(shutil.which(tool))
        if bench.ordinary_user:
            for path in [self.directory, *self.directory.rglob("*")]:
                os.chown(path, benches.NOBODY.pw_uid, benches.NOBODY.pw_gid, follow_symlinks=False)

    def start(self, *more):
        environment = dict(self.bench.environment(), PATH=str(self.directory / "bin"), MISHAP_CACHE_DIR=str(self.directory / "cache"))
        command = self.bench.command(["provision", "kafka", *more])
        command[0] = shutil.which(command[0]) or command[0]
        return subprocess.Popen(command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")

    def run(self, *more):
        done = self.start(*more)
        output, _ = done.communicate(timeout=60)
        return f"$ mishap provision kafka{''.join(' ' + word for word in more)}\n{output}[exit {done.returncode}]\n"

    def calls(self):
        calls = self.directory / "calls"
        return calls.read_text() if calls.exists() else ""

    def libs(self):
        return next((self.directory / "cache" / "kafka").glob("*/data/libs"), None)

    def left(self):
        """What is in the cache besides locks."""
        return sorted(path.name for path in (self.directory / "cache").glob("kafka/*") if path.suffix != ".lock")


def fetching(jars, before="", after=""):
    return FETCHES % {"jars": jars, "before": before, "after": after}


def twice(bench, jars):
    place = Place(bench, "twice", fetching(jars))
    text = place.run() + place.run("--offline")
    problems = [] if place.calls().count("\n") == 1 else ["mvn was not called once", place.calls()]
    modes = {oct(path.stat().st_mode & 0o777) for path in place.libs().iterdir()}
    return text, problems + ([] if modes == {"0o644"} else [f"modes of the jars: {modes}"])


def offline(bench, jars):
    place = Place(bench, "offline", fetching(jars))
    text = place.run("--offline")
    return text, [] if place.calls().startswith("--offline ") else ["mvn was not told", place.calls()]


def at_once(bench, jars):
    place = Place(bench, "at-once", fetching(jars, before="sleep 0.5"))
    runs = [place.start() for _ in range(3)]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    problems = [] if all(run.returncode == 0 for run in runs) else outputs
    fetched = sum("fetching" in output for output in outputs)
    return "", problems + ([] if fetched == 1 else [f"{fetched} of 3 fetched", *outputs])


def killed(bench, jars):
    """The next run takes away what the killed one left."""
    place = Place(bench, "killed", fetching(jars, after='[ -e "$place/again" ] || { : > "$place/again"; exec sleep 30; }'))
    run = place.start()
    while not (place.directory / "again").exists() and run.poll() is None:
        time.sleep(0.02)
    run.kill()
    run.wait()
    problems = [] if any(".tmp." in name for name in place.left()) else ["nothing was left to take away"]
    text = place.run()
    return text, problems + [f"left: {name}" for name in place.left() if ".tmp." in name]


def damaged_later(bench, jars):
    place = Place(bench, "damaged-later", fetching(jars))
    place.run()
    with open(place.libs() / "kafka-clients-3.9.1.jar", "ab") as jar:
        jar.write(b"x")
    return place.run(), []


def refused(mvn):
    """A case in which nothing may be installed."""
    def case(bench, jars):
        place = Place(bench, f"refused-{time.monotonic_ns()}", mvn(jars))
        text = place.run()
        return text, [f"left: {name}" for name in place.left()]
    return case


CASES = {
    "twice": twice,
    "offline": offline,
    "at-once": at_once,
    "killed": killed,
    "damaged-later": damaged_later,
    "no-mvn": refused(lambda jars: None),
    "no-network": refused(lambda jars: NO_NETWORK),
    "mvn-breaks": refused(lambda jars: "#!/bin/sh\necho 'The JAVA_HOME environment variable is not defined correctly'\nexit 1\n"),
    "wrong-checksum": refused(lambda jars: fetching(jars, after='echo x >> "$out/snappy-java-1.1.10.5.jar"')),
    "file-missing": refused(lambda jars: fetching(jars, after='rm "$out/pcollections-4.0.1.jar"')),
    "file-too-many": refused(lambda jars: fetching(jars, after=': > "$out/extra-1.0.jar"')),
}


def masked(text, place):
    return benches.re.sub(rf"{place}/[^/ ]+", "PLACE", text)


def main():
    options = benches.arguments(CASES)
    bench = benches.Bench(options.bin, options.ordinary_user)
    failed = 0
    try:
        jars = pathlib.Path(benches.provide_kafka(bench))
        for name in options.cases or CASES:
            text, problems = CASES[name](bench, jars)
            text = masked(text, bench.work)
            problems = problems + (benches.differences(f"{NAME}-{name}", text, options.approve) if text else [])
            if problems:
                failed += 1
                print(f"--- {name}", *problems, sep="\n")
    finally:
        bench.close()
    total = len(options.cases or CASES)
    print(f"{total - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
