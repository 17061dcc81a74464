"""What a run of mishap consists of while it lasts, and what it leaves on the machine: seen from the process that started it."""
import ctypes
import os
import pathlib
import signal
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_NODEV, MS_NOSUID, MS_BIND, MS_REC, MS_PRIVATE = 4, 2, 0x1000, 0x4000, 0x40000
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
KEPT = set()  # directories of the host that are visible in a temporary directory of our own


def call(name, *args):
    if getattr(LIBC, name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def own_machine(*kept):
    """Gives this process temporary directories, System V objects and a network of its own, so that what is found there later is
    its runs' doing, and makes it the parent of every process below it that loses its own, so that none of them can get away.
    The directories `kept` stay visible."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | (0 if uid == 0 else CLONE_NEWUSER))
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    opened = {os.path.abspath(path): os.open(path, os.O_PATH) for path in kept}
    for path in TEMPORARY:
        call("mount", b"tmpfs", path.encode(), b"tmpfs", MS_NODEV | MS_NOSUID, b"mode=1777")
    for path, descriptor in sorted(opened.items()):
        if not os.path.exists(path):
            os.makedirs(path)
            call("mount", f"/proc/self/fd/{descriptor}".encode(), path.encode(), None, MS_BIND | MS_REC, None)
            KEPT.add(path)
        os.close(descriptor)
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Process:
    """A line of /proc/PID/stat."""

    def __init__(self, text):
        pid, rest = text.split(" (", 1)
        self.comm, rest = rest.rsplit(") ", 1)
        fields = rest.split()
        self.pid, self.state, self.parent, self.group = int(pid), fields[0], int(fields[1]), int(fields[2])
        self.foreground_group, self.start = int(fields[5]), int(fields[19])

    def identity(self):
        return (self.pid, self.start)

    def __repr__(self):
        return f"{self.pid} {self.comm} ({self.state})"


def processes_below(ancestor):
    """Every process, zombies too, whose parents lead to `ancestor`."""
    by_parent = {}
    for directory in os.listdir("/proc"):
        if not directory.isdigit():
            continue
        try:
            process = Process(pathlib.Path("/proc", directory, "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        by_parent.setdefault(process.parent, []).append(process)
    found, look = [], [ancestor]
    while look:
        children = by_parent.get(look.pop(), [])
        found += children
        look += [child.pid for child in children]
    return found


def living_below(ancestor):
    return [process for process in processes_below(ancestor) if process.state not in "ZX"]


def stop(pid):
    """Stops a process (given one of its threads, too). False: it had ended, or had begun to end, so that no signal can change how."""
    try:
        os.kill(pid, signal.SIGSTOP)
        while True:
            state = Process(pathlib.Path(f"/proc/{pid}/stat").read_text()).state
            if state in "TZX":
                return state == "T"
            time.sleep(0.0002)
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_cell(process):
    """Whether it is the first process of a PID namespace: a worker, or what prepares a directory."""
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    ids = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
    # Seen from inside its own namespace it has one id; from here, one more for each namespace around it.
    return bool(ids) and len(ids[0]) > 1 and ids[0][-1] == "1"


def workers(coordinator):
    return [p for p in living_below(coordinator) if p.parent == coordinator and is_cell(p)]


def supervisor_threads(coordinator):
    found = []
    for worker in workers(coordinator):
        for task in pathlib.Path(f"/proc/{worker.pid}/task").glob("*"):
            try:
                if (task / "comm").read_text().strip() == "supervisor":
                    found.append(int(task.name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def services(coordinator):
    """The programs of the cells: children of workers that have begun to run their program."""
    first = {worker.pid for worker in workers(coordinator)}
    return [p for p in living_below(coordinator) if p.parent in first and p.comm != "mishap" and p.group == p.pid]


def reap():
    """Takes the ends of what was inherited from killed processes; their own reaper would be init."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def wait_until_nothing_lives(limit_seconds):
    """Seconds until no process below this one was left, or the list of those that still live."""
    begin = time.monotonic()
    while True:
        left = living_below(os.getpid())
        if not left:
            reap()
            return time.monotonic() - begin
        if time.monotonic() - begin > limit_seconds:
            return left
        time.sleep(0.002)


def lines_of(path):
    try:
        return set(pathlib.Path(path).read_text().splitlines()[1:])
    except OSError:
        return set()


def footprint(but):
    """What is on the machine that a run could leave there: files of the temporary directories (without those below `but`),
    mounts, System V objects, network interfaces."""
    files = set()
    but = but | KEPT
    for root in TEMPORARY:
        for directory, names, others in os.walk(root):
            names[:] = [name for name in names if os.path.join(directory, name) not in but]
            files.update(os.path.join(directory, name) for name in [*names, *others])
    mounts = {"mount " + line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()}
    ipc = set().union(*(lines_of(f"/proc/sysvipc/{kind}") for kind in ("shm", "sem", "msg")))
    interfaces = {"interface " + line.split(":")[0] for line in lines_of("/proc/net/dev")}
    return files | mounts | {"ipc " + " ".join(line.split()[:2]) for line in ipc} | interfaces
