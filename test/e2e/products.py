"""Matrix products whose operands are tensors of the run, against ONNX Runtime."""

from support import *


def check_network(nodes, inputs, shape, constants={}):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(5)
    number = lambda size: rng.standard_normal(size).astype(np.float32)
    given = {name: number(size) for name, size in inputs.items()}
    describe = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
    initializers = [numpy_helper.from_array(number(size), name) for name, size in constants.items()]
    graph = helper.make_graph(nodes, "products", [describe(*i) for i in inputs.items()], [describe("y", shape)], initializers)
    model = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    for isa in ("x86-64", "avx2", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            got = run_model(library, given, env={"QCC_ISA": isa})["y"]
            check_close(got, run_onnxruntime(model, given)["y"], rtol=1e-4, atol=1e-5)


def node(op, inputs, output="y", **attributes):
    from onnx import helper

    return helper.make_node(op, inputs, [output], f"node {output}", **attributes)


@case
def gemm_of_two_inputs():
    check_network([node("Gemm", ["a", "b", "c"], alpha=0.5, beta=2.0, transA=1, transB=1)],
                  {"a": [8, 3], "b": [37, 8], "c": [37]}, [3, 37])  # fmt: skip


@case
def gemm_with_a_bias_for_each_row():
    check_network([node("Gemm", ["a", "w", "c"], "1"), node("Relu", ["1"], "2"), node("Add", ["2", "r"])],
                  {"a": [5, 8], "c": [5, 1], "r": [5, 20]}, [5, 20], {"w": [8, 20]})  # fmt: skip


@case
def gemm_of_a_transposed_input():
    check_network([node("Gemm", ["a", "w"], "1", transA=1), node("Sigmoid", ["1"])], {"a": [8, 5]}, [5, 20], {"w": [8, 20]})


@case
def residual_behind_a_function():
    check_network([node("MatMul", ["a", "w"], "1"), node("Sigmoid", ["1"], "2"), node("Add", ["2", "r"])],
                  {"a": [5, 8], "r": [5, 20]}, [5, 20], {"w": [8, 20]})  # fmt: skip


main()
