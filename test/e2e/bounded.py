"""Inputs of bounded shape, --shape=x:1x1..128: one object is right for every length."""

import fcntl

from support import *

FLOAT, INT8 = "--quantize=none", "--quantize=dynamic"


def graph(path, nodes, inputs, outputs, constants=(), opset=20):
    """Writes a model; `inputs` and `outputs` are (name, shape), with names for free sizes, or (name, shape, type)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    info = lambda name, shape, type="FLOAT": helper.make_tensor_value_info(name, getattr(TensorProto, type), shape)
    made = helper.make_graph(
        [helper.make_node(op, i, o, o[0], **more) for op, i, o, more in nodes],
        "bounded",
        [info(*i) for i in inputs],
        [info(*o) for o in outputs],
        [numpy_helper.from_array(value, name) for name, value in dict(constants).items()],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9), path)
    return path


def numbers(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32)


def check_lengths(model, shapes, inputs_of, lengths, *options, rtol=1e-4, atol=1e-5):
    """That the object for all lengths agrees with ONNX Runtime at each; gives the object."""
    library = qcc(model, "--emit=shared", FLOAT, "--march=native", *(f"--shape={s}" for s in shapes), *options, output="m.so")
    for length in lengths:
        inputs = inputs_of(length)
        got, wanted = run_model(library, inputs), run_onnxruntime(model, inputs)
        for name, value in wanted.items():
            check_close(got[name], value, rtol, atol)
    return library


def runner():
    """docs/examples/run_so.py's, whose workspace one can fill with dirt."""
    sys.path.insert(0, str(ROOT / "docs/examples"))
    from run_so import Model

    return Model


# Transformers


def minilm():
    """The model, and inputs of a length: sentences of the shared data, one behind the other."""
    require("shared-models")
    model = BUILD / "test/e2e/minilm_l6_v2.onnx"
    with open(model.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not model.exists():
            run([sys.executable, MODELS / "minilm/make.py", model.with_suffix(".part")])
            model.with_suffix(".part").rename(model)
    ids, mask = (np.load(MODELS / f"minilm/input_{n}.npy") for n in ("input_ids", "attention_mask"))
    words = ids[mask != 0]
    zeros = lambda length: np.zeros((1, length), np.int64)
    return model, lambda length: {"input_ids": words[None, :length], "attention_mask": zeros(length) + 1, "token_type_ids": zeros(length)}


@case
def sentence_embeddings_of_any_length_match():
    model, inputs_of = minilm()
    check_lengths(model, ["input_ids:1x1..128"], inputs_of, (1, 7, 32, 128))


@case
def sentence_embeddings_in_int8_are_those_of_their_length():
    model, inputs_of = minilm()
    library = qcc(model, "--emit=shared", INT8, "--march=native", "--shape=input_ids:1x1..128", output="m.so")
    for length in (1, 7, 32, 128):
        own = qcc(model, "--emit=shared", INT8, "--march=native", f"--shape=input_ids:1x{length}", output="own.so")
        got, wanted = (run_model(l, inputs_of(length))["sentence_embedding"] for l in (library, own))
        # Sums of attention in another order may round another way, and a measured range goes with it.
        noise = sqnr(got, wanted)
        check(noise >= 50, f"{length} tokens: {noise:.1f} dB")


def attention(path, causal, width=8):
    """Two heads of four numbers (or of half another width); each position sees all, or those before it."""
    w = {f"w{i}": numbers(width, width, seed=i) for i in range(3)}
    w |= {"four": np.array([1, -1, 2, width // 2]), "eight": np.array([1, -1, width]), "half": np.float32(0.5)}
    nodes = []
    for i, perm in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])):
        nodes += [("MatMul", ["x", f"w{i}"], [f"p{i}"], {}), ("Reshape", [f"p{i}", "four"], [f"r{i}"], {}), ("Transpose", [f"r{i}"], [f"t{i}"], {"perm": perm})]
    nodes += [("MatMul", ["t0", "t1"], ["products"], {}), ("Mul", ["products", "half"], ["scores"], {})]
    if causal:
        w |= {"zero": np.array(0), "one": np.array(1), "row": np.array([0]), "column": np.array([1]), "none": np.float32(0), "all": np.float32(-np.inf)}
        nodes += [
            ("Shape", ["x"], ["sizes"], {}),
            ("Gather", ["sizes", "one"], ["length"], {}),
            ("Range", ["zero", "length", "one"], ["positions"], {}),
            ("Unsqueeze", ["positions", "row"], ["keys"], {}),
            ("Unsqueeze", ["positions", "column"], ["queries"], {}),
            ("GreaterOrEqual", ["queries", "keys"], ["past"], {}),
            ("Where", ["past", "none", "all"], ["mask"], {}),
            ("Add", ["scores", "mask"], ["masked"], {}),
        ]
    nodes += [("Softmax", ["masked" if causal else "scores"], ["weights"], {"axis": -1}), ("MatMul", ["weights", "t2"], ["sums"], {}),
              ("Transpose", ["sums"], ["back"], {"perm": [0, 2, 1, 3]}), ("Reshape", ["back", "eight"], ["y"], {})]
    return graph(path, nodes, [("x", [1, "L", width])], [("y", [1, "L", width])], w)


@case
def attention_is_fused_and_reads_no_more_keys_than_there_are():
    for causal in (False, True):
        model = attention(scratch() / "m.onnx", causal)
        run([BUILD / "bin/qcc", "--until=fuse", FLOAT, "--shape=x:1x1..40x8", model, "-o", scratch() / "m.mlir"])
        check('"qcc.attention"' in (scratch() / "m.mlir").read_text(), "attention is not fused")
        check_lengths(model, ["x:1x1..40x8"], lambda length: {"x": numbers(1, length, 8)}, (1, 2, 7, 31, 40))


@case
def attention_of_bf16_is_that_of_its_length():
    require("avx2")
    bf16, model = "--precision=bf16", attention(scratch() / "m.onnx", True, 16)
    library = qcc(model, "--emit=shared", FLOAT, bf16, "--march=avx512bf16,avx512vnni,avx2", "--shape=x:1x1..70x16", output="m.so")
    for length in (1, 7, 33, 70):
        x = {"x": numbers(1, length, 16)}
        own = qcc(model, "--emit=shared", FLOAT, bf16, "--march=avx2", f"--shape=x:1x{length}x16", output="own.so")
        wanted = run_model(own, x, env={"QCC_ISA": "avx2"})["y"]
        for isa in ("avx2", "avx512vnni", "avx512bf16"):
            if isa in FEATURES:
                noise = sqnr(run_model(library, x, env={"QCC_ISA": isa})["y"], wanted)
                # Of fewer than five queries alone attention is f32.
                check(noise > (60 if length > 4 else 40), f"{isa}, {length}: {noise:.1f} dB")


# Sums, last positions, sequences


@case
def what_mixes_positions_sees_those_that_count():
    constants = {"axis": np.array([1]), "last": np.array([-1]), "end": np.array([2**31 - 1]), "at": np.array(-1), "w": numbers(6, 6, 3), "rest": np.array([1, -1]), "one": np.array(1), "two": np.array([2]), "three": np.array([3]), "ones": np.ones(1, np.float32)}
    nodes = [
        ("ReduceMean", ["x", "axis"], ["mean"], {"keepdims": 0}),
        ("ReduceSum", ["x", "axis"], ["sum"], {}),
        ("ReduceMax", ["x", "axis"], ["max"], {"keepdims": 0}),
        ("ReduceMin", ["x", "axis"], ["min"], {"keepdims": 0}),
        ("ReduceL2", ["x", "axis"], ["l2"], {"keepdims": 0}),
        ("Softmax", ["x"], ["softmax"], {"axis": 1}),
        ("Slice", ["x", "last", "end", "axis"], ["tail"], {}),
        ("Gather", ["x", "at"], ["picked"], {"axis": 1}),
        ("Transpose", ["x"], ["turned"], {"perm": [0, 2, 1]}),
        ("Conv", ["turned", "w"], ["conv"], {"pads": [1, 1]}),
        ("GlobalAveragePool", ["turned"], ["pool"], {}),
        ("GlobalMaxPool", ["turned"], ["most"], {}),
        ("MatMul", ["turned", "x"], ["gram"], {}),
        ("Concat", ["sum", "x"], ["longer"], {"axis": 1}),
        ("Slice", ["x", "axis", "end", "axis"], ["shorter"], {}),
        ("Slice", ["x", "axis", "end", "axis", "three"], ["third"], {}),
        ("Reshape", ["x", "rest"], ["flat"], {}),
        ("Concat", ["x", "sum", "x", "shorter"], ["behind"], {"axis": 1}),
        ("CumSum", ["x", "one"], ["sums"], {}),
        ("CumSum", ["x", "one"], ["back"], {"reverse": 1}),
        ("ArgMax", ["x"], ["where"], {"axis": 1}),
        ("TopK", ["x", "two"], ["top", "places"], {"axis": 1}),
        ("ReduceProd", ["x", "axis"], ["product"], {"keepdims": 0}),
        ("LayerNormalization", ["turned", "ones"], ["normal"], {"axis": 2}),
        ("MaxPool", ["turned"], ["pooled"], {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
        ("ConvTranspose", ["turned", "w"], ["spread"], {"strides": [2]}),
    ]
    names = [results[0] for _, _, results, _ in nodes]
    free = {"softmax": [1, "L", 6], "turned": [1, 6, "L"], "conv": [1, 6, "L"], "longer": [1, "M", 6], "shorter": [1, "K", 6], "flat": [1, "F"],
            "sum": [1, 1, 6], "tail": [1, 1, 6], "gram": [1, 6, 6], "pool": [1, 6, 1], "most": [1, 6, 1], "third": [1, "T", 6],
            "behind": [1, "B", 6], "sums": [1, "L", 6], "back": [1, "L", 6], "where": [1, 1, 6, "INT64"], "top": [1, 2, 6], "normal": [1, 6, "L"],
            "pooled": [1, 6, "P"], "spread": [1, 6, "S"]}  # fmt: skip
    model = graph(scratch() / "m.onnx", nodes, [("x", [1, "L", 6])], [(n, free.get(n, [1, 6])[:3], *free.get(n, [])[3:]) for n in names], constants)
    check_lengths(model, ["x:1x2..19x6"], lambda length: {"x": numbers(1, length, 6)}, (2, 3, 8, 18, 19))


@case
def images_grow_and_places_are_picked():
    """Resize by whole factors, DepthToSpace, GridSample, and indices beside a bounded axis or along it."""
    places = lambda *row: np.array([[[list(row)] * 5] * 4])
    constants = {"by": np.array([1, 1, 3, 2], np.float32), "wider": np.array([1, 1, 1, 2], np.float32), "none": np.array([0]), "one": np.array([1]), "two": np.array([2]), "three": np.array([3]),
                 "at": np.array([[0, 2], [0, 1]]), "some": places(-1, 0, -2), "others": places(-1, 1, 0), "add": np.ones((1, 4, 5, 3), np.float32), "image": numbers(1, 3, 6, 7)}  # fmt: skip
    resize = lambda name, by, **more: ("Resize", ["x", "", by], [name], more)
    nodes = [
        resize("floor", "by", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        resize("nearest", "by", mode="nearest"),
        resize("ceil", "by", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="ceil"),
        resize("linear", "by", mode="linear"),
        resize("cubic", "wider", mode="cubic", coordinate_transformation_mode="pytorch_half_pixel"),
        ("DepthToSpace", ["x"], ["wide"], {"blocksize": 2}),
        ("GatherElements", ["x", "some"], ["picked"], {"axis": 3}),
        ("ScatterElements", ["x", "others", "add"], ["written"], {"axis": 3, "reduction": "add"}),
        ("Slice", ["x", "one", "three", "one"], ["slices"], {}),
        ("Squeeze", ["slices", "none"], ["updates"], {}),
        ("ScatterND", ["x", "at", "updates"], ["sliced"], {}),
        ("Slice", ["x", "none", "two", "one"], ["pairs"], {}),
        ("Transpose", ["pairs"], ["grid"], {"perm": [0, 3, 2, 1]}),
        ("GridSample", ["image", "grid"], ["sampled"], {}),
    ]
    shapes = {"floor": [1, 4, 15, "A"], "nearest": [1, 4, 15, "A"], "ceil": [1, 4, 15, "A"], "linear": [1, 4, 15, "A"], "cubic": [1, 4, 5, "A"], "wide": [1, 1, 10, "A"],
              "picked": [1, 4, 5, 3], "written": [1, 4, 5, "L"], "sliced": [1, 4, 5, "L"], "sampled": [1, 3, "L", 5]}  # fmt: skip
    model = graph(scratch() / "m.onnx", nodes, [("x", [1, 4, 5, "L"])], list(shapes.items()), constants)
    check_lengths(model, ["x:1x4x5x3..18"], lambda length: {"x": numbers(1, 4, 5, length)}, (3, 4, 10, 17, 18))


@case
def images_of_bounded_size_shrink_and_grow_in_steps():
    """What comes back from half the size is added, where the model accepts multiples of 4 alone."""
    constants = {"w": numbers(4, 2, 3, 3), "v": numbers(4, 4, 3, 3, seed=1), "u": numbers(4, 4, 2, 2, seed=2), "twice": np.array([1, 1, 2, 2], np.float32)}
    down = lambda x, w, y: ("Conv", [x, w], [y], {"pads": [1] * 4, "strides": [2, 2]})
    up = lambda x, y, **more: ("Resize", [x, "", "twice"], [y], more)
    nodes = [down("x", "w", "half"), down("half", "v", "quarter"), up("quarter", "back", mode="linear"), ("Add", ["half", "back"], ["sum"], {}),
             ("ConvTranspose", ["quarter", "u"], ["grown"], {"strides": [2, 2]}), ("Concat", ["sum", "grown"], ["both"], {"axis": 1}),
             up("both", "y", mode="nearest"), ("SpaceToDepth", ["sum"], ["deep"], {"blocksize": 2})]  # fmt: skip
    model = graph(scratch() / "m.onnx", nodes, [("x", [1, 2, "H", "W"])], [("y", [1, 8, "H", "W"]), ("deep", [1, 16, "A", "B"])], constants)
    inputs_of = lambda sizes: {"x": numbers(1, 2, *sizes)}
    library = check_lengths(model, ["x:1x2x8..20/4x4..24/4"], inputs_of, ((8, 4), (20, 24), (12, 8), (16, 24)))
    np.save(scratch() / "x.npy", numbers(1, 2, 12, 10))
    said = run([BUILD / "bin/qcc-run", library, "--in", f"x={scratch() / 'x.npy'}"], status=1).stderr
    check("input 'x' is (1, 2, 8..20/4, 4..24/4)" in said, said)
    for shape, words in (("8..20/3x8", "8 and 20 must be multiples of the 3"), ("8..20/0x8", "is no shape"), ("8..20/x8", "is no shape")):
        said = run([BUILD / "bin/qcc", FLOAT, f"--shape=x:1x2x{shape}", model, "-o", scratch() / "m.o"], status=2).stderr
        check(words in said, said)
    np.savez(scratch() / "calib.npz", **{"x.0": numbers(1, 2, 8, 16), "x.1": numbers(1, 2, 10, 16)})
    said = run([BUILD / "bin/qcc", f"--calib={scratch() / 'calib.npz'}", "--shape=x:1x2x8..20/4x16", model, "-o", scratch() / "m.o"], status=1).stderr
    check("sample 1 (arrays of number 1): input 'x' has shape (1, 2, 10, 16), of which axis 2 is no multiple of 4" in said, said)


@case
def the_text_detector_takes_any_width():
    require("shared-models")
    model = MODELS / "ppocr_det/ch_PP-OCRv4_det_infer.onnx"
    check_lengths(model, ["x:1x3x64x32..256/32"], lambda width: {"x": 0.5 * numbers(1, 3, 64, width)}, (32, 96, 256), rtol=1e-3, atol=1e-4)


def layers(path):
    """An LSTM of both directions, a GRU that reads backwards, and the last state of each."""
    nodes, constants, outputs = [], {}, []
    for op, gates, direction, count in (("LSTM", 4, "bidirectional", 2), ("GRU", 3, "reverse", 1), ("RNN", 1, "forward", 1)):
        constants |= {f"{op}w": numbers(count, gates * 5, 6), f"{op}r": 0.5 * numbers(count, gates * 5, 5)}
        names = [f"{op}{n}" for n in ("_all", "_h", "_c")[: 3 if op == "LSTM" else 2]]
        nodes.append((op, ["x", f"{op}w", f"{op}r"], names, {"hidden_size": 5, "direction": direction}))
        outputs += [(n, ["L", count, 2, 5] if "all" in n else [count, 2, 5]) for n in names]
    return graph(path, nodes, [("x", ["L", 2, 6])], outputs, constants)


@case
def layers_walk_as_many_steps_as_there_are():
    model = layers(scratch() / "m.onnx")
    check_lengths(model, ["x:1..17x2x6"], lambda length: {"x": numbers(length, 2, 6)}, (1, 2, 9, 16, 17))


@case
def layers_in_int8_are_those_of_their_length():
    model = layers(scratch() / "m.onnx")
    library = qcc(model, "--emit=shared", INT8, "--march=native", "--shape=x:1..17x2x6", output="m.so")
    for length in (1, 9, 17):
        own = qcc(model, "--emit=shared", INT8, "--march=native", f"--shape=x:{length}x2x6", output="own.so")
        got, wanted = (run_model(l, {"x": numbers(length, 2, 6)}) for l in (library, own))
        for name in wanted:
            check_equal(got[name], wanted[name])


# Batches


@case
def samples_of_a_batch_are_those_of_their_batch():
    model = scratch() / "m.onnx"
    small_network(model, batch="N")
    np.savez(scratch() / "calib.npz", x=numbers(8, 3, 16, 16))
    for mode in (FLOAT, f"--calib={scratch() / 'calib.npz'}"):
        library = qcc(model, "--emit=shared", mode, "--march=native", "--shape=x:1..4x3x16x16", output="m.so")
        for batch in (1, 3, 4):
            x = numbers(batch, 3, 16, 16, seed=5)
            got = run_model(library, {"x": x})["y"]
            check(got.shape == (batch, 10), f"{got.shape}")
            if mode == FLOAT:
                check_close(got, run_onnxruntime(model, {"x": x})["y"])
            each = [run_model(library, {"x": x[i : i + 1]})["y"] for i in range(batch)]
            check_equal(got, np.concatenate(each))
        if mode == FLOAT:
            own = qcc(model, "--emit=shared", mode, "--march=native", "--shape=x:3x3x16x16", output="own.so")
            check_equal(run_model(library, {"x": x[:3]})["y"], run_model(own, {"x": x[:3]})["y"])


@case
def networks_of_images_take_any_batch():
    """Depthwise and strided convolutions, residuals, pools; a workspace full of NaN."""
    require("shared-models", "no-asan")
    Model = runner()
    for name in ("fm_cnn_qat_ort", "fm_cnn_ts"):
        model = MODELS / f"fashion-mnist/models/{name}.onnx"
        x = numbers(6, 1, 28, 28)
        make = lambda batch: Model(qcc(model, "--emit=shared", "--march=native", f"--shape=input:{batch}x1x28x28", output=f"{name}{batch}.so"), threads=2)
        bounded = make("1..6")
        for batch in (6, 1, 4):
            bounded._work[:] = 255
            got, wanted = (m.run({"input": x[:batch]})["output"] for m in (bounded, make(batch)))
            check_equal(got, wanted)


@case
def images_of_a_batch_are_resized():
    """To a size that the model computes with the batch in it."""
    constants = {"zero": np.array([0]), "two": np.array([2]), "size": np.array([7, 9])}
    nodes = [
        ("Shape", ["x"], ["shape"], {}),
        ("Slice", ["shape", "zero", "two"], ["front"], {}),
        ("Concat", ["front", "size"], ["sizes"], {"axis": 0}),
        ("Resize", ["x", "", "", "sizes"], ["y"], {"mode": "linear"}),
    ]
    model = graph(scratch() / "m.onnx", nodes, [("x", ["N", 3, 4, 5])], [("y", ["N", 3, 7, 9])], constants)
    check_lengths(model, ["x:1..4x3x4x5"], lambda batch: {"x": numbers(batch, 3, 4, 5)}, (1, 3, 4))


@case
def two_lengths_are_independent():
    """A batch of sentences, whose rows lie closer together in a shorter run."""
    nodes = [("Softmax", ["x"], ["weights"], {"axis": 1}), ("Mul", ["x", "weights"], ["y"], {}), ("ReduceMean", ["y", "axis"], ["mean"], {"keepdims": 0})]
    model = graph(scratch() / "m.onnx", nodes, [("x", ["N", "L", 3])], [("y", ["N", "L", 3]), ("mean", ["N", 3])], {"axis": np.array([1])})
    inputs_of = lambda sizes: {"x": numbers(*sizes, 3)}
    check_lengths(model, ["x:1..3x2..9x3"], inputs_of, ((1, 2), (3, 9), (2, 5), (3, 2)))


# Calibration


def numbered(samples):
    """Samples of several lengths as the arrays of one file."""
    return {f"{name}.{i}": value for i, sample in enumerate(samples) for name, value in sample.items()}


def speech(path):
    """Convolutions in steps along a bounded line, a softmax over it, a product of two tensors, a mean."""
    w = {"w": numbers(8, 4, 3), "v": numbers(8, 8, 3, seed=1), "m": numbers(8, 6, seed=2), "big": np.float32(3)}
    nodes = [
        ("Mul", ["x", "big"], ["loud"], {}),
        ("Conv", ["loud", "w"], ["c1"], {"pads": [1, 1]}),
        ("Relu", ["c1"], ["r1"], {}),
        ("Conv", ["r1", "v"], ["c2"], {"pads": [1, 1], "strides": [2]}),
        ("Relu", ["c2"], ["r2"], {}),
        ("Transpose", ["r2"], ["t"], {"perm": [0, 2, 1]}),
        ("MatMul", ["t", "m"], ["p"], {}),
        ("Softmax", ["p"], ["s"], {"axis": 1}),
        ("MatMul", ["r2", "s"], ["q"], {}),
        ("Add", ["p", "p"], ["y"], {}),
    ]
    return graph(path, nodes, [("x", [1, 4, "L"])], [("y", [1, "M", 6]), ("q", [1, 8, 6])], w)


@case
def samples_of_one_length_calibrate_as_a_model_of_that_length():
    """What lies behind them is in no range, no mean and no error."""
    for model, bound, own, shape in (
        (speech(scratch() / "s.onnx"), "x:1x4x3..90", "x:1x4x21", (1, 4, 21)),
        (attention(scratch() / "a.onnx", True), "x:1x1..90x8", "x:1x13x8", (1, 13, 8)),
    ):
        samples = np.stack([numbers(*shape, seed=i) for i in range(33)])
        np.savez(scratch() / "calib.npz", x=samples)
        for method in ("minmax", "mse"):
            options = ["--emit=shared", "--march=native", f"--calib={scratch() / 'calib.npz'}", f"--calib-method={method}"]
            libraries = [qcc(model, *options, f"--shape={text}", output=f"{i}.so") for i, text in enumerate((bound, own))]
            for x in samples[:3]:
                got, wanted = (run_model(l, {"x": x}) for l in libraries)
                for name in wanted:
                    # Sums in another order may round another way.
                    noise = sqnr(got[name], wanted[name])
                    check(noise >= 45, f"{Path(model).name}, {method}, {name}: {noise:.1f} dB")


@case
def samples_of_several_lengths_are_numbered_or_files():
    model = speech(scratch() / "s.onnx")
    samples = [{"x": numbers(1, 4, 3 + 5 * (i % 7), seed=i)} for i in range(33)]
    np.savez(scratch() / "calib.npz", **numbered(samples))
    (scratch() / "folder").mkdir()
    for i, sample in enumerate(samples):
        np.savez(scratch() / f"folder/{i:02}.npz", **sample)
    options = ["--emit=shared", "--march=native", "--shape=x:1x4x3..40"]
    by_number, by_file = (qcc(model, *options, f"--calib={scratch() / data}", output=f"{data}.so") for data in ("calib.npz", "folder"))
    for x in (s["x"] for s in samples[:7]):
        got, wanted, same = run_model(by_number, {"x": x}), run_onnxruntime(model, {"x": x}), run_model(by_file, {"x": x})
        for name in wanted:
            check_equal(got[name], same[name])
            check(sqnr(got[name], wanted[name]) >= 20, f"{x.shape}, {name}: {sqnr(got[name], wanted[name]):.1f} dB")


@case
def accuracy_is_that_of_samples_of_any_length():
    nodes = [("Conv", ["x", "w"], ["c"], {"pads": [1, 1]}), ("GlobalAveragePool", ["c"], ["p"], {}), ("Flatten", ["p"], ["y"], {})]
    model = graph(scratch() / "m.onnx", nodes, [("x", [1, 4, "L"])], [("y", [1, 5])], {"w": numbers(5, 4, 3)})
    samples = [{"x": numbers(1, 4, 2 + i % 9, seed=i)} for i in range(40)]
    np.savez(scratch() / "eval.npz", **numbered(samples))
    np.save(scratch() / "labels.npy", np.array([run_onnxruntime(model, s)["y"].argmax() for s in samples]))
    data = [f"--{word}={scratch() / 'eval.npz'}" for word in ("calib", "eval")]
    done = run([BUILD / "bin/qcc", *data, f"--labels={scratch() / 'labels.npy'}", "--max-drop=5", "--shape=x:1x4x1..30", model, "-o", scratch() / "m.o"])
    check("top-1 on 40 samples: float 100.00 %" in done.stderr, done.stderr)


@case
def sentences_of_any_length_calibrate_static_int8():
    """MiniLM, with nothing padded."""
    model, inputs_of = minilm()
    ids, mask = (np.load(MODELS / f"minilm/input_{n}.npy") for n in ("input_ids", "attention_mask"))
    words = np.concatenate([row[kept != 0] for row, kept in zip(ids, mask)])
    text = lambda at, length: {n: v[:, :length] for n, v in inputs_of(length).items()} | {"input_ids": words[None, at : at + length]}
    lengths = [7, 128, 12, 32]
    np.savez(scratch() / "calib.npz", **numbered([text(500 + 130 * i, length) for i, length in enumerate(lengths)]))
    shape = "--shape=input_ids:1x1..128"
    exact = qcc(model, "--emit=shared", FLOAT, "--march=native", shape, output="float.so")
    static = qcc(model, "--emit=shared", f"--calib={scratch() / 'calib.npz'}", "--calib-method=minmax", "--march=native", shape, output="m.so")
    for length in (7, 32, 128):
        inputs = [text(at, length) for at in range(0, 160, 20)]
        got, wanted = (np.concatenate([run_model(l, i)["sentence_embedding"] for i in inputs]) for l in (static, exact))
        cosine = (got * wanted).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(wanted, axis=1)
        print(f"    {length} tokens: mean cosine {cosine.mean():.5f}, {sqnr(got, wanted):.1f} dB")
        check(cosine.mean() >= 0.998, f"{length} tokens: mean cosine {cosine.mean():.5f}")


# Dirt, and what is refused


@case
def nothing_stale_gets_in():
    """Several lengths in one workspace full of NaN."""
    require("no-asan")
    Model = runner()
    for model, shape, inputs_of, lengths in (
        (attention(scratch() / "a.onnx", True), "x:1x1..40x8", lambda n: {"x": numbers(1, n, 8)}, (40, 3, 17, 1, 40)),
        (layers(scratch() / "l.onnx"), "x:1..17x2x6", lambda n: {"x": numbers(n, 2, 6)}, (17, 2, 9, 1, 17)),
    ):
        for mode in (FLOAT, INT8):
            library = qcc(model, "--emit=shared", mode, "--march=native", f"--shape={shape}", output=f"{Path(model).stem}{mode}.so")
            dirty, clean = Model(library, threads=2), Model(library)
            for length in lengths:
                dirty._work[:] = 255
                clean._work[:] = 0
                got, wanted = dirty.run(inputs_of(length)), clean.run(inputs_of(length))
                for name in wanted:
                    check_equal(got[name], wanted[name])


@case
def a_program_says_the_shape_and_is_told_it():
    model = graph(scratch() / "m.onnx", [("Softmax", ["x"], ["y"], {"axis": 1})], [("x", [1, "L"])], [("y", [1, "L"])])
    qcc(model, FLOAT, "--shape=x:1x2..6", output="soft.o")
    (scratch() / "main.c").write_text(
        r"""
#include "soft.h"
#include <math.h>
#include <string.h>
static unsigned char work[SOFT_WORKSPACE_BYTES];
static qcc_status run(const float *x, float *y, int64_t length, int64_t *written) {
  soft_inputs in = {.x = x, .x_shape = {1, length}};
  soft_outputs out = {.y = y};
  memset(work, 255, sizeof work);
  qcc_status status = soft_run(&in, &out, work, NULL);
  *written = out.y_shape[0] * out.y_shape[1];
  return status;
}
int main(void) {
  const int64_t most[] = SOFT_X_SHAPE, least[] = SOFT_X_MIN_SHAPE;
  float x[SOFT_X_ELEMENTS] = {1, 2, 3, 4, 5, 6}, y[SOFT_Y_ELEMENTS];
  int64_t written;
  if (most[1] != 6 || least[1] != 2)
    return 1;
  for (int64_t length = 2; length <= 6; ++length) {
    float sum = 0;
    if (run(x, y, length, &written) != QCC_OK || written != length)
      return 2;
    for (int64_t i = 0; i < length; ++i)
      sum += y[i];
    if (fabsf(sum - 1) > 1e-5f || fabsf(y[1] / y[0] - 2.7182818f) > 1e-4f)
      return 3;
  }
  const int64_t hostile[] = {0, 1, 7, -1, INT64_MAX, INT64_MIN};
  for (int i = 0; i < 6; ++i)
    if (run(x, y, hostile[i], &written) != QCC_ERR_SHAPE)
      return 4;
  soft_outputs out = {.y = y};
  return soft_run(NULL, &out, work, NULL) == QCC_ERR_ARGUMENT ? 0 : 5;
}
"""
    )
    run([link([scratch() / "main.c"], [scratch() / "soft.o"])])


@case
def qcc_run_checks_shapes():
    nodes = [("Add", ["a", "b"], ["y"], {})]
    model = graph(scratch() / "m.onnx", nodes, [("a", ["L", 2]), ("b", ["L", 2])], [("y", ["L", 2])])
    library = qcc(model, "--emit=shared", FLOAT, "--shape=a:1..5x2", output="m.so")
    samples = {"a": numbers(3, 4, 2), "b": numbers(3, 4, 2, seed=1)}
    check_equal(run_model(library, samples, "--samples")["y"], samples["a"] + samples["b"])
    for name, value in (("a", numbers(6, 2)), ("b", numbers(3, 2)), ("c", numbers(4, 2))):
        np.save(scratch() / f"{name}.npy", value)
    words = [BUILD / "bin/qcc-run", library, "--in"]
    said = run([*words, f"a={scratch() / 'a.npy'}"], status=1).stderr
    check("input 'a' is (1..5, 2)" in said, said)
    said = run([*words, f"a={scratch() / 'c.npy'}", "--in", f"b={scratch() / 'b.npy'}"], status=1).stderr
    check("is (4, 2), but input 'a' is (3, 2) beside the other inputs" in said, said)


def operands_by_length(path):
    """The same operations for all lengths, but for long ones on the same operands the other way around."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    y = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, "L"])
    branch = lambda name, *operands: helper.make_graph([helper.make_node("Sub", operands, [name])], name, [], [y(name)])
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("Size", ["x"], ["size"]),
        helper.make_node("Greater", ["size", "ten"], ["is_long"]),
        helper.make_node("If", ["is_long"], ["y"], then_branch=branch("long", "x", "e"), else_branch=branch("short", "e", "x")),
    ]
    made = helper.make_graph(nodes, "branch", [y("x")], [y("y")], [numpy_helper.from_array(np.array(10, np.int64), "ten")])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


@case
def what_cannot_follow_a_length_is_refused():
    square = {"ends": np.array([2**31 - 1]), "three": np.array([3]), "back": np.array([[-1]]), "wide": np.array([1, 1, 2], np.float32), "half": np.array([0.5], np.float32)}
    x = [("x", [2, "L"])]
    cases = {
        # of another form for other lengths
        "grow evenly": ([("Size", ["x"], ["size"], {}), ("Div", ["size", "three"], ["part"], {}), ("Expand", ["half", "part"], ["y"], {})], x, "x:2x1..9", [("y", ["M"])]),
        "joins or cuts": ([("Reshape", ["x", "ends"], ["y"], {})], x, "x:2x1..9", [("y", ["M"])]),
        "writes into an axis": ([("ScatterND", ["x", "back", "half"], ["y"], {})], [("x", ["L"])], "x:1..9", [("y", ["L"])]),
        "whole factor": ([("Resize", ["z", "", "wide"], ["y"], {"mode": "linear", "coordinate_transformation_mode": "align_corners"})], [("z", [1, 2, "L"])], "z:1x2x3..9", [("y", [1, 2, "M"])]),
        "number of its windows up": ([("MaxPool", ["z"], ["y"], {"kernel_shape": [3], "strides": [2], "ceil_mode": 1})], [("z", [1, 2, "L"])], "z:1x2x3..9", [("y", [1, 2, "M"])]),
    }
    cases["joins or cuts"][0][0] = ("Flatten", ["x"], ["y"], {"axis": 0})
    cases["joins or cuts"][3][0] = ("y", [1, "M"])
    for words, (nodes, inputs, shape, outputs) in cases.items():
        model = graph(scratch() / "m.onnx", nodes, inputs, outputs, square)
        said = run([BUILD / "bin/qcc", FLOAT, f"--shape={shape}", model, "-o", scratch() / "m.o"], status=1).stderr
        check(words in said and "node 'y'" in said, said)
    for sum in ("a + a", "a + b + c"):
        model = graph(scratch() / "sum.onnx", [("Neg", ["x"], ["y"], {})], [("x", [sum]), *((n, [n]) for n in "abc")], [("y", [sum])], {})
        said = run([BUILD / "bin/qcc", FLOAT, *(f"--shape={n}:1..4" for n in "abc"), model, "-o", scratch() / "m.o"], status=1).stderr
        check(f"input 'x' has a dimension '{sum}': at most two" in said, said)
    by_branch = operands_by_length(scratch() / "branch.onnx")
    said = run([BUILD / "bin/qcc", FLOAT, "--shape=x:2x1..9", by_branch, "-o", scratch() / "m.o"], status=1).stderr
    check("is another graph with" in said, said)


main()
