"""Weights of 4 bits (q13): --weights=int4, and models that bring them along: MatMulNBits, DequantizeLinear with blocks."""

import onnx
from support import *

ISAS = ("x86-64", "avx2", "avxvnni", "avx512vnni")
INT4 = ("--quantize=dynamic", "--weights=int4")


def save(nodes, inputs, constants, outputs, opset=21):
    """Writes a model of f32 inputs and outputs, given by their shapes; gives its path and random inputs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(5)
    describe = lambda items: [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in items.items()]
    initializers = [c if isinstance(c, TensorProto) else numpy_helper.from_array(c, n) for n, c in constants.items()]
    graph = helper.make_graph(nodes, "int4", describe(inputs), describe(outputs), initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    path = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path, {n: rng.standard_normal(s).astype(np.float32) for n, s in inputs.items()}


def in_each_variant(library, inputs):
    for isa in ISAS:
        if isa == "x86-64" or isa in FEATURES:
            yield isa, run_model(library, inputs, env={"QCC_ISA": isa})


def check_variants(model, inputs, expected, *options, says="", rtol=1e-4, atol=1e-5):
    """Every variant against outputs; floats by their size, as sums cancel."""
    library = scratch() / "m.so"
    said = run([BUILD / "bin/qcc", model, "--emit=shared", *options, "-o", library]).stderr
    check(says in said, said)
    for isa, got in in_each_variant(library, inputs):
        for name, want in expected.items():
            scale = np.abs(want).max()
            check_close(got[name] / scale, want / scale, rtol=rtol, atol=atol)


# MatMulNBits


def n_bits(rows, k, n, block, zeros=False, bias=False, **attributes):
    from onnx import helper

    rng = np.random.default_rng(k + n)
    blocks = -(-k // block)
    constants = {"b": rng.integers(0, 256, (n, blocks, block // 2), dtype=np.uint8),
                 "s": (0.02 * rng.standard_normal((n * blocks))).astype(np.float32)}  # fmt: skip
    constants["s"][::7] = 0
    names = ["x", "b", "s", "", "", ""]
    if zeros:
        constants["z"] = rng.integers(0, 256, n * -(-blocks // 2), dtype=np.uint8)
        names[3] = "z"
    if bias:
        constants["c"] = rng.standard_normal(n).astype(np.float32)
        names[5] = "c"
    if "g" in attributes:
        constants["g"] = attributes.pop("g")
        names[4] = "g"
    while not names[-1]:
        names.pop()
    node = helper.make_node("MatMulNBits", names, ["y"], "product", domain="com.microsoft", K=k, N=n, block_size=block,
                            **{"bits": 4, **attributes})  # fmt: skip
    return save([node], {"x": [*rows, k]}, constants, {"y": [*rows, n]})


def check_n_bits(*shape, says="1 products of floats with weights of int4", **how):
    model, inputs = n_bits(*shape, **how)
    check_variants(model, inputs, run_onnxruntime(model, inputs), says=says)


@case
def products_of_n_bits_match_onnx_runtime():
    check_n_bits([1], 64, 48, 32)
    check_n_bits([5], 256, 33, 64)
    check_n_bits([2, 3], 128, 40, 128)
    check_n_bits([13], 512, 20, 256)
    check_n_bits([3], 100, 17, 32)  # the last block is not full


@case
def products_of_n_bits_with_zero_points():
    check_n_bits([1], 96, 40, 32, zeros=True)
    check_n_bits([7], 128, 33, 64, zeros=True, bias=True)


@case
def blocks_that_make_no_groups_are_reported():
    check_n_bits([3], 64, 40, 16, says="its weights' blocks have 16 numbers, which is no multiple of 32")


@case
def accuracy_level_4_measures_rows():
    model, inputs = n_bits([3], 256, 40, 32, accuracy_level=4)
    expected = run_onnxruntime(model, inputs)["y"]
    text = qcc(model, "--until=fuse", output="m.mlir").read_text()
    check("qcc.dynamic_matmul" in text, text[:1000])
    library = qcc(model, "--emit=shared", output="m.so")
    outputs = [got["y"] for _, got in in_each_variant(library, inputs)]
    check(sqnr(outputs[0], expected) > 30, f"{sqnr(outputs[0], expected):.1f} dB")
    for other in outputs[1:]:
        check_equal(other, outputs[0])


@case
def what_n_bits_cannot_say_is_refused():
    model, _ = n_bits([1], 64, 8, 32, g=np.arange(64, dtype=np.int32) // 32)
    check_refused(model, says=["node 'product' (MatMulNBits)", "has a g_idx"])
    model, _ = n_bits([1], 64, 8, 32, bits=8)
    check_refused(model, says=["bits is 8; only 4 is supported"])
    model, _ = n_bits([1], 64, 8, 24)
    check_refused(model, says=["block_size is 24"])


# DequantizeLinear with blocks


def blocked(kind, k, n, block, axis=0, zeros=False):
    from onnx import TensorProto, helper

    rng = np.random.default_rng(k)
    low, high = {"INT4": (-8, 8), "UINT4": (0, 16), "INT8": (-128, 128)}[kind]
    shape = [k, n] if axis == 0 else [n, k]
    scales = list(shape)
    scales[axis] = -(-k // block)
    number = lambda name, size: helper.make_tensor(name, getattr(TensorProto, kind), size, rng.integers(low, high, size).ravel())
    constants = {"q": number("q", shape), "s": (0.01 + 0.05 * rng.random(scales)).astype(np.float32)}
    if zeros:
        constants["z"] = number("z", scales)
    nodes = [helper.make_node("DequantizeLinear", list(constants), ["w"], "weights", axis=axis, block_size=block)]
    if axis == 0:
        nodes.append(helper.make_node("MatMul", ["x", "w"], ["y"], "product"))
    else:
        nodes.append(helper.make_node("Gemm", ["x", "w"], ["y"], "product", transB=1))
    return save(nodes, {"x": [5, k]}, constants, {"y": [5, n]})


def check_blocked(*shape, says="1 products of floats with weights of int4", **how):
    model, inputs = blocked(*shape, **how)
    check_variants(model, inputs, run_onnxruntime(model, inputs, optimise=False), says=says)


@case
def blocked_weights_match_onnx_runtime():
    check_blocked("INT4", 64, 40, 32)
    check_blocked("INT4", 128, 40, 64, axis=1)
    check_blocked("UINT4", 96, 20, 32, zeros=True)


@case
def blocks_that_a_transpose_turns():
    model, inputs = blocked("INT4", 96, 24, 32, axis=1)
    proto = onnx.load(model)
    proto.graph.node[1].CopyFrom(onnx.helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]))
    proto.graph.node.append(onnx.helper.make_node("MatMul", ["x", "t"], ["y"], "product"))
    onnx.save(proto, model)
    check_variants(model, inputs, run_onnxruntime(model, inputs, optimise=False), says="1 products of floats with weights of int4")


@case
def blocks_of_what_is_no_product_become_floats_and_are_reported():
    model, inputs = blocked("INT4", 64, 5, 32, axis=1)
    proto = onnx.load(model)
    proto.graph.node[1].CopyFrom(onnx.helper.make_node("Add", ["x", "w"], ["y"], "sum"))
    proto.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [5, 64]))
    onnx.save(proto, model)
    check_variants(model, inputs, run_onnxruntime(model, inputs, optimise=False), says="'sum': its weights are stored as floats: blocks with a scale each are for products")


@case
def blocks_without_a_kernel_become_floats_and_are_reported():
    check_blocked("INT8", 64, 40, 32, says="weights with a scale for each block have a kernel in 4 bits only")
    check_blocked("INT4", 64, 40, 16, says="its weights' blocks have 16 numbers")


# --weights=int4


def random(*shape):
    return (np.random.default_rng(sum(shape)).standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)


def layers(rows=3):
    """A large product with bias and Relu, a large Gemm, a small product, and a table."""
    from onnx import helper

    constants = {"w": random(520, 512), "b": random(512), "t": random(513, 520), "c": random(513), "small": random(520, 8)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["1"], "product"),
        helper.make_node("Add", ["1", "b"], ["2"], "bias"),
        helper.make_node("Relu", ["2"], ["relu"], "relu"),
        helper.make_node("Gemm", ["x", "t", "c"], ["gemm"], "gemm", transB=1),
        helper.make_node("MatMul", ["x", "small"], ["y"], "small"),
    ]
    return save(nodes, {"x": [rows, 520]}, constants, {"relu": [rows, 512], "gemm": [rows, 513], "y": [rows, 8]})


def evaluate(model, inputs, *options):
    """What the reference makes of a model after stage fuse: its outputs in order."""
    text = scratch() / "m.mlir"
    run([BUILD / "bin/qcc", *options, "--until=fuse", model, "-o", text])
    files = [scratch() / f"{name}.npy" for name in inputs]
    for file, value in zip(files, inputs.values()):
        np.save(file, value)
    run([BUILD / "test/bin/qcc-eval", text, scratch() / "want", *files])
    return [np.load(scratch() / f"want{i}.npy") for i in range(len(list(scratch().glob("want*.npy"))))]


@case
def products_give_the_reference_s_bytes_in_every_variant():
    for rows in (1, 13):
        model, inputs = layers(rows)
        expected = evaluate(model, inputs, *INT4)
        library = scratch() / "m.so"
        said = run([BUILD / "bin/qcc", model, "--emit=shared", *INT4, "-o", library]).stderr
        check("2 of all with weights of int4" in said and "weights in int8: 'small': fewer than" in said, said)
        for isa, got in in_each_variant(library, inputs):
            for name, want in zip(("relu", "gemm", "y"), expected):
                check_equal(got[name], want)


@case
def large_matrices_beside_static_int8():
    """With samples: the large products as without, the small one by a scale for all rows."""
    model, inputs = layers()
    samples = np.random.default_rng(1).standard_normal((32, 3, 520)).astype(np.float32)
    np.save(scratch() / "samples.npy", samples)
    options = [f"--calib={scratch() / 'samples.npy'}", "--calib-method=minmax", "--weights=int4"]
    report = scratch() / "report.json"
    expected = evaluate(model, inputs, *options)
    exact = run_onnxruntime(model, inputs)
    library = scratch() / "m.so"
    said = run([BUILD / "bin/qcc", model, "--emit=shared", *options, f"--report={report}", "-o", library]).stderr
    check("2 of all with weights of int4" in said and "measured by row at run time" in said, said)
    check("weights in int8: 'small': fewer than" in said, said)
    types = {layer["name"]: layer["type"] for layer in json.loads(report.read_text())["layers"]}
    check(types["product"] == types["gemm"] == "int8, int4 weights" and types["small"] == "int8", types)
    for isa, got in in_each_variant(library, inputs):
        for name, want in zip(("relu", "gemm", "y"), expected):
            check_equal(got[name], want)
        check(sqnr(got["gemm"], exact["gemm"]) > 17 and sqnr(got["y"], exact["y"]) > 35, f"{isa}: too far from float")


@case
def weights_alone():
    model, inputs = layers()
    options = ("--quantize=weights", "--weights=int4")
    expected = run_onnxruntime(qcc(model, "--emit=onnx", *options, output="q.onnx"), inputs, optimise=False)
    check_variants(model, inputs, expected, *options, says="3 products of floats with weights of int8 and int4")


@case
def named_nodes_stay_float():
    model, _ = layers()
    text = qcc(model, *INT4, "--keep-float=gemm", "--until=fuse", output="m.mlir").read_text()
    stored = [line for line in text.splitlines() if "qcc.constant" in line and "i4:f32" in line]
    check(len(stored) == 1 and '"qcc.gemm"' in text, f"{len(stored)} matrices in int4")


@case
def recurrent_layers_match_the_reference():
    from onnx import helper

    for kind, gates, more in (("LSTM", 4, {}), ("GRU", 3, {"linear_before_reset": 1}), ("GRU", 3, {}), ("RNN", 1, {})):
        hidden, steps = {"RNN": 330}.get(kind, 190), 2
        w, r, b = random(2, gates * hidden, 70), random(2, gates * hidden, hidden), random(2, 2 * gates * hidden)
        node = helper.make_node(kind, ["x", "w", "r", "b"], ["y"], "layer", hidden_size=hidden, direction="bidirectional", **more)
        model, inputs = save([node], {"x": [steps, 2, 70]}, {"w": w, "r": r, "b": b}, {"y": [steps, 2, 2, hidden]}, opset=17)
        want = {"y": evaluate(model, inputs, *INT4)[0]}
        # A state on the edge between two steps may fall to either side.
        check_variants(model, inputs, want, *INT4, says="1 of all with weights of int4", rtol=1e-3, atol=5e-3)


@case
def tables_hold_two_numbers_a_byte():
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = random(4000, 64)
    node = helper.make_node("Gather", ["t", "i"], ["y"], "words")
    graph = helper.make_graph([node], "words", [helper.make_tensor_value_info("i", TensorProto.INT64, [9])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [9, 64])], [numpy_helper.from_array(table, "t")])  # fmt: skip
    model = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), model)
    indices = {"i": np.array([0, 1999, 5, 5, 77, 1000, 3, 2, 1])}
    want = evaluate(model, indices, *INT4)[0]
    check(sqnr(want, table[indices["i"]]) > 18, f"{sqnr(want, table[indices['i']]):.1f} dB")
    library = qcc(model, "--emit=shared", *INT4, output="m.so")
    sizes = [library.stat().st_size, qcc(model, "--emit=shared", "--quantize=dynamic", output="8.so").stat().st_size]
    check(sizes[1] - sizes[0] > 50000, f"{sizes} bytes")
    for isa, got in in_each_variant(library, indices):
        check_equal(got["y"], want)


main()
