#!/usr/bin/env python3
"""What mishap says, and does, on machines that lack something. What they lack is taken away from this one.

  doctor.py --bin DIR [--ordinary-user] [--approve] [CASE…]

A case is a way to take something away, the lines of `mishap doctor` about it with its exit code, and a run: it must be refused in
doctor's words where doctor says that Mishap cannot run, and work, with doctor's words as a note, where it says degraded.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import bench as benches
import processes

NAME = "doctor"
THIS_MACHINE = "this-machine"


def unchanged(command):
    return command


def denying(what):
    return lambda command: ["./bin/deny", what, *command]


def in_shell(script):
    """Runs `script` in a mount namespace of its own before; as an ordinary user also in a user namespace with all rights."""
    def wrap(command):
        own = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
        return [*own, "sh", "-ec", script + '\nexec "$@"', "sh", *command]
    return wrap


def before(wrap):
    """What has to be done by root goes before the change to the ordinary user."""
    return lambda bench, command: wrap(bench.command(command))


def after(wrap):
    """What is done by the process that becomes mishap."""
    def build(bench, command):
        prefix = bench.command([])[:-1]
        return [*prefix, *wrap([str(bench.bin / "mishap"), *command])]
    return build


def without_user_namespaces(command):
    """The limit of a namespace of its own, not of the machine."""
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    return ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-ec", script, "sh", *command]


def as_root_alone(command):
    return ["unshare", "--user", "--map-root-user", *command]


# A /proc of which anything is covered may not be mounted anew (mount_namespaces(7)).
MASKED_PROC = "mount -t tmpfs none /proc/bus"

# As container engines leave it.
CONTAINER_PROC = MASKED_PROC + """
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys"""

# Overlays lie on each other two deep at most: over these there can be none. A directory with mounts of an outer user namespace below
# it (/var with an ordinary user's own /var/tmp, see processes.own_machine) takes none either, but its entries do.
DEEP_OVERLAYS = r"""
mkdir -p /tmp/layers
mount -t tmpfs none /tmp/layers
lay() {
  layers=/tmp/layers/$1$2
  mkdir -p "$layers/upper" "$layers/work"
  mount -t overlay none -o "lowerdir=$2,upperdir=$layers/upper,workdir=$layers/work,userxattr" "$2" 2>/dev/null
}
deepen() {
  for path in "$1"/*; do
    [ -d "$path" ] && [ ! -L "$path" ] || continue
    case $path in /proc|/sys|/dev|/tmp) continue;; esac
    if lay 1 "$path"; then lay 2 "$path"; else (deepen "$path"); fi
  done
}
deepen ''
"""

TINY = ["specs/tiny.star"]
KAFKA = ["specs/kafka_images.star", "--image", "client:latest=/bin/bash"]
FAULTS = ["specs/faults.star", "--test", "write_line", "--test", "matrix_write_line_io_error", "--test", "body_faults"]
DATABASE = ["examples/user-api/user_api.star", "--image", "user-api:latest=bin/user_api_careful", "--test",
            "create_user", "--test", "matrix_create_user_insert_fails"]

# Name: how the command is wrapped, doctor's exit code, the probes that must speak, the run and its exit code.
CASES = {
    "docker-profile": (after(denying("docker")), 1, ["user namespaces"], TINY, 1),
    "mounts-denied": (after(denying("mount")), 1, ["user namespaces"], TINY, 1),
    "no-killable-wait": (after(denying("killable")), 0, ["signals in supervised calls"], FAULTS, 0),
    "no-synchronous-wake-up": (after(denying("sync")), 0, ["synchronous wake-ups"], FAULTS, 0),
    "no-pidfd-getfd": (after(denying("getfd")), 1, ["access to services"], FAULTS, 1),
    "second-listener": (after(denying("listener")), 1, ["seccomp notifications"], FAULTS, 1),
    "no-tun": (before(in_shell("mount -t tmpfs none /dev/net")), 0, ["/dev/net/tun"], TINY, 0),
    "masked-proc": (before(in_shell(MASKED_PROC)), 0, ["private /proc"], FAULTS, 0),
    "container-proc": (before(in_shell(CONTAINER_PROC)), 0, ["private /proc", "ports below 1024"], FAULTS, 0),
    "no-overlay": (before(in_shell(DEEP_OVERLAYS)), 0, ["overlay file systems"], DATABASE, 0),
    # What is installed is still there, where the links to it lead to nothing.
    "no-java": (before(in_shell("mount -t tmpfs none /usr/lib/jvm")), 0, ["java"], KAFKA, 1),
    "no-kafka": (before(in_shell("export MISHAP_CACHE_DIR=/var/tmp/no-such-cache")), 0, ["image kafka"], TINY, 0),
    "no-user-namespaces": (after(without_user_namespaces), 1, ["user namespaces"], TINY, 1),
    "root-alone": (after(as_root_alone), 1, ["user namespaces"], TINY, 1),
    "root-without-mounts": (after(lambda command: ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", *command]), 0,
                            ["files of root"], FAULTS, 0),
}
ROOT_ONLY = {"root-without-mounts"}
ORDINARY_ONLY = {"no-user-namespaces", "root-alone"}
# What is said of a seccomp filter depends on whether this machine is a container itself.
BY_CONTAINER = {"docker-profile", "mounts-denied"}
IN_CONTAINER = any(os.path.exists(marker) for marker in ("/.dockerenv", "/run/.containerenv"))


def execute(bench, build, command):
    environment = dict(bench.environment(), PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    done = subprocess.run(build(bench, command), cwd=bench.work, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def speaking(text, names):
    """The lines of the probes of these names, with what follows each."""
    shown, wanted = [], False
    for line in text.splitlines():
        if line and not line.startswith(" "):
            wanted = any(line.startswith(name + " ") for name in names) or line.startswith("Mishap can")
        if wanted and line:
            shown.append(line)
    return "\n".join(shown) + "\n"


def said_by_run(text):
    """Errors, notes and counts of a run; the rest is not about the machine."""
    keep, shown = False, []
    for line in text.splitlines():
        keep = line.startswith(("error:", "note:")) or (keep and text.startswith("error:"))
        if keep or " passed, " in line or "ERROR" in line[:6]:
            shown.append(line)
    return "\n".join(shown) + "\n"


def run_case(bench, name, approve):
    build, doctor_code, names, spec, run_code = CASES[name]
    code, output = execute(bench, build, ["doctor"])
    problems = [] if code == doctor_code else [f"doctor's exit code {code}, want {doctor_code}", output]
    text = f"$ mishap doctor   ({name})\n{speaking(output, names)}[exit {code}]\n"
    code, output = execute(bench, build, ["test", *spec, "--seed", "1", "--jobs", "2"])
    if code != run_code:
        problems += [f"the run's exit code {code}, want {run_code}", output]
    text += f"$ mishap test {' '.join(spec)}\n{said_by_run(output)}[exit {code}]\n"
    text = benches.masked(text)
    variant = "-in-container" if name in BY_CONTAINER and IN_CONTAINER else ""
    return problems + benches.differences(f"{NAME}-{name}{variant}", text, approve)


def check_this_machine(bench):
    """Both forms of doctor agree, name every probe, and are right about a machine on which all other tests run."""
    code, text = execute(bench, after(unchanged), ["doctor"])
    json_code, document = execute(bench, after(unchanged), ["doctor", "--format", "json"])
    document = json.loads(document)
    problems = [] if code == json_code == 0 and document["can_run"] else [f"exit codes {code} and {json_code}", text]
    for probe in document["probes"]:
        line = next((line for line in text.splitlines() if line.startswith(probe["name"] + "  ")), "")
        if probe["state"] not in line or probe["detail"] not in line:
            problems.append(f"{probe} is not in the text\n{text}")
        if (probe["state"] == "ok") != (probe["remedy"] == ""):
            problems.append(f"{probe}: a remedy belongs to what is not ok, and only there")
    names = [probe["name"] for probe in document["probes"]]
    wanted = ["kernel", "user namespaces", "overlay file systems", "private /proc", "access to services", "networks of services",
              "/dev/net/tun", "seccomp notifications", "signals in supervised calls", "synchronous wake-ups", "image postgres",
              "image redis", "image kafka", "java"]
    return problems + [f"no probe {name}" for name in wanted if name not in names]


def main():
    options = benches.arguments([THIS_MACHINE, *CASES])
    processes.own_machine(benches.ROOT, options.bin)
    bench = benches.Bench(options.bin, options.ordinary_user)
    shutil.copy2(pathlib.Path(options.bin) / "deny", bench.bin / "deny")
    benches.provide_kafka(bench)
    as_root = os.getuid() == 0 and not options.ordinary_user
    passed = failed = 0
    try:
        for name in options.cases or [THIS_MACHINE, *CASES]:
            if name in (ORDINARY_ONLY if as_root else ROOT_ONLY):
                continue
            problems = check_this_machine(bench) if name == THIS_MACHINE else run_case(bench, name, options.approve)
            if problems:
                failed += 1
                print(f"--- {name}", *problems, sep="\n")
            else:
                passed += 1
    finally:
        bench.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
