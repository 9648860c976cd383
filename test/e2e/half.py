"""Models of float16, weights, inputs and outputs: computed in float32, in every mode; products of float64."""

from support import *

RNG = np.random.default_rng(0)
MODES = (["--quantize=none"], ["--quantize=dynamic"], ["--quantize=weights"], ["--quantize=none", "--precision=bf16"])


def values(*shape, kind=np.float16):
    return (0.3 * RNG.standard_normal(shape)).astype(kind)


def save(nodes, inputs, weights):
    import onnx
    from onnx import helper, numpy_helper

    kind = lambda v: helper.np_dtype_to_tensor_dtype(v.dtype)
    ends = [helper.make_tensor_value_info(n, kind(v), v.shape) for n, v in inputs.items()]
    result = helper.make_tensor_value_info("y", kind(inputs["x"]), None)
    constants = [numpy_helper.from_array(v, n) for n, v in weights.items()]
    graph = helper.make_graph([helper.make_node(op, i.split(), o.split(), **a) for op, i, o, a in nodes], "half", ends, [result], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), scratch() / "m.onnx")
    return scratch() / "m.onnx"


def compare(nodes, inputs, weights, modes=MODES, atol=4e-3):
    model = save(nodes, inputs, weights)
    wanted = run_onnxruntime(model, inputs)["y"]
    for mode in modes:
        library = qcc(model, *mode, "--emit=shared", "--march=x86-64,avx2", output="m.so")
        coarse = 10 if mode != ["--quantize=none"] else 1
        for isa in ("x86-64", "avx2"):
            if isa == "x86-64" or isa in FEATURES:
                check_close(run_model(library, inputs, env={"QCC_ISA": isa})["y"], wanted, rtol=2e-3 * coarse, atol=atol * coarse)


@case
def products():
    layers = [("MatMul", "x w", "m", {}), ("Add", "m b", "a", {}), ("Relu", "a", "r", {}), ("Gemm", "r2 v c", "g", {"transB": 1}), ("Cast", "g", "f", {"to": 1}),
              ("Sigmoid", "f", "s", {}), ("Cast", "s", "y", {"to": 10})]  # fmt: skip
    layers.insert(3, ("Reshape", "r shape", "r2", {}))
    weights = {"w": values(16, 40), "b": values(40), "v": values(24, 40), "c": values(24), "shape": np.array([10, 40])}
    compare(layers, {"x": values(2, 5, 16)}, weights)


@case
def convolutions():
    layers = [("Conv", "x w b", "c", {"pads": [1] * 4}), ("Relu", "c", "r", {}), ("Conv", "r d", "e", {"group": 8}), ("GlobalAveragePool", "e", "y", {})]
    compare(layers, {"x": values(1, 3, 8, 8)}, {"w": values(8, 3, 3, 3), "b": values(8), "d": values(8, 1, 3, 3)})


@case
def attention_and_recurrence():
    layers = [("LayerNormalization", "x s b", "n", {}), ("MatMul", "n k", "t", {}), ("Softmax", "t", "p", {}), ("MatMul", "p v", "y", {})]
    compare(layers, {"x": values(1, 2, 5, 8), "k": values(1, 2, 8, 7), "v": values(1, 2, 7, 8)}, {"s": values(8), "b": values(8)}, MODES[:1])
    lstm = [("LSTM", "x w r b", "all y", {"hidden_size": 8})]
    weights = {"w": values(1, 32, 6), "r": values(1, 32, 8), "b": values(1, 64)}
    single = {n: w.astype(np.float32) for n, w in weights.items()}
    x = values(4, 1, 6)
    expected = run_onnxruntime(save(lstm, {"x": x.astype(np.float32)}, single), {"x": x.astype(np.float32)})["y"]
    library = qcc(save(lstm, {"x": x}, weights), "--quantize=none", "--march=avx2", "--emit=shared", output="m.so")
    check_close(run_model(library, {"x": x})["y"], expected.astype(np.float16), atol=2e-3)


@case
def float64_with_constant_weights():
    double = lambda *shape: values(*shape, kind=np.float64)
    layers = [("MatMul", "x w", "m", {}), ("Relu", "m", "r", {}), ("Gemm", "r v c", "y", {"transB": 1, "alpha": 0.5})]
    compare(layers, {"x": double(5, 16)}, {"w": double(16, 40), "v": double(24, 40), "c": double(24)}, MODES[:1], atol=1e-6)


main()
