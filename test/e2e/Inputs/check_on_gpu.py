#!/usr/bin/env python3
"""usage: check_on_gpu.py [--time] [--only PART] [FOLDER]

Runs what test/e2e/gpu_bundle.py wrote to a folder (default: this file's) on the first GPU, and compares with the numbers
of the CPU that lie there: the code of each generation that the GPU runs. It needs numpy and run_so.py beside it, and nothing of qcc. --time: also prints the least
time of a run, host to host. The last line is the count; exit status 1 where a check fails."""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

LIMIT = 120  # seconds for a check: a GPU that hangs is a failure, too


def describe(actual, expected, rule):
    """What is wrong; empty: nothing."""
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return f"{actual.shape} of {actual.dtype}, should be {expected.shape} of {expected.dtype}"
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    noise, signal = np.sum((a - e) ** 2), np.sum(e**2)
    decibels = np.inf if noise == 0 else 10 * np.log10(signal / noise)
    wrong = ~(np.abs(a - e) <= rule.get("atol", 0) + rule.get("rtol", 0) * np.abs(e)) & ~(np.isnan(a) & np.isnan(e))
    bad = decibels < rule["decibels"] if "decibels" in rule else wrong.any()
    return f"{np.count_nonzero(wrong)} of {wrong.size} differ, {decibels:.1f} dB; first {a.ravel()[:4]}, should be {e.ravel()[:4]}" if bad or np.isnan(decibels) else ""


def capability():
    """Of the first device: 80 for sm_80. In the words of the failure where there is none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        sys.exit(f"check_on_gpu.py: error: there is no driver of NVIDIA's: {error}")
    numbers = [ctypes.c_int(), ctypes.c_int()]
    if driver.cuInit(0) or any(driver.cuDeviceGetAttribute(ctypes.byref(n), which, 0) for n, which in zip(numbers, (75, 76))):
        sys.exit("check_on_gpu.py: error: the driver finds no GPU")
    return 10 * numbers[0].value + numbers[1].value


def driver_of_stream():
    """The driver with the first device's context current, and a stream."""
    driver, context, stream = ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p(), ctypes.c_void_p()
    assert driver.cuInit(0) == 0 and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
    assert driver.cuCtxPushCurrent_v2(context) == 0 and driver.cuStreamCreate(ctypes.byref(stream), 1) == 0
    return driver, stream


def run_in_stream(model, call, outputs):
    """The outputs of ten runs put into one stream, each into arrays of its own."""
    driver, stream = driver_of_stream()
    many = [{name: np.zeros_like(array) for name, array in outputs.items()} for _ in range(10)]
    pointers = lambda arrays: (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    kept = [(pointers(call.arrays[0]), pointers(list(into.values()))) for into in many]
    for given, into in kept:
        assert model._library.m_run_async(given, into, stream) == 0, "m_run_async fails"
    assert driver.cuStreamSynchronize(stream) == 0, "the stream reports an error"
    return many


def run_in_threads(library, inputs):
    """The outputs of six threads' last of ten runs."""
    from run_so import Model

    found = [None] * 6

    def work(i):
        model = Model(library)
        for _ in range(10):
            found[i] = model.run(inputs)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outputs or {} for outputs in found]


def results_of(folder, check):
    """Of a check's runs: a list of {name: array}, and the milliseconds of the fastest."""
    from run_so import Model

    library = folder / check["library"]
    inputs = dict(np.load(folder / check["inputs"]))
    model = Model(library)
    call, outputs = model.prepare(inputs)
    dense = lambda: {n: a.reshape(-1)[: np.prod(s, dtype=int)].reshape(s).copy() for (n, a), s in zip(outputs.items(), call.shapes)}
    found = []
    for dirt in (0x5A, 0xA5):
        for array in outputs.values():
            array.view(np.uint8).fill(dirt)
        call()
        found.append(dense())
    if check["how"] == "stream":
        found += run_in_stream(model, call, outputs)
    if check["how"] == "threads":
        found += run_in_threads(library, inputs)
    times = []
    for _ in range(check["timed"]):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return found, min(times, default=None)


def run_one(folder, check):
    found, least = results_of(folder, check)
    expected = dict(np.load(folder / check["expected"]))
    for i, outputs in enumerate(found):
        for name, value in expected.items():
            if wrong := describe(outputs[name], value, check["rule"]):
                sys.exit(f"run {i}, {name}: {wrong}")
    print("" if least is None else f"{least:.3f} ms")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("\n")[0].removeprefix("usage: "))
    parser.add_argument("folder", nargs="?", default=Path(__file__).parent, type=Path)
    parser.add_argument("--only", default="", metavar="PART")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(options.folder))
    if options.one:
        return run_one(options.folder, json.loads(options.one))
    passed = failed = 0
    most = capability()
    for check in json.loads((options.folder / "checks.json").read_text()):
        if options.only not in check["name"] or int(check["isa"].removeprefix("sm_")) > most:
            continue
        check["timed"] = 200 if options.time else 0
        command = [sys.executable, __file__, options.folder, "--one", json.dumps(check)]
        start = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "QCC_DEVICE": "cuda", "QCC_ISA": check["isa"]})
            said, good = done.stdout.strip() if done.returncode == 0 else f"status {done.returncode}: {done.stdout}{done.stderr}".strip(), done.returncode == 0
        except subprocess.TimeoutExpired:
            said, good = f"no end after {LIMIT} s", False
        passed, failed = passed + good, failed + (not good)
        print(f"{'passed' if good else 'FAILED'}: {check['name']}, {check['isa']} ({time.perf_counter() - start:.1f} s) {said}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
