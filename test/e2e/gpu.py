"""What the tests of GPUs share: their kernels emulated, their PTX assembled and interpreted."""

import re
import shutil

from device import Device
from support import *

TARGET = "--target=nvptx64-nvidia-cuda"
GENERATIONS = ["sm_75", "sm_80", "sm_90", "sm_100"]


def assembler():
    """NVIDIA's, from the Python package that tools/setup installs, or from a toolkit."""
    packaged = Path(sys.prefix) / "lib"
    for found in sorted(packaged.glob("python*/site-packages/nvidia/*/bin/ptxas")):
        return found
    found = shutil.which("ptxas")
    check(found, "there is no ptxas: tools/setup test installs it")
    return found


def assemble(model, *options, generations=GENERATIONS):
    """The model's PTX is accepted, no kernel spills or has a stack, and no rounding is left to the assembler (q7, q8a),
    which contracts multiplications and additions that do not name theirs. tools/assemble.py does it with every model."""
    for generation in generations:
        text = qcc(model, TARGET, f"--march={generation}", "--emit=ptx", *options, output=f"{generation}.ptx")
        loose = re.findall(r"\b(?:mul|add|sub|mad)\.(?:ftz\.)?f\d\d\b", text.read_text())
        check(not loose, f"{generation}: {len(loose)} of {set(loose)}")
        cubin = scratch() / "m.cubin"
        said = run([assembler(), "-v", f"-arch={generation}", text, "-o", cubin]).stderr
        kernels = re.findall(r"Compiling entry function '(\w+)'", said)
        spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", said)
        check(kernels and len(kernels) == len(spills), said)
        for kernel, numbers in zip(kernels, spills):
            check(numbers == ("0", "0", "0"), f"{generation}: {kernel} has a stack or spills: {numbers}")


def check_emulated(model, inputs, *options, run_options=(), compare=check_equal):
    """The GPU's kernels, run on the CPU, give what the CPU's own do."""
    results = []
    for target in (["--march=avx2"], [TARGET, "--march=emulated"]):
        library = qcc(model, *target, "--emit=shared", *options, output="m.so")
        results.append(run_model(library, inputs, *run_options))
    for name, expected in results[0].items():
        compare(results[1][name], expected)


def check_interpreted(model, inputs, *options, generations=["sm_80"], compare=check_equal):
    """The PTX itself, launched as the table says, gives what the CPU's kernels do."""
    require("no-asan")  # Python loads the library, and has no sanitiser
    here = qcc(model, "--emit=shared", "--march=avx2", *options, output="here.so")
    expected = run_model(here, inputs)
    name = f"gpu{len(list(scratch().glob('gpu*.so')))}.so"  # a library stays loaded under its name
    library = qcc(model, TARGET, f"--march={','.join(generations)}", "--emit=shared", *options, output=name)
    for generation in generations:
        outputs = Device(library, generation).run(*inputs.values())
        for name, want in expected.items():
            compare(np.frombuffer(outputs[name], want.dtype).reshape(want.shape), want)
