"""Attention as one kernel, against NumPy: head counts, lengths, masks, batches, in every instruction set."""

from gpu import TARGET, assemble, check_interpreted
from support import *

ISAS = ("x86-64", "avx2", "avx512vnni")


def rounded(x):
    """To bf16, half to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def network(path, cases, softcap=None, turns=False, bf16=False):
    """MatMul, Mul, Add, Softmax, MatMul on its own inputs for each case, with a softcap Div, Tanh, Mul in front of Add, and
    keys that the model turns if asked for; gives inputs and expected outputs, those of bf16 if asked for."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)
    nodes, inputs, outputs, given, wanted = [], [], [], {}, {}
    scale = numpy_helper.from_array(np.float32(0.3), "scale")
    for i, (batch, heads, queries, keys, depth, masked) in enumerate(cases):
        shapes = {"q": (batch, heads, queries, depth), "k": (batch, heads, depth, keys), "v": (batch, heads, keys, depth)}
        if masked:
            shapes["m"] = masked
        values = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        if masked:
            hidden = np.float32(-2 if masked[3] < keys else -1e9)
            values["m"] = np.where(values["m"] > 0.5, hidden, np.float32(0))
        for name, value in values.items():
            if name == "k" and turns:
                value = np.ascontiguousarray(value.swapaxes(2, 3))
            given[f"{name}{i}"] = value
            inputs.append(helper.make_tensor_value_info(f"{name}{i}", TensorProto.FLOAT, value.shape))
        key = f"t{i}k" if turns else f"k{i}"
        if turns:
            nodes.append(helper.make_node("Transpose", [f"k{i}"], [key], perm=[0, 1, 3, 2]))
        nodes += [helper.make_node("MatMul", [f"q{i}", key], [f"s{i}"]), helper.make_node("Mul", [f"s{i}", "scale"], [f"t{i}"])]
        last = f"t{i}"
        if softcap:
            nodes += [helper.make_node("Div", [last, "softcap"], [f"d{i}"]), helper.make_node("Tanh", [f"d{i}"], [f"h{i}"])]
            last = f"c{i}"
            nodes.append(helper.make_node("Mul", [f"h{i}", "softcap"], [last]))
        if masked:
            nodes.append(helper.make_node("Add", [last, f"m{i}"], [f"u{i}"]))
            last = f"u{i}"
        nodes += [helper.make_node("Softmax", [last], [f"p{i}"], axis=-1), helper.make_node("MatMul", [f"p{i}", f"v{i}"], [f"y{i}"])]
        outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, shapes["q"]))
        if bf16:
            values = {name: value if name == "m" else rounded(value) for name, value in values.items()}
        scores = values["q"].astype(np.float64) @ values["k"] * np.float32(0.3)
        scores = (softcap * np.tanh(scores / softcap) if softcap else scores) + values.get("m", 0)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        sums = weights.sum(-1, keepdims=True)
        wanted[f"y{i}"] = ((rounded(weights) if bf16 else weights) / sums @ values["v"]).astype(np.float32)
    graph = helper.make_graph(nodes, "attention", inputs, outputs, [scale] + ([numpy_helper.from_array(np.float32(softcap), "softcap")] if softcap else []))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return given, wanted


def check_cases(cases, softcap=None, turns=False):
    model = scratch() / "m.onnx"
    given, wanted = network(model, cases, softcap, turns)
    said = run([BUILD / "bin/qcc", "--until=fuse", "--quantize=none", model, "-o", scratch() / "m.mlir"])
    check((scratch() / "m.mlir").read_text().count('"qcc.attention"') == len(cases), f"not fused: {said.stderr}")
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    runs = [(library, isa) for isa in ISAS if isa == "x86-64" or isa in FEATURES]
    if "avx2" in FEATURES:
        runs.append((qcc(model, TARGET, "--march=emulated", "--emit=shared", "--quantize=none", output="gpu.so"), "emulated"))
    for run_of, isa in runs:
        got = run_model(run_of, given, env={"QCC_ISA": isa})
        for name, want in wanted.items():
            check_close(got[name], want, rtol=1e-4, atol=1e-5)


@case
def lengths_and_heads():
    check_cases([(1, 1, 1, 1, 4, None), (1, 12, 7, 7, 32, None), (2, 3, 13, 50, 20, None), (4, 2, 32, 33, 64, None)])


@case
def lengths_and_heads_with_masks():
    check_cases([(3, 1, 2, 2, 16, (3, 1, 1, 2)), (1, 16, 3, 3, 8, (1, 1, 3, 3)), (2, 5, 17, 17, 24, (2, 1, 17, 17)),
                 (1, 8, 128, 128, 64, (1, 1, 1, 128)), (4, 1, 1, 513, 32, (4, 1, 1, 513))])  # fmt: skip


@case
def long_sequences():
    check_cases([(1, 2, 513, 513, 16, None)])


@case
def masks_that_broadcast():
    check_cases([(2, 4, 12, 19, 8, (2, 1, 1, 19)), (1, 2, 25, 25, 8, (1, 1, 25, 25)), (2, 2, 5, 6, 8, (2, 2, 5, 6))])


@case
def few_queries_read_keys_as_they_lie():
    check_cases([(1, 12, 1, 100, 64, None), (2, 3, 4, 33, 20, (2, 1, 1, 33)), (1, 2, 3, 513, 8, (1, 1, 3, 513)), (1, 1, 1, 7, 101, None),
                 (2, 2, 2, 9, 3, None), (1, 3, 5, 40, 16, None)], turns=True)  # fmt: skip


@case
def deep_heads_make_no_large_code():
    check_cases([(1, 1, 4, 3, 5000, None)], turns=True)
    size = len((scratch() / "m.so").read_bytes())
    check(size < 150 << 10, f"{size} bytes")


@case
def scores_within_a_softcap():
    check_cases([(1, 2, 9, 33, 16, None), (2, 3, 13, 20, 64, (2, 1, 13, 20))], softcap=1.5)


@case
def bf16_is_rounded_once_and_summed_in_float():
    cases = [(1, 1, 5, 1, 8, None), (1, 12, 7, 7, 32, (1, 1, 1, 7)), (2, 3, 13, 50, 24, None), (4, 2, 32, 33, 64, (4, 1, 32, 33)),
             (1, 1, 9, 513, 40, None), (2, 2, 8, 3, 8, (2, 2, 8, 1)), (1, 1, 4, 9, 8, None), (1, 1, 9, 9, 4, None)]  # fmt: skip
    model, options = scratch() / "m.onnx", ["--quantize=none", "--precision=bf16"]
    levels = "--march=x86-64,avx2,avx512vnni,avx512bf16"
    given, wanted = network(model, cases, bf16=True)
    exact = network(scratch() / "f.onnx", cases)[1]
    text = qcc(model, *options, "--until=fuse", output="m.mlir").read_text()
    fused = [line for line in text.splitlines() if '"qcc.attention"' in line]
    check([i for i, line in enumerate(fused) if "bf16" in line.split(" : (")[1]] == list(range(6)), text)
    check("too few queries" in fused[6] and "no multiple of 8" in fused[7], text)
    library = qcc(model, *options, levels, "--emit=shared", output="m.so")
    runs = [(library, isa) for isa in (*ISAS, "avx512bf16") if isa == "x86-64" or isa in FEATURES]
    if "avx2" in FEATURES:
        runs.append((qcc(model, *options, TARGET, "--march=emulated", "--emit=shared", output="gpu.so"), "emulated"))
    for run_of, isa in runs:
        got = run_model(run_of, given, env={"QCC_ISA": isa})
        for i, (name, want) in enumerate(wanted.items()):
            noise = sqnr(got[name], want if i < 6 else exact[name])
            check(noise > 60, f"{isa}, {name}: {noise:.1f} dB")


@case
def gpus_take_heads_of_any_width():
    require("avx2")
    model = scratch() / "m.onnx"
    cases = [(1, 2, 130, 40, 36, (1, 1, 130, 40)), (1, 1, 3, 37, 200, None), (2, 1, 9, 5, 1, None)]
    given, _ = network(model, cases)
    given["m0"][:, :, 5] = -np.inf  # a query that sees nothing
    near = lambda actual, expected: check_close(actual, expected, rtol=1e-4, atol=1e-5)
    check_interpreted(model, given, "--quantize=none", compare=near)
    assemble(model, "--quantize=none")


main()
