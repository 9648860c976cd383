"""How a compiled model is run: any buffers, threads, processes, stacks and processors.
Inputs/probe.c holds what is tried; the zoo has every kernel in odd shapes."""

import functools
import shutil

import zoo
from support import *

ISAS = ["x86-64", *(isa for isa in ("avx2", "avxvnni", "avx512vnni") if isa in FEATURES)]


@functools.cache
def shared(name):
    """A zoo's library or the probe, made once for all cases."""
    folder = BUILD / "test/e2e/running/shared"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / name
    if name == "probe":
        source = Path(__file__).parent / "Inputs/probe.c"
        return link([source], [], output=made, flags=["-ldl"])
    make = zoo.float_zoo if name == "float.so" else zoo.int8_zoo
    mode = "none" if name == "float.so" else "auto"
    return qcc(make(made.with_suffix(".onnx")), "--emit=shared", f"--quantize={mode}", output=made)


def probe(library, isa, under=()):
    done = run([*under, shared("probe"), library], status=None, env={"QCC_ISA": isa})
    check(done.returncode == 0 and done.stdout.endswith("good\n"), f"{isa}: status {done.returncode}: {done.stdout[-400:]}{done.stderr[-2000:]}")
    return done.stdout


def define(isa):
    def float_kernels():
        probe(shared("float.so"), isa)

    def int8_kernels():
        check(probe(shared("int8.so"), isa) == probe(shared("int8.so"), "x86-64"), f"{isa} and x86-64 give other bytes")

    for test in (float_kernels, int8_kernels):
        test.__name__ += "_of_" + isa.replace("-", "_")
        case(test)


for isa in ISAS:
    define(isa)


@case
def a_processor_without_avx512_or_without_avx_takes_what_it_has():
    require("no-asan")
    emulator = shutil.which("qemu-x86_64-static")
    if not emulator:
        skip("no qemu-x86_64-static (Debian's package qemu-user-static)")
    library = shared("int8.so")
    expected = run_model(library, {})
    folder = scratch() / "out"
    for cpu, isa in (("qemu64", "x86-64"), ("Haswell", "avx2")):
        emulated = [emulator, "-cpu", cpu, BUILD / "bin/qcc-run", library]
        said = run(emulated, status=None)
        if cpu == "Haswell" and " on x86-64," in said.stdout:
            continue  # an emulator without AVX2
        check(said.returncode == 0 and f" on {isa}," in said.stdout, f"{cpu}: {said.stdout[:200]}{said.stderr}")
        run([*emulated, "--out-dir", folder])
        for name, value in expected.items():
            check_equal(np.load(folder / f"{name}.npy"), value)
        refused = run(emulated, status=1, env={"QCC_ISA": "avx512vnni"})
        check("QCC_ISA" in refused.stderr or "CPU" in refused.stderr, refused.stderr)


@case
def an_instruction_set_that_is_not_there():
    done = run([BUILD / "bin/qcc-run", shared("int8.so")], status=1, env={"QCC_ISA": "avx9000"})
    check("error:" in done.stderr, done.stderr)


def dense(k, weights, bias=None):
    """x[2][k] u8, zero point 0 -> y[2][n] float, weights of one scale."""
    z = zoo.Zoo(scratch() / "m.onnx")
    read = zoo.real(z, z.input((2, k), zoo.T.UINT8), 1, 0)
    w = z.node("DequantizeLinear", [z.constant(weights), z.constant(np.float32(1)), z.constant(np.int8(0))])
    z.output(z.node("MatMul", [read, w]))
    return z.save()


@case
def sums_of_int32_that_just_fit_are_exact():
    k = 66000  # 255 * 127 * 66311 is 2^31
    weights = np.stack([np.full(k, 127), np.full(k, -127), np.arange(k) % 255 - 127], 1).astype(np.int8)
    x = np.stack([np.full(k, 255), np.arange(k) % 256]).astype(np.uint8)
    library = qcc(dense(k, weights), "--emit=shared", output="m.so")
    expected = (x.astype(np.int64) @ weights.astype(np.int64)).astype(np.float32)
    for isa in ISAS:
        check_equal(next(iter(run_model(library, {"x0": x}, env={"QCC_ISA": isa}).values())), expected)


@case
def sums_that_could_overflow_are_refused():
    model = dense(70000, np.full((70000, 1), 127, np.int8))
    said = check_refused(model, says=["(MatMul): error:", "could overflow its int32 sums", "2266950000"])
    check(said.count("error:") == 1, said)


def refuse_scales(op, scales, says):
    z = zoo.Zoo(scratch() / "m.onnx")
    read = [zoo.real(z, z.input((2, 4), zoo.T.UINT8), scale, 3) for scale in scales[:-1]]
    if op == "MatMul":
        w = z.node("DequantizeLinear", [z.constant(np.ones((4, 2), np.int8)), z.constant(np.float32(scales[0])), z.constant(np.int8(0))])
        read = [read[0], w]
    z.output(zoo.quantised(z, z.node(op, read), scales[-1], 3), zoo.T.UINT8)
    check_refused(z.save(), says=[f"({op}): error:", says])


@case
def scales_whose_quotient_is_no_number():
    refuse_scales("MatMul", [1e-30, 1], "quotient for channel 0 is 0.000000e+00")
    refuse_scales("MatMul", [1e15, 1e-30], "quotient for channel 0 is INF")
    refuse_scales("Add", [1, 1e20, 1e-30], "quotient is INF")
    refuse_scales("Mul", [1e20, 1e20, 1], "quotient is INF")


@case
def any_batch():
    for batch in (0, 1, 3, 70):
        x = small_network(scratch() / "m.onnx", batch)
        library = qcc(scratch() / "m.onnx", "--emit=shared", "--quantize=none", output="m.so")
        x = np.repeat(x, batch, 0) * np.arange(1, batch + 1, dtype=np.float32).reshape(-1, 1, 1, 1)
        got = run_model(library, {"x": x})["y"]
        check(got.shape == (batch, 10), got.shape)
        check_close(got, run_onnxruntime(scratch() / "m.onnx", {"x": x})["y"]) if batch else None


main()
