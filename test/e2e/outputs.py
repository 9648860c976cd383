"""What a compile tells its user: the report, the quantised graph as ONNX, the accuracy."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from support import *

FASHION = MODELS / "fashion-mnist/models"
QCC = [BUILD / "bin/qcc", "-O0"]  # results are the same, sooner


def sensitive_network(path):
    """A classifier, x: [1, 3, 8, 8] -> y: [1, 10], with one tensor ('wide') whose
    first channel is 3000 times as large as the others: eight bits do not hold it."""
    rng = np.random.default_rng(3)
    weights = {
        "w1": rng.standard_normal((16, 3, 3, 3), np.float32),
        "w2": rng.standard_normal((16, 16, 3, 3), np.float32),
        "w3": rng.standard_normal((10, 16), np.float32),
    }
    weights["w1"][0] *= 3000
    weights["w2"][:, 0] /= 3000
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["1"], "first", pads=[1] * 4),
        helper.make_node("Relu", ["1"], ["2"], "wide"),
        helper.make_node("Conv", ["2", "w2"], ["3"], "second", pads=[1] * 4),
        helper.make_node("Relu", ["3"], ["4"], "narrow"),
        helper.make_node("GlobalAveragePool", ["4"], ["5"], "pool"),
        helper.make_node("Flatten", ["5"], ["6"], "flatten"),
        helper.make_node("Gemm", ["6", "w3"], ["y"], "dense", transB=1),
    ]
    ends = [("x", [1, 3, 8, 8]), ("y", [1, 10])]
    x, y = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends]
    graph = helper.make_graph(nodes, "sensitive", x, y, [numpy_helper.from_array(v, k) for k, v in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def labelled():
    """The network, a file of samples, and their right classes: what it says in float."""
    model, data = scratch() / "sensitive.onnx", scratch() / "data.npy"
    sensitive_network(model)
    samples = np.random.default_rng(4).standard_normal((64, 1, 3, 8, 8)).astype(np.float32)
    np.save(data, samples)
    classes = [run_onnxruntime(model, {"x": s})["y"].argmax() for s in samples]
    np.save(scratch() / "labels.npy", np.array(classes, np.int64))
    (scratch() / "labels.txt").write_text("".join(f"{c}\n" for c in classes))
    return model, data, np.array(classes)


def samples_of(count, shape):
    data = scratch() / "samples.npy"
    np.save(data, np.random.default_rng(5).standard_normal((count, *shape)).astype(np.float32))
    return data


def calibrated_small_network():
    model = scratch() / "small.onnx"
    small_network(model)
    return model, samples_of(32, (1, 3, 16, 16))


# The quantised graph as ONNX


def exported(model, *options):
    file = qcc(model, "--emit=onnx", *options, output="exported.onnx")
    onnx.checker.check_model(str(file), full_check=True)
    check(onnx.load(file).opset_import[0].version <= 21, "the opset is newer than 21")
    return file


def with_quantised_outputs(file):
    """The graph with the result of each QuantizeLinear as an output, too."""
    model = onnx.load(file)
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            kind = next(t.data_type for t in model.graph.initializer if t.name == node.input[2])
            model.graph.output.append(helper.make_tensor_value_info(node.output[0], kind, None))
    inferred = onnx.shape_inference.infer_shapes(model)
    onnx.save(inferred, scratch() / "watched.onnx")
    return scratch() / "watched.onnx"


@case
def the_exported_graph_compiles_to_the_same_numbers():
    model, data = calibrated_small_network()
    x = np.load(data)[:1]
    direct = run_model(qcc(model, "-O0", "--emit=shared", f"--calib={data}", output="direct.so"), {"x": x[0]})["y"]
    again = run_model(qcc(exported(model, f"--calib={data}"), "-O0", "--emit=shared", output="again.so"), {"x": x[0]})["y"]
    check_equal(again, direct)


@case
def onnx_runtime_computes_the_same_quantised_tensors():
    model, data = calibrated_small_network()
    watched = with_quantised_outputs(exported(model, f"--calib={data}"))
    x = np.load(data)[0]
    theirs = run_onnxruntime(watched, {"x": x}, optimise=False)
    ours = run_model(qcc(watched, "-O0", "--emit=shared", output="watched.so"), {"x": x})
    check(len(theirs) >= 3, f"only {len(theirs) - 1} tensors are quantised")
    for name, values in theirs.items():
        if values.dtype == np.uint8:
            difference = np.abs(values.astype(int) - ours[name.replace("/", "_")].astype(int))
            check(difference.max() <= 1, f"'{name}' is off by {difference.max()} steps")


@case
def a_calibrated_network_agrees_with_onnx_runtime_on_its_export():
    require("shared-models")
    images = np.load(FASHION / "input_0.npy")[:, None]
    np.save(scratch() / "calib.npy", np.load(FASHION / "input_0.npy"))
    model, data = FASHION / "fm_cnn_ts_b1.onnx", f"--calib={scratch() / 'calib.npy'}"
    file = exported(model, data)
    chains = sum(n.op_type == "QuantizeLinear" for n in onnx.load(file).graph.node)
    check(chains <= 14, f"{chains} tensors are quantised, more than one at the end of each chain")
    ours = run_model(qcc(model, "-O0", "--emit=shared", data, output="m.so"), {"input": images}, "--samples")["output"]
    theirs = np.stack([run_onnxruntime(file, {"input": i}, optimise=False)["output"] for i in images])
    check_equal(ours.reshape(theirs.shape).argmax(-1), theirs.argmax(-1))
    check(sqnr(ours.reshape(theirs.shape), theirs) > 40, "the logits are far apart")


@case
def a_model_with_its_own_quantisation_is_written_as_it_is():
    require("shared-models")
    images = np.load(FASHION / "input_0.npy")
    for name in ("fm_cnn_qat_ort_b1", "fm_cnn_qat_trt_b1"):
        file = exported(FASHION / f"{name}.onnx")
        for image in images[:8]:
            before, after = [run_onnxruntime(m, {"input": image[None]}, optimise=False)["output"]
                             for m in (FASHION / f"{name}.onnx", file)]
            check_close(after, before, rtol=1e-5, atol=1e-5)


@case
def weights_alone_are_stored_as_integers():
    model, _ = calibrated_small_network()
    file = exported(model, "--quantize=weights")
    graph = onnx.load(file).graph
    check(not any(n.op_type == "QuantizeLinear" for n in graph.node), "an activation is quantised")
    check(sum(t.data_type == TensorProto.INT8 and len(t.dims) > 1 for t in graph.initializer) == 2, "weights are not int8")
    listed = {p.key: p.value for p in onnx.load(file).metadata_props}
    check(json.loads(listed["qcc.weight_only"]) == ["conv", "dense"], listed)
    x = np.load(samples_of(1, (1, 3, 16, 16)))[0]
    noise = sqnr(run_onnxruntime(file, {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"])
    check(30 < noise < 80, f"signal to noise of the logits is {noise:.1f} dB")


@case
def float_models_come_back_as_they_were():
    require("shared-models")
    models = {
        "ppocr_det/ch_PP-OCRv4_det_infer": ((1, 3, 64, 96), ["--shape=x:1x3x64x96"]),
        "squeezenet11/squeezenet11_224": ((1, 3, 224, 224), []),
        "kws_dscnn/kws_dscnn_b1": ((1, 1, 49, 10), []),
    }
    for name, (shape, options) in models.items():
        model = MODELS / f"{name}.onnx"
        file = exported(model, "--quantize=none", *options)
        x = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
        inputs = {onnx.load(model, load_external_data=False).graph.input[0].name: x}
        before, after = [run_onnxruntime(m, inputs, optimise=False) for m in (model, file)]
        check(list(before) == list(after), f"{name}: other outputs: {list(after)}")
        for output, value in before.items():
            check_close(after[output], value)


@case
def the_graph_is_no_text():
    model, _ = calibrated_small_network()
    done = run([*QCC, "--emit=onnx", model, "-o", "-"], status=2)
    check("-o - is for text" in done.stderr and not done.stdout, done.stderr)


# The report


@case
def the_report_has_every_layer_and_reason():
    model, data = calibrated_small_network()
    qcc(model, "-O0", f"--calib={data}", "--keep-float=dense", f"--report={scratch() / 'r.json'}")
    report = json.loads((scratch() / "r.json").read_text())
    layers = {layer["name"]: layer for layer in report["layers"]}
    conv = layers["conv"]
    check(conv["type"] == "int8" and conv["operator"] == "Conv" and conv["kernels"], conv)
    check(conv["macs"] == 16 * 16 * 16 * 27 and conv["weight_bytes"] == 16 * 27 + 16 * 4, conv)
    check(conv["fused"] == ["relu"] and conv["outputs"] == ["1x16x16x16 f32"], conv)
    check(conv["sqnr_db"] > 20 and conv["microseconds"] > 0, conv)
    check(layers["dense"]["type"] == "float", layers["dense"])
    reasons = {d["node"]: d["decision"] for d in report["decisions"]}
    check(reasons["dense"] == "left in float: --keep-float names it", reasons)
    check(report["bytes"]["code"] > 0 and report["sqnr_db"] > 20, report["bytes"])
    check([t["type"] for t in report["tensors"]] == ["u8"] * len(report["tensors"]), report["tensors"])


@case
def the_summary_says_how_and_why():
    model, data = calibrated_small_network()
    command = [*QCC, model, f"--calib={data}", "--calib-method=minmax", "--keep-float=conv", "-o", scratch() / "m.o"]
    said = run(command).stderr
    check("m.o: 2 operations in int8, 1 in float (conv)" in said, said)
    check("static int8 from 32 samples: ranges by minmax, biases" in said, said)
    check("in float: 'conv': --keep-float names it" in said, said)
    check("remark: left in float" not in said, said)
    check("node 'conv' (Conv): remark: left in float: --keep-float names it" in run([*command, "-v"]).stderr, said)
    check(not run([*command, "-q"]).stderr, "-q says something")


@case
def the_page_needs_nothing_else_and_shows_names_as_they_are():
    model, data = calibrated_small_network()
    graph = onnx.load(model)
    graph.graph.node[0].name = "<script>alert('&')</script>"
    onnx.save(graph, model)
    qcc(model, "-O0", f"--calib={data}", f"--report={scratch() / 'r.html'}")
    page = (scratch() / "r.html").read_text()
    for word in ("<script", "http", "src=", "@import", "url("):
        check(word not in page, f"the page has {word!r}")
    check("&lt;script&gt;alert('&amp;')&lt;/script&gt;" in page, "the name is not there")
    check("class='bar int8'" in page, "there is no picture")


@case
def a_report_that_cannot_be_written_leaves_nothing():
    model, _ = calibrated_small_network()
    full, folder = scratch() / "full.json", scratch() / "sub"
    full.symlink_to("/dev/full")
    folder.mkdir()
    for report, words in ((full, "No space left"), (folder / "no/r.html", "No such file"), (scratch() / "r.txt", ".json or")):
        status = 2 if report.suffix == ".txt" else 1
        done = run([*QCC, model, "-q", f"--report={report}", "-o", folder / "m.o"], status)
        check(words in done.stderr, done.stderr)
        check(not list(folder.iterdir()), f"{list(folder.iterdir())} is left")


@case
def without_machine_code_the_report_says_that_times_are_left_out():
    model, _ = calibrated_small_network()
    for kind in ("onnx", "mlir", "asm"):
        qcc(model, "-O0", f"--emit={kind}", f"--report={scratch() / 'r.json'}", output="m.out")
        report = json.loads((scratch() / "r.json").read_text())
        check(report["timing"].startswith("Times are left out: "), report["timing"])
        check(report["layers"] and not any("microseconds" in layer for layer in report["layers"]), kind)


# The accuracy


def accuracy_of(model, *options):
    """The report's accuracy, and what qcc said."""
    file = scratch() / "accuracy.json"
    done = run([*QCC, model, *options, f"--report={file}", "-o", scratch() / "m.o"])
    return json.loads(file.read_text())["accuracy"], done.stderr


@case
def accuracy_is_what_the_object_gives():
    model, data, classes = labelled()
    options = [f"--calib={data}", f"--eval={data}"]
    accuracy, said = accuracy_of(model, *options, f"--labels={scratch() / 'labels.npy'}")
    outputs = run_model(qcc(model, "-O0", "--emit=shared", options[0], output="m.so"), {"x": np.load(data)}, "--samples")["y"]
    right = 100 * np.mean(outputs.reshape(64, 10).argmax(1) == classes)
    check(accuracy == {"samples": 64, "float_percent": 100, "compiled_percent": right}, accuracy)
    check(f"float 100.00 %, as compiled {right:.2f} %" in said, said)
    check(right < 95, f"the test's network is not sensitive: {right}")
    text, _ = accuracy_of(model, *options, f"--labels={scratch() / 'labels.txt'}")
    check(text == accuracy, text)


@case
def max_drop_keeps_the_noisiest_layers_in_float():
    model, data, _ = labelled()
    options = [f"--calib={data}", f"--eval={data}", f"--labels={scratch() / 'labels.npy'}"]
    accuracy, said = accuracy_of(model, *options, "--max-drop=2")
    check(accuracy["float_percent"] - accuracy["compiled_percent"] <= 2, accuracy)
    check("kept in float for --max-drop, with the noise of each alone: 'second'" in said, said)
    report = json.loads((scratch() / "accuracy.json").read_text())
    reason = "left in float: its noise costs more accuracy than --max-drop allows"
    check([d["node"] for d in report["decisions"] if d["decision"] == reason] == ["second"], report["decisions"])
    check(any(layer["type"] == "int8" for layer in report["layers"]), "nothing is left in int8")


@case
def a_drop_that_cannot_be_reached_is_an_error():
    # One layer, whose input eight bits do not hold.
    rng = np.random.default_rng(6)
    scale = np.ones(16, np.float32)
    scale[0] = 3000
    weights, samples = rng.standard_normal((2, 10, 16), np.float32)[0] / scale, rng.standard_normal((64, 1, 16)) * scale
    model, data, labels = scratch() / "one.onnx", scratch() / "data.npy", scratch() / "labels.npy"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in (("x", 16), ("y", 10))]
    node = helper.make_node("Gemm", ["x", "w"], ["y"], "dense", transB=1)
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    np.save(data, samples.astype(np.float32))
    np.save(labels, (samples.astype(np.float32)[:, 0] @ weights.T).argmax(1).astype(np.int32))
    words = ["--max-drop=1 cannot be reached: float is right on 100.00 % of the samples, int8 on ", "--quantize=none"]
    check_refused_late(model, f"--calib={data}", f"--eval={data}", f"--labels={labels}", "--max-drop=1", says=words)


def check_refused_late(model, *options, says, status=1):
    done = run([*QCC, model, "-q", *options, "-o", scratch() / "refused.o"], status)
    for words in says:
        check(words in done.stderr, done.stderr)
    check(not (scratch() / "refused.o").exists(), "an object is left")


@case
def bad_labels_are_errors_that_say_what():
    model, data, classes = labelled()
    folder = scratch()
    np.save(folder / "few.npy", classes[:-1])
    np.save(folder / "large.npy", np.where(np.arange(64) == 7, 10, classes))
    np.save(folder / "real.npy", classes.astype(np.float32))
    (folder / "words.txt").write_text("1\n2\ncat\n")
    (folder / "empty.txt").write_text("\n\n")
    wrong = {
        "few.npy": "there are 63 labels for 64 samples; 64 are expected",
        "large.npy": "label 7 is 10, but the model's first output has the classes 0 to 9",
        "real.npy": "holds float32; labels are whole numbers",
        "words.txt": "words.txt:3: 'cat' is no whole number",
        "empty.txt": "holds no labels",
        "none.npy": "cannot open: No such file",
    }
    for name, words in wrong.items():
        check_refused_late(model, "--quantize=none", f"--eval={data}", f"--labels={folder / name}", says=[words])
    np.save(folder / "shape.npy", np.zeros((4, 1, 3, 9, 9), np.float32))
    labels = f"--labels={folder / 'labels.npy'}"
    check_refused_late(model, f"--eval={folder / 'shape.npy'}", labels, says=["does not split into samples of shape"])


main()
