"""Steps that write over what they read for the last time: less workspace, the same numbers."""

from support import *


def residual_network(path, blocks=3):
    """Writes x: [1, 64, 32, 32] -> y: [1, 64, 32, 32], blocks of two kinds with a residual, and elementwise steps."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(6)
    nodes, weights, x = [], {}, "x"

    def node(op, inputs, **attributes):
        nodes.append(helper.make_node(op, inputs, [f"t{len(nodes)}"], f"node {len(nodes)}", **attributes))
        return nodes[-1].output[0]

    def conv(x, inputs, outputs, kernel=1, group=1):
        name = f"w{len(weights)}"
        weights[name] = rng.normal(0, (2 * group / inputs) ** 0.5 / kernel, (outputs, inputs // group, kernel, kernel)).astype(np.float32)
        return node("Conv", [x, name], pads=[kernel // 2] * 4, group=group)

    x = node("Relu", [conv(x, 64, 64)])
    for _ in range(blocks):
        x = node("Relu", [node("Add", [x, conv(node("Relu", [conv(x, 64, 16)]), 16, 64)])])
        gate = node("Sigmoid", [node("GlobalAveragePool", [x])])
        x = node("Mul", [x, gate])
        x = node("Add", [conv(node("Relu", [x]), 64, 64, 3, 64), x])
    x = node("Tanh", [node("Mul", [x, x])])
    nodes[-1].output[0] = "y"
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64, 32, 32]) for name in "xy"]
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "residuals", tensors[:1], tensors[1:], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return rng


def check_runs(library, inputs, expected, **tolerance):
    for isa in ("x86-64", "avx2", "avx512vnni"):
        for threads in (1, 2):
            if isa == "x86-64" or isa in FEATURES:
                got = run_model(library, inputs, f"--threads={threads}", env={"QCC_ISA": isa})["y"]
                check_close(got, expected, **tolerance)


@case
def numbers_stay_right():
    model = scratch() / "m.onnx"
    rng = residual_network(model)
    x = rng.standard_normal((1, 64, 32, 32)).astype(np.float32)
    expected = run_onnxruntime(model, {"x": x})["y"]
    check_runs(qcc(model, "--emit=shared", "--quantize=none", output="float.so"), {"x": x}, expected)
    require("avx2")
    samples = scratch() / "x.npz"
    np.savez(samples, x=rng.standard_normal((8, 64, 32, 32)).astype(np.float32))
    library = qcc(model, "--emit=shared", f"--calib={samples}", output="int8.so")
    graph = qcc(model, "--emit=onnx", f"--calib={samples}", output="m.qdq.onnx")
    expected = run_onnxruntime(graph, {"x": x}, optimise=False)["y"]
    noise = sqnr(run_model(library, {"x": x})["y"], expected)
    check(noise > 20, f"{noise:.1f} dB")
    check_runs(library, {"x": x}, run_model(library, {"x": x})["y"], rtol=1e-4, atol=1e-5)


@case
def residuals_take_one_buffer():
    model = scratch() / "m.onnx"
    residual_network(model)
    qcc(model, "--quantize=none", output="m.o")
    header = (scratch() / "m.h").read_text()
    size = int(header.split("M_WORKSPACE_BYTES")[1].split()[0].strip("()uUlL"))
    tensor = 4 * 64 * 32 * 32
    check(size < 2.5 * tensor, f"the workspace is {size / tensor:.2f} times the largest tensor")


main()
