"""What the tests of other processors share: models as programs for 64-bit Arm, run under emulation."""

from support import *

PROCESSORS = {"armv8-a": "cortex-a53", "dotprod": "cortex-a76", "i8mm": "max"}
ARM = "--target=aarch64-linux-gnu"
GCC = "aarch64-linux-gnu-gcc"


def program(model, *options):
    """The model as a program of run_model.c for Arm."""
    built = qcc(model, ARM, "--prefix=m", *options, output="arm.o")
    source = ROOT / "test/e2e/Inputs/run_model.c"
    words = [GCC, "-std=c11", "-O1", *WARNINGS, "-I", ROOT / "runtime/include", source, built]
    run([*words, BUILD / "lib/aarch64-linux-gnu/libqcc_rt.a", "-static", "-lm", "-o", scratch() / "arm"])
    return scratch() / "arm"


def emulate(app, data, level, chosen=None, **environment):
    """What the program writes for these samples (bytes) on a processor of this level; `chosen`: the variant it must pick, if
    not that of the level."""
    words = ["qemu-aarch64-static", "-cpu", PROCESSORS[level], app]
    done = run(words, input=data, text=False, env=environment)
    check(done.stderr.decode().split()[0] == environment.get("QCC_ISA", chosen or level), done.stderr)
    return np.frombuffer(done.stdout, np.float32)
