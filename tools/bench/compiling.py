"""What qcc makes of a network, how long it takes, and the times of its layers."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

from measure import pinned

# The rows of qcc: what is compiled, and how.
VARIANTS = {
    "qcc-int8": ("float_model", ["--calib={calib}"], "int8"),
    "qcc-qdq": ("qdq_model", [], "int8"),
    "qcc-dynamic": ("float_model", ["--quantize=dynamic"], "int8"),
    "qcc-int4": ("float_model", ["--quantize=dynamic", "--weights=int4"], "int8"),
    "qcc-fp32": ("float_model", ["--quantize=none", "--precision=fp32"], "fp32"),
    "qcc-fp16": ("float_model", ["--quantize=none", "--precision=fp16"], "fp32"),
    "qcc-bf16": ("float_model", ["--quantize=none", "--precision=bf16"], "bf16"),
}


class Compiled:
    """A shared object or the reason why there is none; `facts` for the report."""

    def __init__(self, qcc, variant, network, options):
        which, words, self.precision = VARIANTS[variant]
        self.path = network.folder / f"{variant}.so"
        self.path.unlink(missing_ok=True)
        words = [w.format(calib=network.calibration) for w in words]
        command = [str(qcc), str(getattr(network, which)), *words, *options, "--emit=shared", "-o", str(self.path)]
        start = time.monotonic()
        status, peak, processor, said = run(command, network.folder / f"{variant}.log")
        self.error = None
        if status:
            lines = [line for line in said.splitlines() if "error:" in line] or said.splitlines() or ["no message"]
            self.error = f"exit status {status}: {lines[0]}"
            return
        self.facts = {
            "network": network.name,
            "engine": variant,
            "seconds": time.monotonic() - start,
            "cpu_seconds": processor,
            "peak_mib": peak,
            "bytes": self.path.stat().st_size,
        }


def run(command, log):
    """Exit status, peak of memory in MiB, seconds of processor time, and all that it said, which goes to
    `log`, too. On a busy machine the processor time is what can be compared."""
    peak = ended = 0
    with open(log, "w") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while not ended:
            # wait4's figure would include this process, as it was when it forked.
            found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
            peak = max(peak, int(found.group(1)) if found else 0)
            time.sleep(0.01)
            ended, status, used = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, peak / 1024, used.ru_utime + used.ru_stime, log.read_text()


def profile(qcc_run, library, seconds, core, isa=None):
    """Each step's least time, as qcc-run gives them; raises SystemExit with what it said."""
    environment = {**os.environ, **({"QCC_ISA": isa} if isa else {})}
    command = [str(qcc_run), str(library), "--profile", f"--bench={seconds}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=pinned([core]))
    if done.returncode:
        raise SystemExit(f"bench: error: qcc-run {library}: {done.stderr}")
    return json.loads(done.stdout)
