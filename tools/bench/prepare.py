"""The files that one network's timing needs: the float model, calibration data, one
input, and the models as ONNX Runtime's own tool quantises it: with data, and without."""

import contextlib
import hashlib
import json
import logging
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

import builder
import networks

HERE = Path(__file__).resolve().parent
RECURRENT = ("LSTM", "GRU", "RNN")  # which the tool quantises only without data
WEIGHTED = ("MatMul", "Gemm", *RECURRENT)


class Network:
    """A name and the paths of its files, of which not every network has the quantised ones; `facts` is what
    is known of the model."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.float_model = folder / "float.onnx"
        self.qdq_model = folder / "qdq.onnx"
        self.dynamic_model = folder / "dynamic.onnx"
        self.calibration = folder / "calib.npz"
        self.input = folder / "input.npz"
        self.facts = {}


def session(model, optimised=None, optimise=True):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it warns that the optimised graph is for this machine: so it shall be
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    if optimised:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_once(model, inputs):
    runner = session(model.SerializeToString())
    return dict(zip([o.name for o in runner.get_outputs()], runner.run(None, inputs)))


def fix_batch(model, path):
    """Gives a dynamic first dimension the value 1, as qcc does."""
    for value in [*model.graph.input, *model.graph.output]:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value"):
                continue
            if axis:
                raise SystemExit(f"bench: error: {path}: '{value.name}' has a dynamic dimension {axis}; give it a size first")
            dim.dim_value = 1
    del model.graph.value_info[:]  # they may still speak of the old batch
    return model


def inputs_of(model):
    initial = {w.name for w in model.graph.initializer}
    found = {}
    for value in model.graph.input:
        if value.name not in initial:
            tensor = value.type.tensor_type
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            found[value.name] = ([d.dim_value for d in tensor.shape.dim], dtype)
    return found


def samples_of(arrays, inputs, path):
    """One {name: array} for each sample, by the rule of qcc's --calib."""
    columns = {}
    for name, (shape, dtype) in inputs.items():
        if name not in arrays:
            raise SystemExit(f"bench: error: {path} has no array '{name}'")
        array = np.asarray(arrays[name], dtype)
        columns[name] = array if array.ndim > len(shape) else array[:, None].reshape(-1, *shape)
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


def random_arrays(inputs):
    rng = np.random.default_rng(4)
    made = {}
    for name, (shape, dtype) in inputs.items():
        if dtype != np.float32:
            raise SystemExit(f"bench: error: input '{name}' is {dtype}: give data with --calib")
        made[name] = rng.standard_normal((8, *shape)).astype(np.float32)
    return made


class Reader(quantization.CalibrationDataReader):
    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def quantise(network, samples):
    """Per channel, s8 weights, after the tool's own preprocessing: static, QDQ and u8 activations; dynamic."""
    pre, found = network.folder / "pre.onnx", kinds_of(network.float_model)
    logging.getLogger().setLevel(logging.ERROR)  # it says that it did nothing for each node it skips
    quant_pre_process(str(network.float_model), str(pre), skip_symbolic_shape=True)
    if not found["Conv"]:
        quantization.quantize_dynamic(
            str(pre), str(network.dynamic_model), per_channel=True, weight_type=quantization.QuantType.QInt8
        )
    if any(found[kind] for kind in RECURRENT):
        return
    with contextlib.redirect_stdout(None):
        quantization.quantize_static(
            str(pre),
            str(network.qdq_model),
            Reader(samples),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )


def kinds_of(path):
    return Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)


def optimised_kinds(network, model):
    path = network.folder / "optimised.onnx"
    session(str(model), optimised=path)
    return kinds_of(path)


def onnxruntime_facts(network):
    """What ONNX Runtime runs on integers, by its optimised graphs, and what in float."""
    facts = {}
    if kinds_of(network.float_model)["Conv"]:
        kinds = optimised_kinds(network, network.qdq_model)
        facts["onnxruntime_convolutions"] = {"integer": kinds["QLinearConv"], "float": kinds["Conv"] + kinds["FusedConv"]}
    if network.dynamic_model.exists():
        kinds = optimised_kinds(network, network.dynamic_model)
        facts["onnxruntime_dynamic"] = {k: n for k, n in sorted(kinds.items()) if any(w in k for w in WEIGHTED)}
    return facts


def file_hash(paths):
    sha = hashlib.sha256(onnxruntime.__version__.encode())
    for path in paths:
        sha.update(Path(path).read_bytes())
    return sha.hexdigest()


def prepare(name, folder, model_path=None, calibration_path=None):
    """Writes what is not there yet, or was made by another version of this tool."""
    network = Network(name, folder)
    model_path, trained = (model_path, None) if name not in networks.TRAINED else trained_files(name)
    sources = [HERE / f"{m}.py" for m in ("builder", "networks", "sequences", "prepare")]
    sources += [p for p in (model_path, calibration_path) if p]
    facts, stamp = folder / "facts.json", file_hash(sources)
    if facts.exists():
        network.facts = json.loads(facts.read_text())
        if network.facts["stamp"] == stamp:
            return network
    folder.mkdir(parents=True, exist_ok=True)
    for old in (facts, network.qdq_model, network.dynamic_model):
        old.unlink(missing_ok=True)
    print(f"{name}: writing and quantising the model", flush=True)

    if model_path:
        model = fix_batch(onnx.load(model_path), model_path)
    else:
        written = networks.WRITTEN[name]()
        model = written.model(run_once)
    onnx.save(model, network.float_model)
    inputs = inputs_of(model)
    if calibration_path:
        arrays = dict(np.load(calibration_path))
    elif model_path:
        arrays = {next(iter(inputs)): trained()} if trained else random_arrays(inputs)
    else:
        arrays = {written.input: networks.calibration(written)}
    samples = samples_of(arrays, inputs, calibration_path)
    np.savez(network.calibration, **arrays)
    np.savez(network.input, **samples[0])

    quantise(network, samples)
    network.facts = {
        "stamp": stamp,
        "macs": builder.macs(model),
        "parameters": builder.parameters(model),
        "convolutions": sum(node.op_type == "Conv" for node in model.graph.node),
        **onnxruntime_facts(network),
    }
    facts.write_text(json.dumps(network.facts))
    return network


def trained_files(name):
    file, inputs = networks.TRAINED[name]
    return networks.shared_folder() / file, inputs
