"""Strange models that ONNX allows compile and compute what they say."""

import functools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "import/hostile"))
from models import *

X = np.array([[1, -2, 3, -4]], np.float32)
RELU = np.maximum(X, 0)


def compute(proto, inputs, *options):
    """{output: value} of the compiled model, for which C files are named by the mangled names."""
    library = qcc(save(proto), "--emit=shared", "--quantize=none", "--march=x86-64,avx2", *options, output="m.so")
    return run_model(library, inputs)


def computes(proto, expected, inputs=None, *options):
    got = compute(proto, {"x": X} if inputs is None else inputs, *options)
    check(set(got) == set(expected), f"{sorted(got)} instead of {sorted(expected)}")
    for name, value in expected.items():
        check_close(got[name], value)


@case
def an_input_that_is_an_output():
    x = value("x")
    computes(model([], outputs=[x]), {"x": X})
    computes(model([relu()], outputs=[value("y"), x]), {"x": X, "y": RELU})


@case
def an_output_twice_under_two_names():
    same = h.make_node("Identity", ["y"], ["z"])
    computes(model([relu(), same], outputs=[value("y"), value("z")]), {"y": RELU, "z": RELU})


@case
def constants_as_outputs():
    ones = tensor("y", np.ones((1, 4), np.float32))
    computes(model([], [ones]), {"y": np.ones((1, 4), np.float32)})
    computes(model([], [ones], inputs=[]), {"y": np.ones((1, 4), np.float32)}, {})


@case
def an_initializer_that_is_an_input():
    add = h.make_node("Add", ["x", "w"], ["y"])
    computes(model([add], [tensor("w", X)], inputs=[value("x"), value("w")]), {"y": 2 * X})


@case
def unsorted_nodes():
    computes(model([relu("b", "y"), h.make_node("Neg", ["a"], ["b"]), relu("x", "a")]), {"y": 0 * X})


@case
def a_scalar():
    proto = model([relu()], inputs=[value("x", ())], outputs=[value("y", ())])
    computes(proto, {"y": np.float32(3)}, {"x": np.float32(3)})


def empty(op, x, y, weights=(), **attributes):
    """An operation on or with nothing: its result is empty, or what a sum of nothing is."""
    names = [f"w{i}" for i in range(len(weights))]
    initializers = [tensor(n, np.ones(w, np.float32)) for n, w in zip(names, weights)]
    node = h.make_node(op, ["x", *names], ["y"], name="n", **attributes)
    proto = model([node], initializers, inputs=[value("x", x)], outputs=[h.make_tensor_value_info("y", F32, None)], opset=12)
    computes(proto, {"y": y}, {"x": np.ones(x, np.float32)})


@case
def nothing_in_a_tensor():
    none = functools.partial(np.zeros, dtype=np.float32)
    for x, y in [((2, 0), none((2, 3))), ((0, 4), none((0, 3)))]:
        empty("MatMul", x, y, [(x[1], 3)])
        empty("Gemm", x, y + 1, [(x[1], 3), (3,)])
    empty("MatMul", (2, 4), none((2, 0)), [(4, 0)])
    empty("Conv", (0, 3, 8, 8), none((0, 2, 6, 6)), [(2, 3, 3, 3)])
    empty("Conv", (0, 3, 4, 8, 8), none((0, 2, 3, 6, 6)), [(2, 3, 2, 3, 3)])
    empty("MaxPool", (0, 2, 4, 4), none((0, 2, 3, 3)), kernel_shape=[2, 2])
    empty("GlobalAveragePool", (1, 0, 4, 4), none((1, 0, 1, 1)))
    empty("ReduceSum", (2, 0), none((2, 1)), axes=[1])
    empty("Transpose", (2, 0, 3), none((3, 0, 2)), perm=[2, 1, 0])
    empty("Softmax", (0, 3), none((0, 3)))
    empty("Concat", (1, 0), none((1, 2)) + 1, [(1, 2)], axis=1)


LONG = "n" * 10240
NAMES = ["main", "int", "a.b/c:0", "a/b", "a_b", "a b", "1x", "_1x", "NULL", "linux", "__LINE__", "in", "out", "work", "", "?/*\\\"", LONG, LONG[1:] + "m"]


@case
def names_that_c_does_not_have():
    """All of them as members of one struct, in C and in C++."""
    names = [n for n in NAMES if n]
    nodes = [h.make_node("Add", ["x", f"k{i}"], [n], n) for i, n in enumerate(names)]
    constants = [tensor(f"k{i}", np.float32(i)) for i in range(len(names))]
    qcc(save(model(nodes, constants, outputs=[value(n) for n in names])), "--quantize=none", "--march=x86-64", output="m.o")
    text = f"""#include "m.h"
#include <stdio.h>
static unsigned char work[M_WORKSPACE_BYTES];
int main(void) {{
  float x[4] = {{100, 0, 0, 0}}, y[{len(names)}][4];
  void *out[{len(names)}];
  const void *in[1];
  for (int i = 0; i < {len(names)}; ++i)
    out[i] = y[i];
  in[0] = x;
  if (sizeof(m_outputs) != sizeof(out) || qcc_run(&m_model, in, out, work, sizeof(work), NULL) != QCC_OK)
    return 1;
  for (int i = 0; i < {len(names)}; ++i)
    printf("%s %g\\n", m_model.outputs[i].c_name, (double)y[i][0]);
  return 0;
}}
"""
    for suffix in (".c", ".cpp"):
        source = scratch() / f"main{suffix}"
        source.write_text(text)
        lines = run([link([source], [scratch() / "m.o"])]).stdout.split("\n")[:-1]
        members, numbers = zip(*(line.split() for line in lines))
        check(len(set(members)) == len(names), members)
        check(list(map(float, numbers)) == [100.0 + i for i in range(len(names))], numbers)


@case
def names_that_are_not_utf8():
    raw = model([relu("x", "AAAA", "BBBB")], outputs=[value("AAAA")]).SerializeToString()
    raw = raw.replace(b"AAAA", b"\xff\xfe\x80A").replace(b"BBBB", b"\xc3\x28\x00B")
    library = qcc(save(raw), "--emit=shared", "--quantize=none", "--march=x86-64", output="m.so")
    run([BUILD / "bin/qcc-run", library])


@case
def a_model_whose_own_name_is_strange():
    for name in ("a b.onnx", "int.onnx", "1.onnx", "modèle-模型.onnx", "a\nb.onnx"):
        path = save(model([relu()]), name)
        run([BUILD / "bin/qcc", "-q", "--quantize=none", "--march=x86-64", path], cwd=scratch())
        stem = name[: -len(".onnx")]
        header = (scratch() / f"{stem}.h").read_text()
        check("_run(" in header and "\n" not in stem or stem not in header, header)
        source = scratch() / "main.c"
        source.write_text(f'#include "{stem}.h"\nint main(void) {{ return 0; }}\n' if "\n" not in stem else header + "int main(void) { return 0; }\n")
        link([source], [scratch() / f"{stem}.o"])


@case
def a_thousand_nodes_of_a_chain():
    nodes = [h.make_node("Neg" if i % 2 else "Relu", [f"t{i}"], [f"t{i + 1}"], f"n{i}") for i in range(1000)]
    path = save(model(nodes, inputs=[value("t0")], outputs=[value("t1000")]))
    words = f"ulimit -s 512 && exec {BUILD}/bin/qcc -q --quantize=none --march=x86-64 {path} -o {scratch()}/m.o"
    done = measure(["sh", "-c", words])
    check(done[0] == 0, done[2])
    check(SANITIZE or done[3] < 20, f"took {done[3]:.1f} s")


@case
def ten_thousand_nodes_before_a_measured_convolution():
    nodes = [h.make_node("Neg" if i % 2 else "Relu", [f"t{i}"], [f"t{i + 1}"], f"n{i}") for i in range(10000)]
    nodes.append(h.make_node("Conv", ["t10000", "w"], ["y"], "conv", pads=[1, 1, 1, 1]))
    filters = tensor("w", np.ones((64, 4, 3, 3), np.float32))
    path = save(model(nodes, [filters], inputs=[value("t0", [1, 4, 8, 8])], outputs=[value("y", [1, 64, 8, 8])]))
    words = f"ulimit -s 512 && exec {BUILD}/bin/qcc -q --quantize=dynamic --until=quantize {path} -o {scratch()}/m.mlir"
    done = measure(["sh", "-c", words])
    check(done[0] == 0, done[2])
    check("qcc.dynamic_quantize" in (scratch() / "m.mlir").read_text(), "the convolution is not measured")


main()
