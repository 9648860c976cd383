#!/usr/bin/env python3
"""usage: compiled_nodes.py [--build=DIR] [--march=WORD] [NAME_PREFIX]

ONNX's own node tests against compiled code. Many tests make up one model, so that
qcc runs some dozens of times instead of a thousand; a model that does not compile
is halved until the tests that are at fault stand alone. A test that is listed in
expected-failures.txt must fail. Left out are those of not-compiled.txt, and those whose
inputs or outputs have types that the C
interface lacks. Prints the counts; exit status 1 if anything is not
as expected."""

import argparse
import concurrent.futures
import fnmatch
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test.case.node as cases

import backend_nodes as nodes

sys.path.insert(0, str(nodes.ROOT / "docs/examples"))
import run_so

import features

TESTS_PER_MODEL = 40
# What compiled recurrent layers know beforehand.
CONSTANT = {"RNN": ["X", "@W", "@R", "@B"], "GRU": ["X", "@W", "@R", "@B"],
            "LSTM": ["X", "@W", "@R", "@B", "sequence_lens", "initial_h", "initial_c", "@P"]}  # fmt: skip
# No outer tensor of a compiled model has these types.
NOT_OUTER = set(nodes.AS_BITS) - {"bfloat16"} | set(nodes.AS_BYTES)


def rename_captured(graph, outer, rename):
    """Within a node's graph, the names of the graph around it."""
    for node in graph.node:
        node.input[:] = [rename(name) if name in outer else name for name in node.input]
        for inner in [a.g for a in node.attribute if a.HasField("g")]:
            rename_captured(inner, outer, rename)
    for value in graph.output:
        value.name = rename(value.name) if value.name in outer else value.name


class Test:
    """One data set of a node test, with its tensors renamed so that it fits beside others."""

    def __init__(self, name, model, inputs, outputs, number):
        self.name, self.model = name, model
        self.prefix = f"t{number}/"
        self.inputs = {self.prefix + i.name: nodes.plain(v) for i, v in zip(model.graph.input, inputs)}
        self.outputs = [(self.prefix + o.name, v) for o, v in zip(model.graph.output, outputs)]
        self.failure = None

    def key(self):
        """Tests in one model share the versions of the operators."""
        model = self.model
        alone = model.functions or any(a.HasField("g") for n in model.graph.node for a in n.attribute)
        opsets = sorted((o.domain, o.version) for o in model.opset_import)
        return str(opsets) + (self.prefix if alone else "")

    def add_to(self, graph):
        own = onnx.GraphProto.FromString(self.model.graph.SerializeToString())
        rename = lambda name: self.prefix + name if name else ""
        outer = {name for node in own.node for name in node.output} | {v.name for v in [*own.input, *own.initializer]}
        for inner in [a.g for node in own.node for a in node.attribute if a.HasField("g")]:
            rename_captured(inner, outer, rename)
        for node in own.node:
            node.input[:], node.output[:] = map(rename, node.input), map(rename, node.output)
            node.name = self.name + "/" + node.op_type
        for value in [*own.input, *own.output, *own.initializer]:
            value.name = rename(value.name)
        for value in own.input:  # the shapes of the data
            shape = self.inputs[value.name].shape
            del value.type.tensor_type.shape.dim[:]
            value.type.tensor_type.shape.dim.extend(onnx.TensorShapeProto.Dimension(dim_value=d) for d in shape)
        graph.node.extend(own.node)
        graph.input.extend(own.input)
        graph.output.extend(own.output)
        graph.initializer.extend(own.initializer)


def compile_together(tests, options, path):
    """A compiled model of all tests, or why there is none."""
    first = tests[0].model
    model = onnx.ModelProto(ir_version=max(t.model.ir_version for t in tests))
    model.opset_import.extend(first.opset_import)
    model.functions.extend(first.functions)
    model.graph.name = "tests"
    for test in tests:
        test.add_to(model.graph)
    source = path.with_suffix(".onnx")
    source.write_bytes(model.SerializeToString())
    command = [options.build / "bin/qcc", source, "--emit=shared", "--quantize=none", f"--march={options.march}", "-q", "-o", path]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[0]


def check(test, got):
    try:
        for index, (name, expected) in enumerate(test.outputs):
            nodes.compare(index, got[name], expected)
    except AssertionError as error:
        test.failure = " ".join(str(error).split())[:300]


def run(tests, options, folder):
    """Sets the failure of each test that has one."""
    path = folder / f"{tests[0].prefix.strip('/')}_{len(tests)}.so"
    problem = compile_together(tests, options, path)
    if not problem:
        got = run_so.Model(path).run({name: value for test in tests for name, value in test.inputs.items()})
        for test in tests:
            check(test, got)
    elif len(tests) == 1:
        tests[0].failure = problem
    else:
        for half in (tests[: len(tests) // 2], tests[len(tests) // 2 :]):
            run(half, options, folder)


def is_left_out(name):
    lines = (nodes.HERE / "not-compiled.txt").read_text().splitlines()
    return any(fnmatch.fnmatch(name, line.split(": ")[0]) for line in lines if not line.startswith("#"))


def is_outer(value):
    return np.asarray(nodes.as_array(value)).dtype.name not in NOT_OUTER


def collect(prefix):
    """The tests of operators in the table, as backend_nodes.py chooses them; how many are left out."""
    rows = nodes.table_rows() | nodes.SPECIAL | CONSTANT
    tests, others = [], 0
    for case in cases.collect_testcases(None):
        ops = {node.op_type for node in case.model.graph.node}
        tensors = all(nodes.is_tensor(nodes.as_array(v)) for data in case.data_sets for group in data for v in group)
        if not case.name.startswith(prefix) or not ops <= set(rows) - {""} or not tensors:
            continue
        outer = all(is_outer(v) for data in case.data_sets for group in data for v in group)
        if not outer or is_left_out(case.name):
            others += 1
            continue
        for inputs, outputs in case.data_sets:
            for kind in [rows] + ([rows | nodes.TWICE] if ops & set(nodes.TWICE) else []):
                values = [nodes.as_array(v) for v in inputs]
                model, values = nodes.with_constants(case.model, values, kind)
                name = case.name + ("/constant" if kind is not rows else "")
                tests.append(Test(name, model, values, [nodes.as_array(v) for v in outputs], len(tests)))
    return tests, others


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=Path, default=features.build_folder())
    parser.add_argument("--march", default="native")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("prefix", nargs="?", default="test_")
    options = parser.parse_args()
    features.load_sanitizers(options.build)
    warnings.simplefilter("ignore")
    (tests, others), listed = collect(options.prefix), nodes.read_expected()
    reason = {t.name: next((e for e in listed if fnmatch.fnmatch(t.name, e[0])), None) for t in tests}
    groups = {}
    for test in tests: # those that must fail apart, so that they spoil no model of others
        groups.setdefault(test.prefix if reason[test.name] else test.key(), []).append(test)
    batches = [g[i : i + TESTS_PER_MODEL] for g in groups.values() for i in range(0, len(g), TESTS_PER_MODEL)]
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        list(pool.map(lambda batch: run(batch, options, Path(scratch)), batches))
    wrong = 0
    for test in tests:
        if bool(test.failure) == bool(reason[test.name]):
            continue
        wrong += 1
        print(f"{test.name}: " + (test.failure or f"passes, but is listed: {reason[test.name][1]}"))
    expected = sum(bool(reason[t.name]) for t in tests)
    print(f"{len(tests) - expected} tests in {len(batches)} models; {expected} expected to fail, {wrong} not as expected; "
          f"{others} left out")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
