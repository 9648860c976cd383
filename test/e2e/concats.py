"""A concat inside a quantised network joins branches of one scale; none of them may lose what the network needs."""

from support import *

SMALL = 1 / 200  # of one branch's numbers to the other's, whose weights behind the concat are as much smaller


def node(op, inputs, output, **attributes):
    from onnx import helper

    return helper.make_node(op, inputs, [output], f"node {output}", **attributes)


def sqnr_of(branches, outputs=["y"], between=(), says=""):
    """Signal to noise of y, with 32 samples, of a network that joins "small" and "large" as `branches` make them of x."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(2)
    weights = {name: 0.3 * rng.standard_normal(shape).astype(np.float32)
               for name, shape in {"a": (8, 8, 3, 3), "b": (8, 8, 3, 3), "c": (16, 16, 1, 1), "d": (10, 16, 1, 1),
                                   "e": (8, 8, 1, 1)}.items()}  # fmt: skip
    weights["a"] *= SMALL
    weights["c"][:, :8] /= SMALL
    nodes = [*branches, node("Concat", ["small", "large"], "both", axis=1), *between]
    nodes += [node("Conv", [nodes[-1].output[0], "c"], "6"), node("Relu", ["6"], "7"), node("Conv", ["7", "d"], "y")]
    used = {name for n in nodes for name in n.input}
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items() if name in used]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 12, 12])
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    model = scratch() / "m.onnx"
    graph = helper.make_graph(nodes, "concat", [x], results, initializers)
    onnx.save(onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)), model)
    samples = np.abs(rng.standard_normal((32, 1, 8, 12, 12))).astype(np.float32)
    np.savez(scratch() / "samples.npz", x=samples[:, 0])
    exact = qcc(model, "--emit=shared", "--quantize=none", output="float.so")
    library = scratch() / "int8.so"
    said = run([BUILD / "bin/qcc", model, "--emit=shared", f"--calib={scratch() / 'samples.npz'}", "-o", library]).stderr
    check(("joins ranges that differ much" in said) == (says == "warning"), said)
    rows = [run_model(so, {"x": samples}, "--samples")["y"] for so in (exact, library)]
    noise = sqnr(rows[1], rows[0])
    print(f"{noise:.1f} dB")
    return noise


TWO_CONVOLUTIONS = [
    node("Conv", ["x", "a"], "1", pads=[1] * 4),
    node("Relu", ["1"], "small"),
    node("Conv", ["x", "b"], "2", pads=[1] * 4),
    node("Relu", ["2"], "large"),
]


@case
def a_fine_branch_with_large_weights_behind_it_keeps_its_precision():
    require("avx2")
    # As it was: what others read too keeps the one scale, and the user is told.
    shared = sqnr_of(TWO_CONVOLUTIONS, ["y", "both"], says="warning")
    balanced = sqnr_of(TWO_CONVOLUTIONS)
    check(balanced > shared + 15, f"{balanced:.1f} dB, with the branches' scale shared {shared:.1f} dB")
    check(balanced > 30, f"{balanced:.1f} dB")


@case
def so_does_one_through_a_pool():
    require("avx2")
    noise = sqnr_of(TWO_CONVOLUTIONS, between=[node("MaxPool", ["both"], "5", kernel_shape=[2, 2], strides=[2, 2])])
    check(noise > 30, f"{noise:.1f} dB")


@case
def so_does_one_that_others_read():
    require("avx2")
    branches = [node("Conv", ["x", "a"], "1", pads=[1] * 4), node("Relu", ["1"], "small"),
                node("Conv", ["small", "e"], "2", pads=[0] * 4), node("Mul", ["2", "large_factor"], "3"), node("Relu", ["3"], "large")]  # fmt: skip
    branches.insert(0, node("Constant", [], "large_factor", value_float=1 / SMALL))
    noise = sqnr_of(branches)
    check(noise > 30, f"{noise:.1f} dB")


@case
def so_does_one_of_averages():
    require("avx2")
    branches = [*TWO_CONVOLUTIONS[2:], node("Conv", ["x", "a"], "1", pads=[1] * 4),
                node("AveragePool", ["1"], "small", kernel_shape=[3, 3], pads=[1] * 4)]  # fmt: skip
    noise = sqnr_of(branches)
    check(noise > 30, f"{noise:.1f} dB")


main()
