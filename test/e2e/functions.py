"""Functions of one number between convolutions: in float against ONNX Runtime, in int8 as tables."""

from support import *


def network(path, function, attributes):
    """Writes x: [1, 3, 9, 9] -> y: [1, 4, 9, 9]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(8)
    weights = {"w": rng.normal(0, 1, (8, 3, 1, 1)), "v": rng.normal(0, 0.4, (4, 8, 1, 1))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["1"], "first"),
        helper.make_node(function, ["1"], ["2"], "function", **attributes),
        helper.make_node("Conv", ["2", "v"], ["y"], "second"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 9, 9]) for n, c in (("x", 3), ("y", 4))]
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, function, ends[:1], ends[1:], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return rng.standard_normal((32, 3, 9, 9)).astype(np.float32)


def check_function(function, **attributes):
    model = scratch() / "m.onnx"
    x = network(model, function, attributes)
    expected = run_onnxruntime(model, {"x": x[:1]})["y"]
    library = qcc(model, "--emit=shared", "--quantize=none", output="float.so")
    for isa in ("x86-64", "avx2", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            check_close(run_model(library, {"x": x[:1]}, env={"QCC_ISA": isa})["y"], expected, rtol=1e-4, atol=1e-5)
    require("avx2")
    np.savez(scratch() / "x.npz", x=x)
    int8 = scratch() / "int8.so"
    said = run([BUILD / "bin/qcc", model, "--emit=shared", f"--calib={scratch() / 'x.npz'}", "-o", int8]).stderr
    check("in float:" not in said, said)
    noise = sqnr(run_model(int8, {"x": x[:1]})["y"], expected)
    check(noise > 28, f"{noise:.1f} dB")


@case
def absolute_value_and_negation():
    check_function("Abs")
    check_function("Neg")


@case
def softsign():
    check_function("Softsign")


@case
def thresholded_relu():
    check_function("ThresholdedRelu", alpha=0.3)


@case
def selu():
    check_function("Selu")


@case
def celu():
    check_function("Celu", alpha=0.7)


@case
def a_number_behind_a_function_that_a_product_leaves():
    from Inputs.nodes import Writer

    for op, number in (("Mul", 0.7), ("Add", -0.4)):
        w = Writer()
        products = w("MatMul", "x", w.weights(6, 20))
        error = w("Add", w("Erf", w("Div", products, np.float32(np.sqrt(2)))), np.float32(1))
        w("MatMul", w(op, w("Mul", products, error), np.float32(number)), w.weights(20, 5), name="y")
        model = w.save(scratch() / "m.onnx", [("x", [7, 6])], [("y", [7, 5])])
        x = {"x": np.random.default_rng(1).standard_normal((7, 6)).astype(np.float32)}
        library = qcc(model, "--emit=shared", "--quantize=none", output=f"{op}.so")
        check_close(run_model(library, x)["y"], run_onnxruntime(model, x)["y"], rtol=1e-4, atol=1e-5)


main()
