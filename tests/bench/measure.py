"""Measures the processor time and memory of a process and its children."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

HOST = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"timed out after {seconds} s waiting for {what}")
        time.sleep(0.005)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def listening(process, port):
    def connects():
        process.must_run()
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    wait_for(connects, f"{process.name} to listen")
    return process


class Process:
    """A process started by the benchmark, and its children."""

    def __init__(self, command, stdout=False, stdin=False, errors=None):
        command = [str(word) for word in command]
        self.name = Path(command[0]).name
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout else subprocess.DEVNULL, stderr=errors, text=True)
        self.peaks = {}
        self.usage = None
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def line_after(self, start):
        """Returns the rest of the first line that begins with `start`, and discards all later output."""
        for line in self.child.stdout:
            if line.startswith(start):
                threading.Thread(target=self._drain, daemon=True).start()
                return line[len(start):].strip()
        raise SystemExit(f"{self.name} exited before it printed {start!r}")

    def _drain(self):
        for _ in self.child.stdout:
            pass

    def must_run(self):
        if self.child.poll() is not None:
            raise SystemExit(f"{self.name} exited with code {self.child.returncode}")

    def finish(self):
        """Waits until it exits, and expects success."""
        _, status, self.usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self._stop_watching()
        if self.child.returncode != 0:
            raise SystemExit(f"{self.name} failed with exit code "
                             f"{self.child.returncode}: {self.child.args}")

    def settle(self):
        """Waits until the children that served a client have exited, so that their time is counted."""
        wait_for(lambda: not children(self.child.pid), f"{self.name} to finish with its client")

    def stop(self):
        self._stop_watching()
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def cpu(self):
        """Returns seconds of user and system time, with those of children that exited."""
        if self.usage:
            return self.usage.ru_utime + self.usage.ru_stime
        try:
            stat = Path(f"/proc/{self.child.pid}/stat").read_text()
        except FileNotFoundError:
            return 0.0
        return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15]) / TICK

    def resident(self):
        """Returns the present resident memory in KiB, children included; shared memory counts once."""
        pids = [self.child.pid, *children(self.child.pid)]
        return sum(share for share in map(proportional_share, pids) if share)

    def peak(self):
        """Returns the peak resident memory in KiB; with children, the sum of all peaks."""
        return sum(self.peaks.values())

    def _watch(self):
        # wait4's figure would include the memory of the Python that started it, so this reads the
        # kernel's high-water mark while the process runs.
        while not self.over.wait(0.01):
            for pid in [self.child.pid, *children(self.child.pid)]:
                mark = high_water(pid)
                if mark:
                    self.peaks[pid] = mark

    def _stop_watching(self):
        self.over.set()
        self.watcher.join()


def children(pid):
    found = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += [int(child), *children(int(child))]
    except OSError:
        pass
    return found


def proportional_share(pid):
    return field(f"/proc/{pid}/smaps_rollup", "Pss:")


def high_water(pid):
    return field(f"/proc/{pid}/status", "VmHWM:")


def field(path, name):
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    except OSError:
        pass
    return None
