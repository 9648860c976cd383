"""tools/bench: its networks, what it makes of times, and a short run."""

import onnx
from onnx import TensorProto, helper
from support import *

sys.path.insert(0, str(ROOT / "tools/bench"))
import builder
import networks
import plot
import prepare
import report
import sequences

# Weights without statistics, thousands of multiply-adds, convolutions: as published.
PUBLISHED = {
    "resnet50": (25557032, 4089184, 53),
    "mobilenetv2": (3504872, 300774, 52),
    "mobilenetv3-large": (5483032, 216590, 62),
    "efficientnet-b0": (5288548, 385815, 81),
}


def unsettled(model, inputs):
    sizes = {w.name.removesuffix(".weight.4d"): int(np.prod(w.dims)) for w in model.graph.initializer}
    return {o.name: np.ones(sizes[o.name.rsplit(".", 1)[0]], np.float32) for o in model.graph.output}


def bench(*options, status=0, model="small.onnx"):
    small_network(scratch() / "small.onnx", batch="N")
    command = [sys.executable, "-B", ROOT / "tools/bench/bench.py", "--model", scratch() / model, "--seconds=0.1"]
    done = run([*command, "--threads=1", "--out", scratch() / "out", *options], status)
    return done, json.loads((scratch() / "out/bench.json").read_text()) if (scratch() / "out/bench.json").exists() else None


@case
def written_networks_have_the_published_sizes():
    for name, expected in PUBLISHED.items():
        model = networks.WRITTEN[name]().model(unsettled)
        onnx.checker.check_model(model, full_check=True)
        convolutions = sum(n.op_type == "Conv" for n in model.graph.node)
        found = (builder.parameters(model), round(builder.macs(model) / 1000), convolutions)
        check(found == expected, f"{name}: {found}, published {expected}")


@case
def transformers_and_recurrent_networks_have_the_published_sizes():
    layer = sequences.transformer("bert", 128, 1, 768, 12).model()
    onnx.checker.check_model(layer, full_check=True)
    check(builder.parameters(layer) == 7087872 + 2 * 768, builder.parameters(layer))  # BERT-base's layer, and a norm
    check(builder.macs(layer) == 128 * 7077888 + 2 * 128 * 128 * 768, builder.macs(layer))
    for name, gates in (("lstm", 4), ("gru", 3)):
        model = networks.WRITTEN[name]().model()
        onnx.checker.check_model(model, full_check=True)
        matrices = gates * 1024 * (512 + 3 * 1024)
        check(builder.parameters(model) == matrices + 2 * 2 * gates * 1024, f"{name}: {builder.parameters(model)}")
        check(builder.macs(model) == 64 * matrices, f"{name}: {builder.macs(model)}")


@case
def settled_networks_keep_every_layer_in_range():
    written = networks.WRITTEN["mobilenetv2"]()
    model = written.model(prepare.run_once)
    norms = [n.output[0] for n in model.graph.node if n.op_type == "BatchNormalization"]
    model.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in norms)
    values = prepare.run_once(model, {"input": networks.calibration(written, 1)})
    for name, value in values.items():
        deviation = value.std()
        check(0.2 < deviation < 3, f"{name}: standard deviation {deviation}")


@case
def rows_are_compared_with_the_right_peer():
    def row(engine, precision, milliseconds):
        same = {"network": "n", "threads": 1, "isa": "avx512vnni", "median_ms": milliseconds, "preemptions": 0, "runs": 9}
        return {"engine": engine, "precision": precision, "min_ms": milliseconds, "gmacs": 100 / milliseconds, **same}

    rows = [row("ort-int8", "int8", 4.0), row("ort-fp32", "fp32", 9.0), row("openvino-float", "bf16", 3.0)]
    rows += [row("qcc-int8", "int8", 2.0), row("qcc-fp32", "fp32", 6.0), {"engine": "qcc-bf16", "error": "not built yet"}]
    machine = {"processor": "p", "isa": "avx512bf16", "cores": [0], "date": "d", "clock": "wall", "versions": {}}
    peaks = [{"network": "n", "threads": 1, "isa": "avx512bf16", "precision": "int8", "gmacs": 200.0}]
    layer = {"name": "conv", "kernel": "gemm", "min_ms": 1.0, "macs": 100_000_000}
    layers = [{"network": "n", "engine": "qcc-int8", "precision": "int8", "isa": "avx512vnni", "layers": [layer]}]
    for missing in ("network", "precision", "threads", "isa"):
        rows[-1][missing] = {"network": "n", "threads": 1}.get(missing)
    result = {"machine": machine, "networks": {}, "peaks": peaks, "rows": rows, "compiled": [], "layers": layers}
    report.complete(result)
    (line,) = result["summary"]
    expected = {
        "network": "n", "threads": 1, "engine": "qcc-int8", "best_peer": "openvino-float", "x_best_peer": 1.5, "x_ort_int8": 2.0,
        "x_qcc_fp32": 3.0, "fp32_x_ort_fp32": 1.5,
    }  # fmt: skip
    check(line == expected, line)
    check(rows[3]["of_peak"] == 0.25, rows[3])
    check(layer["of_peak"] == 0.5, layer)
    text = report.text(result)
    check("n, qcc-bf16, 1 thread: no time: not built yet" in text, text)
    check("qcc-int8 is 1.50x the best peer (openvino-float)" in text, text)
    picture = plot.svg(result)
    check(picture.count("<rect") == 6 and "qcc-bf16" not in picture, picture)


@case
def a_run_gives_a_table_json_and_a_picture():
    done, result = bench("--engines=ort-int8,ort-fp32")
    engines = {row["engine"]: row for row in result["rows"]}
    check(set(engines) == {"ort-int8", "ort-fp32"}, engines)
    check(all(0 < row["min_ms"] <= row["median_ms"] for row in engines.values()), engines)
    check(engines["ort-int8"]["sqnr_db"] > 20, engines)
    facts = result["networks"]["small"]
    check(facts["macs"] == 16 * 16 * 16 * 27 + 160, facts)
    check(facts["onnxruntime_convolutions"] == {"integer": 1, "float": 0}, facts)
    check("ort-int8" in done.stdout and "1 of 1 convolutions on integers" in done.stdout, done.stdout)
    check((scratch() / "out/bench.svg").read_text().startswith("<svg"), "no picture")


@case
def qcc_is_timed_in_each_way_that_was_asked_for():
    require("no-asan")  # Python loads the library, and has no sanitiser
    options = ["--engines=ort-int8,ort-fp32,qcc-int8,qcc-fp32,qcc-qdq", "--isa=x86-64", "--layers", "--build", BUILD]
    done, result = bench(*options)
    rows = {row["engine"]: row for row in result["rows"]}
    for name in ("qcc-int8", "qcc-fp32", "qcc-qdq"):
        for engine, row in rows.items():
            if engine.startswith(name):
                check(row["sqnr_db"] > (60 if name == "qcc-fp32" else 20), row)
        check(rows[f"{name} as x86-64"]["isa"] == "x86-64", rows)
        check(f"small, {name}, layer by layer, 1 thread, " in done.stdout, done.stdout)
    layers = {model["engine"]: model["layers"] for model in result["layers"]}["qcc-int8"]
    macs = {layer["name"]: layer["macs"] for layer in layers if layer["macs"]}
    check(macs == {"conv": 110592, "dense": 160}, layers)
    (line,) = result["summary"]
    check(line["x_ort_int8"] > 0 and line["x_qcc_fp32"] > 0, line)


@case
def networks_without_convolutions_are_quantised_without_data():
    require("no-asan")  # Python loads the library, and has no sanitiser
    for name, written in (
        ("bert", sequences.transformer("bert", 8, 1, 64, 2)),
        ("lstm", sequences.recurrent("lstm", "LSTM", 4, 32, 32)),
    ):
        onnx.save(written.model(), scratch() / f"{name}.onnx")
        options = ["--engines=ort-int8,ort-dynamic,qcc-dynamic", "--clock=cpu", "--build", BUILD]
        done, result = bench(*options, model=f"{name}.onnx")
        rows = {row["engine"]: row for row in result["rows"]}
        static = {"ort-int8"} if name == "bert" else set()  # the tool has none for recurrent layers, which is said
        check(set(rows) == {"ort-dynamic", "qcc-dynamic"} | static, rows)
        check(("makes no model for ort-int8" in done.stdout) == (not static), done.stdout)
        check(all(row["sqnr_db"] > 25 for row in rows.values()), rows)
        (line,) = result["summary"]
        check(line["engine"] == "qcc-dynamic" and line["x_ort_int8"] > 0, line)
        check("qcc-dynamic is " in done.stdout and "ort-dynamic" in done.stdout, done.stdout)


def failing_compiler(command):
    """A build folder whose qcc runs this command of the shell and ends with 1."""
    program = scratch() / "fake/bin/qcc"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{command}\nexit 1\n")
    program.chmod(0o755)
    return scratch() / "fake"


@case
def a_row_that_cannot_be_had_says_why():
    build = failing_compiler("echo 'qcc: error: no such thing' >&2")
    done, result = bench("--engines=ort-fp32,qcc-fp32", "--build", build, status=1)
    check("small, qcc-fp32, 1 thread: no time: exit status 1: qcc: error: no such thing" in done.stdout, done.stdout)
    check([row["engine"] for row in result["rows"] if "error" not in row] == ["ort-fp32"], result["rows"])


@case
def an_interrupted_run_keeps_what_was_finished():
    build = failing_compiler('case "$*" in *second*) kill -INT $PPID; sleep 0.2;; esac')
    small_network(scratch() / "second.onnx")
    options = ["--model", scratch() / "second.onnx", "--engines=ort-fp32,qcc-fp32", "--build", build]
    done, result = bench(*options, status=1)
    check("interrupted: what follows" in done.stdout, done.stdout)
    check({row["network"] for row in result["rows"]} == {"small"}, result["rows"])


@case
def threads_are_compared_with_one():
    row = {"network": "n", "engine": "e"}
    rows = [{**row, "threads": 1, "min_ms": 3.0}, {**row, "threads": 2, "min_ms": 2.0}]
    check("1.50" in report.threads_table({"rows": rows}).splitlines()[-1], report.threads_table({"rows": rows}))
    check(report.threads_table({"rows": rows[:1]}) == "", "a table of one column")


@case
def a_build_without_qcc_is_an_error():
    done, _ = bench("--engines=qcc-int8", "--build", scratch() / "nothing", status=1)
    check("bin/qcc is not there: build it" in done.stderr, done.stderr)


@case
def the_script_for_gpus_compiles_everything_without_one():
    small_network(scratch() / "small.onnx", batch="N")
    command = [sys.executable, "-B", ROOT / "tools/bench/gpu.py", "--model", scratch() / "small.onnx", "--out", scratch() / "out"]
    command += ["--batches=1,3", "--qcc", BUILD / "bin/qcc"]
    said = run([*command, "--dry-run"]).stdout
    check("| 3 | qcc int8 |" in said and "dry run" in said, said)
    check((scratch() / "out/gpu.md").read_text() in said, "the table was not written")
    check((scratch() / "out/gpu/small/qdq-3.gpu.so").exists(), "the model of three was not compiled")
    if "gpu" not in FEATURES:
        check("no NVIDIA GPU" in run(command, status=2).stderr, "it does not say why it stops")


main()
