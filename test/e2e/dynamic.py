"""Products of measured activations (q11): the reference's own bytes in every instruction set."""

from gpu import TARGET, check_interpreted
from support import *

ISAS = ("x86-64", "avx2", "avxvnni", "avx512vnni")


def network(path, rows, depth, columns):
    """A product with bias and Relu, one with transposed weights, and one that is added to an input."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(rows + depth)
    number = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    weights = {"w": number(depth, columns), "o": number(depth, columns), "b": number(columns), "t": number(columns, depth), "c": number(columns)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["1"], "product"),
        helper.make_node("Add", ["1", "b"], ["2"], "bias"),
        helper.make_node("Relu", ["2"], ["relu"], "relu"),
        helper.make_node("Gemm", ["x", "t", "c"], ["gemm"], "gemm", transB=1),
        helper.make_node("MatMul", ["x", "o"], ["3"], "other"),
        helper.make_node("Add", ["3", "r"], ["4"], "residual"),
        helper.make_node("Gelu", ["4"], ["gelu"], "gelu"),
    ]
    inputs = {"x": number(rows, depth), "r": number(rows, columns)}
    make = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "products",
        [make(n, v.shape) for n, v in inputs.items()],
        [make(n, [rows, columns]) for n in ("relu", "gemm", "gelu")],
        [numpy_helper.from_array(v, n) for n, v in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return inputs


def check_products(rows, depth, columns):
    model, text = scratch() / "m.onnx", scratch() / "m.mlir"
    inputs = network(model, rows, depth, columns)
    said = run([BUILD / "bin/qcc", "--until=fuse", model, "-o", text]).stderr
    check(text.read_text().count('"qcc.dynamic_quantize"') == 1, f"the input is not measured once; {said}")
    files = [scratch() / f"{name}.npy" for name in inputs]
    for file, value in zip(files, inputs.values()):
        np.save(file, value)
    run([BUILD / "test/bin/qcc-eval", text, scratch() / "want", *files])
    library = qcc(model, "--emit=shared", output="m.so")
    runs = [(library, isa) for isa in ISAS if isa == "x86-64" or isa in FEATURES]
    if "avx2" in FEATURES:
        runs.append((qcc(model, TARGET, "--march=emulated", "--emit=shared", output="gpu.so"), "emulated"))
    for run_of, isa in runs:
        got = run_model(run_of, inputs, env={"QCC_ISA": isa})
        for i, name in enumerate(("relu", "gemm")):
            check_equal(got[name], np.load(scratch() / f"want{i}.npy"))
        check_close(got["gelu"], np.load(scratch() / "want2.npy"), rtol=1e-4, atol=1e-5)


@case
def one_row():
    check_products(1, 128, 64)


@case
def sizes_that_fill_no_vector():
    check_products(13, 70, 45)


@case
def many_rows():
    check_products(100, 384, 96)


@case
def interpreted_ptx_gives_the_numbers_of_cpus():
    require("avx2")
    model = scratch() / "m.onnx"
    check_interpreted(model, network(model, 13, 70, 45), generations=["sm_75", "sm_80"], compare=check_close)


main()
