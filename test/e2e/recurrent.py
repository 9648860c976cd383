"""RNN, GRU and LSTM in ONNX's variants: compiled code against ONNX Runtime, int8 against the reference."""

from gpu import check_emulated, check_interpreted
from support import *

STEPS, BATCH, INPUTS = 9, 3, 10
ISAS = ("x86-64", "avx2", "avx512vnni")
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
# operator, hidden size, optional inputs (b: bias, s: lengths, h, c: states, p: peepholes), attributes
LAYERS = [
    ("LSTM", 5, "b", {}),
    ("LSTM", 40, "bshcp", {"direction": "bidirectional"}),
    ("LSTM", 33, "bc", {"direction": "reverse", "input_forget": 1}),
    ("LSTM", 8, "", {"activations": ["HardSigmoid", "Softsign", "ScaledTanh"], "activation_alpha": [0.3, 0.9],
                     "activation_beta": [0.4, 0.8]}),
    ("GRU", 37, "b", {}),
    ("GRU", 32, "bsh", {"direction": "bidirectional", "linear_before_reset": 1}),
    ("GRU", 6, "bs", {"direction": "reverse", "linear_before_reset": 1, "clip": 0.5}),
    ("RNN", 20, "bsh", {"direction": "bidirectional", "activations": ["Relu", "Tanh"]}),
    ("RNN", 3, "", {"activations": ["Elu"], "activation_alpha": [0.7]}),
]  # fmt: skip
# Large enough that threads share each step of them, in int8, too.
SHARED_STEPS = [
    ("LSTM", 200, "bshcp", {"direction": "bidirectional"}),
    ("LSTM", 184, "b", {"direction": "reverse"}),
    ("GRU", 230, "bsh", {"direction": "bidirectional"}),
    ("GRU", 230, "bs", {"direction": "bidirectional", "linear_before_reset": 1}),
    ("RNN", 370, "bsh", {}),
]


def network(path, layers=LAYERS, steps=STEPS, batch=BATCH):
    """All layers read one input; gives that input."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(7)
    nodes, initializers, outputs = [], [], []

    def constant(name, value):
        initializers.append(numpy_helper.from_array(value, name))
        return name

    for i, (op, hidden, given, attributes) in enumerate(layers):
        directions = 2 if attributes.get("direction") == "bidirectional" else 1
        rows = GATES[op] * hidden
        number = lambda *shape: (0.5 * rng.standard_normal(shape)).astype(np.float32)
        calm = np.float32(1 if hidden < 100 else 2 / hidden**0.5)  # else all states go where rounding sends them
        inputs = ["x", constant(f"w{i}", number(directions, rows, INPUTS)), constant(f"r{i}", calm * number(directions, rows, hidden))]
        optional = {"b": number(directions, 2 * rows), "s": np.array([steps, steps // 2, 1, steps][:batch], np.int32),
                    "h": number(directions, batch, hidden), "c": number(directions, batch, hidden),
                    "p": number(directions, 3 * hidden)}  # fmt: skip
        for letter in "bshcp" if op == "LSTM" else "bsh":
            inputs.append(constant(f"{letter}{i}", optional[letter]) if letter in given else "")
        while not inputs[-1]:
            inputs.pop()
        names = [f"y{i}", f"h_{i}", f"c_{i}"][: 3 if op == "LSTM" else 2]
        nodes.append(helper.make_node(op, inputs, names, f"layer{i}", hidden_size=hidden, **attributes))
        shapes = [[steps, directions, batch, hidden]] + 2 * [[directions, batch, hidden]]
        outputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(names, shapes)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [steps, batch, INPUTS])
    graph = helper.make_graph(nodes, "recurrent", [x], outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return rng.standard_normal((steps, batch, INPUTS)).astype(np.float32)


def check_layers(library, x, expected, **tolerance):
    for isa in ISAS:
        if isa == "x86-64" or isa in FEATURES:
            got = run_model(library, {"x": x}, env={"QCC_ISA": isa})
            for name, want in expected.items():
                try:
                    check_close(got[name], want, **tolerance)
                except AssertionError as error:
                    raise AssertionError(f"{name}, {isa}: {error}")


@case
def every_variant_matches_onnx_runtime():
    model = scratch() / "m.onnx"
    x = network(model)
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    check_layers(library, x, run_onnxruntime(model, {"x": x}), rtol=1e-4, atol=1e-5)


def evaluate(model, inputs, mode):
    """What the reference makes of a model: its outputs in order."""
    text = scratch() / "m.mlir"
    run([BUILD / "bin/qcc", mode, "--until=quantize", model, "-o", text])
    files = []
    for i, value in enumerate(inputs):
        files.append(scratch() / f"eval{i}.npy")
        np.save(files[-1], value)
    run([BUILD / "test/bin/qcc-eval", text, scratch() / "eval_out", *files])
    return [np.load(scratch() / f"eval_out{i}.npy") for i in range(len(list(scratch().glob("eval_out*.npy"))))]


@case
def int8_matches_the_reference():
    model = scratch() / "m.onnx"
    x = network(model)
    names = list(run_onnxruntime(model, {"x": x}))
    library = qcc(model, "--emit=shared", "--quantize=dynamic", output="m.so")
    # A state on the edge between two steps may fall to either side.
    check_layers(library, x, dict(zip(names, evaluate(model, [x], "--quantize=dynamic"))), rtol=1e-3, atol=5e-3)


@case
def sequences_that_are_walked_at_once_give_what_each_gives_alone():
    layers = [("LSTM", 320, "b", {}), ("GRU", 230, "b", {"direction": "reverse"}), ("GRU", 230, "b", {"linear_before_reset": 1}), ("RNN", 370, "", {})]
    for layer in layers:
        modes = [["--quantize=none"], ["--quantize=dynamic"]] + [["--weights=int4"]] * (layer[0] == "LSTM")
        many, one = scratch() / "many.onnx", scratch() / "one.onnx"
        x = network(many, [layer], batch=5)  # three and two at once, or two, two and one
        network(one, [layer], batch=1)
        for mode in modes:
            library, single = qcc(many, "--emit=shared", *mode, output="many.so"), qcc(one, "--emit=shared", *mode, output="one.so")
            for isa in ISAS:
                if isa == "x86-64" or isa in FEATURES:
                    together = run_model(library, {"x": x}, env={"QCC_ISA": isa})["y0"]
                    for i in range(5):
                        alone = run_model(single, {"x": x[:, i : i + 1]}, env={"QCC_ISA": isa})["y0"]
                        check_equal(together[:, :, i : i + 1], alone)


@case
def threads_that_share_a_step_give_the_same_bytes():
    for batch in (1, 3):
        model = scratch() / "m.onnx"
        x = network(model, SHARED_STEPS, batch=batch)
        for mode in ("none", "dynamic"):
            text = qcc(model, "--until=lower", f"--quantize={mode}", output="m.mlir").read_text()
            check(text.count("together") == text.count('kind = "recurrent"') > 0, "not all layers are shared")
            library = qcc(model, "--emit=shared", f"--quantize={mode}", output="m.so")
            alone = run_model(library, {"x": x})
            if mode == "none":
                for name, want in run_onnxruntime(model, {"x": x}).items():
                    check_close(alone[name], want, rtol=1e-4, atol=1e-5)
            for threads in (2, 3, 16):  # of 16, some have no unit
                got = run_model(library, {"x": x}, f"--threads={threads}")
                for name, want in alone.items():
                    check_equal(got[name], want)


@case
def gpus_give_the_numbers_of_cpus():
    require("avx2")
    model = scratch() / "m.onnx"
    for layers, modes in ((LAYERS, ("none", "dynamic")), (SHARED_STEPS, ("dynamic",))):
        x = network(model, layers)
        for mode in modes:
            tolerance = {"rtol": 1e-3, "atol": 1e-5 if mode == "none" else 5e-3}
            check_emulated(model, {"x": x}, f"--quantize={mode}", compare=lambda a, b: check_close(a, b, **tolerance))


@case
def interpreted_ptx_gives_the_numbers_of_cpus():
    require("avx2")
    model = scratch() / "m.onnx"
    x = network(model, [("LSTM", 40, "bs", {}), ("GRU", 33, "b", {})], steps=3, batch=2)
    check_interpreted(model, {"x": x}, "--quantize=dynamic", compare=lambda a, b: check_close(a, b, rtol=1e-3, atol=5e-3))


@case
def sequences_of_any_length():
    layers = [("LSTM", 24, "bs", {"direction": "bidirectional"}), ("GRU", 24, "bs", {}), ("GRU", 24, "b", {"linear_before_reset": 1})]
    for steps, batch in ((1, 1), (2, 4), (3, 2), (17, 1), (128, 3), (513, 1)):
        model = scratch() / "m.onnx"
        x = network(model, layers, steps, batch)
        expected = run_onnxruntime(model, {"x": x})
        for mode in ("none", "dynamic"):
            got = run_model(qcc(model, "--emit=shared", "--march=native", f"--quantize={mode}", output="m.so"), {"x": x})
            for name, want in expected.items():
                if mode == "none":
                    check_close(got[name], want, rtol=1e-4, atol=1e-5)
                check(sqnr(got[name], want) >= 25, f"{name}, {steps} steps, {mode}: {sqnr(got[name], want):.1f} dB")


@case
def the_input_of_each_activation_is_clipped():
    # ONNX Runtime does not clip what the last one of an LSTM reads, the cell.
    model = scratch() / "m.onnx"
    x = network(model, [("LSTM", 33, "bc", {"direction": "reverse", "clip": 0.4, "input_forget": 1})])
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    expected = dict(zip(("y0", "h_0", "c_0"), evaluate(model, [x], "--quantize=none")))
    check_layers(library, x, expected, rtol=1e-4, atol=1e-5)
    check(not np.allclose(expected["y0"], run_onnxruntime(model, {"x": x})["y0"], atol=1e-3), "ONNX Runtime clips now")


@case
def the_exported_graph_computes_the_same():
    model = scratch() / "m.onnx"
    x = network(model)
    expected = run_onnxruntime(model, {"x": x})
    for mode, tolerance in (("none", 1e-5), ("dynamic", 0.1)):  # of the latter the weights alone are integers
        got = run_onnxruntime(qcc(model, "--emit=onnx", f"--quantize={mode}", output="exported.onnx"), {"x": x})
        for name, want in expected.items():
            check_close(got[name], want, rtol=tolerance, atol=tolerance)


@case
def batches_first_are_the_same_numbers():
    import onnx
    from onnx import helper

    model = scratch() / "m.onnx"
    layers = [layer for layer in LAYERS if "h" not in layer[2] and "c" not in layer[2]]
    x = network(model, layers)
    expected = run_onnxruntime(model, {"x": x})
    proto = onnx.load(model)
    for node in proto.graph.node:
        node.attribute.append(helper.make_attribute("layout", 1))
    for value in [*proto.graph.input, *proto.graph.output]:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        order = (2, 0, 1, 3) if len(sizes) == 4 else (1, 0, 2)
        for dim, i in zip(value.type.tensor_type.shape.dim, order):
            dim.dim_value = sizes[i]
    onnx.save(proto, model)
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    turned = {n: v.transpose((2, 0, 1, 3) if v.ndim == 4 else (1, 0, 2)) for n, v in expected.items()}
    check_layers(library, x.transpose(1, 0, 2), turned, rtol=1e-4, atol=1e-5)


main()
