"""Starts the engines of one network, lets them take turns, and keeps their times."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SLOT = 0.1  # seconds that an engine runs before the next has its turn
PAUSE = 0.005  # in which threads that spin go to sleep


class Engine:
    """One row of the table: a worker process and what it measured."""

    def __init__(self, name, kind, model, network, threads, cores, precision=None, isa=None, environment=None, clock="wall"):
        self.name, self.precision, self.isa, self.threads = name, precision, isa, threads
        self.times, self.rate, self.disturbed, self.error = [], 0.0, 0, None
        stem = network.folder / f"{name}-{threads}".replace(" ", "-")
        self.output = stem.with_suffix(".output.npz")
        self.output.unlink(missing_ok=True)
        self.spec = stem.with_suffix(".spec.json")
        spec = {
            "kind": kind, "model": str(model), "input": str(network.input), "output": str(self.output),
            "threads": threads, "cores": cores, "isa": isa, "precision": precision,
            "environment": environment or {}, "clock": clock,
        }  # fmt: skip
        self.spec.write_text(json.dumps(spec))
        self.process = None

    def start(self):
        command = [sys.executable, HERE / "worker.py", self.spec]
        log = self.spec.with_suffix(".log")
        with open(log, "w") as errors:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        said = self.ask()
        if self.error:
            return
        self.isa = said["isa"]
        self.precision = self.precision or said["precision"]
        first = self.turn(1, 1)
        self.runs = max(1, int(SLOT / (first * 1e-9))) if first else 1

    def ask(self, question=None):
        """One line to the worker and its answer; {} and `error` set where it has ended."""
        try:
            if question:
                self.process.stdin.write(question + "\n")
                self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        while line and not line.startswith("{"):  # a library that prints
            line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"ended; see {self.spec.with_suffix('.log')}"}
        self.error = answer.get("error")
        return answer

    def turn(self, warm, runs):
        said = self.ask(f"{warm} {runs}")
        if self.error:
            return None
        self.times += said["times"]
        self.disturbed += said["disturbed"]
        self.rate = said["rate"]
        return min(said["times"])

    def stop(self):
        if self.process:
            self.process.stdin.close()
            if self.process.wait() and not self.error:
                self.error = f"ended with status {self.process.returncode}"

    def row(self, network, reference):
        """What the report says of it; times in milliseconds."""
        row = {
            "network": network.name, "engine": self.name, "precision": self.precision,
            "threads": self.threads, "isa": self.isa,
        }  # fmt: skip
        if self.error:
            return {**row, "error": self.error}
        times = [t * 1e-6 for t in self.times]
        row |= {"min_ms": min(times), "median_ms": statistics.median(times), "runs": len(times)}
        row |= {"gmacs": network.facts["macs"] * 1e-6 / row["min_ms"], "preemptions": self.disturbed}
        if reference is not None:
            row["sqnr_db"] = sqnr(dict(np.load(self.output)), reference)
        return row


def sqnr(outputs, reference):
    """Of all outputs together, against ONNX Runtime's float ones; None for equal ones."""
    signal = noise = 0.0
    for name, expected in reference.items():
        signal += np.sum(expected.astype(np.float64) ** 2)
        noise += np.sum((outputs[name].astype(np.float64).reshape(expected.shape) - expected) ** 2)
    return float(10 * np.log10(signal / noise)) if noise and signal else None


def take_turns(engines, seconds):
    """Runs all, one after the other, again and again, until each had about `seconds`."""
    for engine in engines:
        engine.start()
    begin = time.monotonic()
    alive = [e for e in engines if not e.error]
    rounds = max(3, round(seconds / SLOT))
    for i in range(rounds):
        for engine in alive:
            engine.turn(1, engine.runs)
            time.sleep(PAUSE)
        alive = [e for e in alive if not e.error]
        if i >= 2 and time.monotonic() - begin > 1.5 * seconds * len(engines):
            break  # the machine is busy with something else
    for engine in engines:
        engine.stop()


def pinned(cores):
    """For subprocess: runs the program on these cores only."""
    return lambda: os.sched_setaffinity(0, cores)
