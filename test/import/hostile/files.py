"""Files that are no models, or pretend to be."""

import shutil

from models import *


@case
def an_empty_file():
    refuse(b"", "m.onnx: error: is empty")


@case
def random_bytes():
    refuse(np.random.default_rng(1).bytes(10000), "is damaged, is no ONNX model")


@case
def text():
    refuse(b"This is no model.\n" * 100, "is damaged, is no ONNX model")


@case
def files_of_other_programs():
    for data, says in [(b"PK\x03\x04", "torch.onnx.export"), (b"\x89HDF\r\n", "Keras"), (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
                       (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")]:  # fmt: skip
        refuse(data + bytes(100), says)


@case
def cut_in_half():
    whole = model([relu()], [tensor("w", np.zeros(3000, np.float32))]).SerializeToString()
    refuse(whole[: len(whole) // 2], "is damaged")


@case
def a_model_without_a_graph():
    refuse(onnx.ModelProto(ir_version=10), "holds no graph")


@case
def a_folder():
    folder = scratch() / "m.onnx"
    folder.mkdir()
    refuse(folder, "is a folder")


@case
def a_pipe_that_nobody_writes():
    os.mkfifo(scratch() / "m.onnx")
    refuse(scratch() / "m.onnx", "is a pipe")


@case
def a_device():
    refuse(Path("/dev/zero"), "is a device")


@case
def a_missing_file():
    refuse(scratch() / "no.onnx", "cannot be opened: No such file")


def nobody():
    """Root reads everything, so somebody else tries, where he gets as far as the program."""
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    tried = run([*words, BUILD / "bin/qcc", "--version"], status=None) if shutil.which("setpriv") else None
    if not tried or tried.returncode != 0:
        skip("root reads everything, and nobody else can run qcc here")
    return words


@case
def an_unreadable_file():
    path = save(model([relu()]))
    path.chmod(0)
    if not os.access(path, os.R_OK):
        refuse(path, "Permission denied")
        return
    done = run([*nobody(), BUILD / "bin/qcc", "--until=import", path], status=1)
    check(done.stderr == f"{path}: error: cannot be opened: Permission denied\n", done.stderr)


@case
def standard_input():
    done = run([BUILD / "bin" / "qcc", "--until=import", "-"], status=1)
    check("standard input" in done.stderr, done.stderr)


@case
def paths_with_spaces_newlines_and_letters():
    for name in ["a b.onnx", "a\nb.onnx", "modèle-模型.onnx"]:
        accept(model([relu()]), name=name)
    refuse(b"", "a\\x0ab.onnx: error:", name="a\nb.onnx")


@case
def more_than_two_gibibytes():
    path = scratch() / "m.onnx"
    with open(path, "wb") as file:
        file.truncate(2**31 + 1)  # a hole
    try:
        refuse(path, "2147483649 bytes", "external data")
    finally:
        path.unlink()


@case
def an_ir_version_from_the_future():
    refuse(model([relu()], ir_version=99), "IR version 99")


@case
def an_opset_from_the_future():
    refuse(model([relu()], opset=999), "opset 999")


@case
def opset_zero_and_below():
    for opset in [0, -1, -(2**63), 2**62]:
        refuse(model([relu()], opset=opset), f"opset {opset}")


@case
def no_opset():
    broken = model([relu()])
    del broken.opset_import[:]
    refuse(broken, "imports no opset")


@case
def an_opset_listed_twice():
    both = [h.make_opsetid("", 17), h.make_opsetid("ai.onnx", 18)]
    refuse(model([relu()], opset_imports=both), "two opsets")


def nested_bytes(depth):
    """Graphs in attributes in nodes in graphs, written by hand: protobuf's own
    writer would recurse."""

    def field(number, body):
        size, length = b"", len(body)
        while length > 127:
            size += bytes([length & 127 | 128])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + body

    body = b""
    for _ in range(depth):
        body = field(1, field(5, field(6, body)))  # graph.node.attribute.g
    return bytes([8, 10]) + field(7, body)


@case
def five_thousand_levels():
    refuse(nested_bytes(5000), "nested more than")


@case
def many_empty_nodes_cost_no_memory():
    body = b"\x0a\x00" * 3000000  # graph.node, empty
    refuse(b"\x08\x0a\x3a" + varint(len(body)) + body, "nodes")


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


@case
def a_failed_run_leaves_the_old_output():
    old = scratch() / "old.mlir"
    old.write_text("old")
    done = run([BUILD / "bin" / "qcc", "--until=import", save(b"x"), "-o", old], status=1)
    check(old.read_text() == "old", "the old output is gone")


main()
