"""Attention as one kernel, against NumPy: head counts, lengths, masks, batches, in every instruction set."""

from gpu import TARGET, assemble, check_interpreted
from support import *

ISAS = ("x86-64", "avx2", "avx512vnni")


def network(path, cases, softcap=None, turns=False):
    """MatMul, Mul, Add, Softmax, MatMul on its own inputs for each case, with a softcap Div, Tanh, Mul in front of Add, and
    keys that the model turns if asked for; gives inputs and expected outputs."""
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
            values["m"] = np.where(values["m"] > 0.5, np.float32(-1e9), np.float32(0))
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
        scores = values["q"].astype(np.float64) @ values["k"] * np.float32(0.3)
        scores = (softcap * np.tanh(scores / softcap) if softcap else scores) + values.get("m", 0)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        wanted[f"y{i}"] = (weights / weights.sum(-1, keepdims=True) @ values["v"]).astype(np.float32)
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
def scores_within_a_softcap():
    check_cases([(1, 2, 9, 33, 16, None), (2, 3, 13, 20, 64, (2, 1, 13, 20))], softcap=1.5)


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
