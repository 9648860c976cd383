"""usage: worker.py SPEC.json

One engine in a process of its own, so that nothing of one (threads that spin, an
affinity, a crash) touches another. The first line it prints describes the engine;
then each line `WARM RUNS` on its input is answered with the times of RUNS runs."""

import json
import os
import resource
import sys
import time
import traceback


def answer(value):
    print(json.dumps(value), flush=True)


def time_runs(run, warm, runs, clock):
    for _ in range(warm):
        run()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    times = []
    for _ in range(runs):
        start = clock()
        run()
        times.append(clock() - start)
    return times, resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - before


def spread(cores):
    """One processor for this thread, the others for those that the engine has started: on a busy machine
    the system may leave all of them on one for long."""
    others = sorted(int(t) for t in os.listdir("/proc/self/task") if int(t) != os.getpid())
    for index, thread in enumerate([os.getpid(), *others]):
        os.sched_setaffinity(thread, [cores[0] if index == 0 else cores[1 + (index - 1) % (len(cores) - 1)]])


def main():
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    os.sched_setaffinity(0, spec["cores"])  # before a library counts its processors
    os.environ.update(spec["environment"])
    import numpy as np

    import engines

    try:
        engine = engines.KINDS[spec["kind"]](spec, dict(np.load(spec["input"])))
        engine.run()
        if len(spec["cores"]) > 1 and spec["kind"] != "peak":  # that one starts threads in each run
            spread(spec["cores"])
        np.savez(spec["output"], **engine.outputs())
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})
        return 1
    answer({"isa": engine.isa, "precision": engine.precision})
    clock = {"wall": time.perf_counter_ns, "cpu": time.process_time_ns}[spec["clock"]]
    for line in sys.stdin:
        warm, runs = map(int, line.split())
        times, disturbed = time_runs(engine.run, warm, runs, clock)
        answer({"times": times, "disturbed": disturbed, "rate": getattr(engine, "rate", None)})
    return 0


sys.exit(main())
