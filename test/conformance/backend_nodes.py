#!/usr/bin/env python3
"""usage: backend_nodes.py [--build=DIR] [--keep=DIR] [-j N] [NAME_PREFIX]

ONNX's own node tests against the reference evaluator: each test whose operators
are in the table is imported with `qcc --until=import`, run by qcc-eval and
compared with the expected outputs, within ONNX's tolerance. A test that is
listed in expected-failures.txt must fail. Prints the counts; exit status 1 if
anything is not as expected."""

import argparse
import concurrent.futures
import fnmatch
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(HERE.parent))

import numpy as np
import onnx
import onnx.backend.test.case.node as cases

import features
import optable

RTOL, ATOL = 1e-3, 1e-7
# What the importer reads without a row of the table.
SPECIAL = {
    "BitwiseNot": [],
    "Constant": [],
    "Attention": [],
    "CastLike": [],
    "Einsum": [],
    "EyeLike": [],
    "Gelu": [],
    "GlobalLpPool": [],
    "GroupNormalization": [],
    "Hardmax": [],
    "If": [],
    "InstanceNormalization": [],
    "IsInf": [],
    "IsNaN": [],
    "LRN": [],
    "Loop": ["@M", "@cond"],
    "LpNormalization": [],
    "Mean": [],
    "Mish": [],
    "NonZero": ["@X"],
    "OneHot": ["indices", "@depth", "values"],
    "RMSNormalization": [],
    "ReduceL1": ["input", "@axes"],
    "ReduceLogSum": ["input", "@axes"],
    "ReduceLogSumExp": ["input", "@axes"],
    "ReduceSumSquare": ["input", "@axes"],
    "ReverseSequence": [],
    "RotaryEmbedding": [],
    "Scan": [],
    "Shrink": [],
    "Sum": [],
    "SwiGLU": [],
    "Swish": [],
    "Trilu": ["input", "@k"],
    "Xor": [],
    "Dropout": ["input", "@ratio", "@training_mode"],
    "QLinearConv": ["x", "@x_scale", "@x_zero_point", "@w", "@w_scale", "@w_zero_point", "@y_scale", "@y_zero_point", "@b"],
    "QLinearMatMul": ["a", "@a_scale", "@a_zero_point", "b", "@b_scale", "@b_zero_point", "@y_scale", "@y_zero_point"],
}
# Run a second time with constant scales and zero points, which go into the types.
TWICE = {"QuantizeLinear": ["input", "@scale", "@zero_point"], "DequantizeLinear": ["input", "@scale", "@zero_point"]}
# Types that NumPy lacks travel as their bits, small integers as whole bytes.
AS_BITS = {"bfloat16": np.uint16, "float4_e2m1fn": np.uint8, "float8_e4m3fn": np.uint8,
           "float8_e4m3fnuz": np.uint8, "float8_e5m2": np.uint8, "float8_e5m2fnuz": np.uint8}
AS_BYTES = {"int4": np.int8, "uint4": np.uint8}


def table_rows():
    """ONNX's name -> the names of its inputs, '@' for those that must be constant."""
    import json

    command = [optable.TBLGEN, "-dump-json", "-I", optable.INCLUDE, "-I", ROOT, ROOT / "dialects/QccOps.td"]
    records = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = {}
    for name in records["!instanceof"]["Qcc_Op"]:
        source = records[records[name]["onnx"]["def"]]
        rows[source["name"]] = source["inputs"]
    return rows


def plain(array):
    """The array as it is written to a file."""
    array = np.asarray(array)
    if array.dtype.name in AS_BITS:
        return array.view(AS_BITS[array.dtype.name])
    return array.astype(AS_BYTES[array.dtype.name]) if array.dtype.name in AS_BYTES else array


def as_array(value):
    """Types that NumPy lacks come as protocol buffers; sequences and optionals stay what they are."""
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def is_tensor(value):
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind not in "OUSc"


def with_constants(model, inputs, rows):
    """Inputs that only a constant can be become initialisers; returns the others."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    constant = set()
    for node in model.graph.node:
        for name, row in zip(node.input, rows.get(node.op_type, [])):
            if row.startswith("@"):
                constant.add(name)
    values = dict(zip([i.name for i in model.graph.input], inputs))
    for graph_input in [i for i in model.graph.input if i.name in constant]:
        tensor = onnx.numpy_helper.from_array(np.asarray(values.pop(graph_input.name)), graph_input.name)
        model.graph.initializer.append(tensor)
        model.graph.input.remove(graph_input)
    return model, list(values.values())


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise AssertionError(f"{Path(command[0]).name}: {lines[0]}")


def compare(index, got, expected):
    expected = np.asarray(expected)
    kind = expected.dtype.name
    want = plain(expected)
    assert got.dtype == want.dtype, f"output {index} is {got.dtype} instead of {want.dtype}"
    assert got.shape == want.shape, f"output {index} has shape {got.shape} instead of {want.shape}"
    if kind in AS_BITS:
        got, want = (a.view(expected.dtype).astype(np.float32) for a in (got, want))
    if want.dtype.kind == "f":
        np.testing.assert_allclose(got, want, rtol=RTOL, atol=ATOL, err_msg=f"output {index}")
    else:
        np.testing.assert_array_equal(got, want, err_msg=f"output {index}")


def check(case, rows, build, folder):
    """Raises AssertionError with what is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in case.data_sets:
        inputs, outputs = ([as_array(value) for value in group] for group in data)
        model, inputs = with_constants(case.model, inputs, rows)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        run([build / "bin/qcc", "--until=import", folder / "model.onnx", "-o", folder / "model.mlir"])
        files = []
        for i, value in enumerate(inputs):
            files.append(folder / f"in{i}.npy")
            np.save(files[-1], plain(value))
        run([build / "test/bin/qcc-eval", folder / "model.mlir", folder / "out", *files])
        for i, expected in enumerate(outputs):
            compare(i, np.load(folder / f"out{i}.npy"), expected)


def read_expected():
    """(pattern, reason) of each line `pattern: reason`."""
    lines = (HERE / "expected-failures.txt").read_text().splitlines()
    return [tuple(line.split(": ", 1)) for line in lines if line.strip() and not line.startswith("#")]


def outcome(case, rows, build, folder, reason):
    try:
        check(case, rows, build, folder)
    except AssertionError as error:
        text = " ".join(str(error).split())[:300]
        return ("expected", text) if reason else ("failed", text)
    return ("unexpected", f"passes, but is listed: {reason}") if reason else ("passed", "")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=Path, default=features.build_folder())
    parser.add_argument("--keep", type=Path)
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("prefix", nargs="?", default="test_")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, listed = table_rows() | SPECIAL, read_expected()
    known = set(rows) - {""}
    chosen, other = [], 0
    for case in cases.collect_testcases(None):
        ops = {node.op_type for node in case.model.graph.node}
        tensors = all(is_tensor(as_array(v)) for data in case.data_sets for group in data for v in group)
        if not case.name.startswith(options.prefix):
            continue
        if ops <= known and tensors:
            chosen.append((case.name, case, rows))
            if ops & set(TWICE):
                chosen.append((case.name + "/constant", case, rows | TWICE))
        else:
            other += 1
    counts = dict.fromkeys(["passed", "expected", "failed", "unexpected"], 0)
    used = set()
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        def one(chosen):
            name, case, rows = chosen
            entry = next((e for e in listed if fnmatch.fnmatch(name, e[0])), None)
            used.add(entry)
            folder = (options.keep or Path(scratch)) / name
            return name, *outcome(case, rows, options.build, folder, entry and entry[1])

        for name, result, text in pool.map(one, chosen):
            counts[result] += 1
            if result in ("failed", "unexpected"):
                print(f"{name}: {text}")
    for pattern, _ in [e for e in listed if e not in used and options.prefix == "test_"]:
        print(f"expected-failures.txt: '{pattern}' matches no test")
        counts["unexpected"] += 1
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['expected']} expected to fail, "
          f"{counts['unexpected']} unexpected; {other} tests of operators that qcc lacks")
    return 1 if counts["failed"] or counts["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
