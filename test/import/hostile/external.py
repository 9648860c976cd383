"""External data: nothing outside the model's folder, nothing but files."""

import stat
import threading

from models import *

BYTES = np.arange(4, dtype=np.float32).tobytes()


def external(location, raw=False, **entries):
    """A model whose weight w is four floats in a file."""
    w = T(name="w", data_type=F32, dims=[4], data_location=T.EXTERNAL)
    pairs = [("location", location), *entries.items()]
    for key, text in pairs:
        w.external_data.add(key=key, value=str(text))
    return model([h.make_node("Add", ["x", "w"], ["y"], name="a")], [w])


def data(name="w.bin", content=BYTES):
    path = scratch() / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


@case
def a_file_beside_the_model_is_legal():
    data()
    text = accept(external("w.bin"))
    check("0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00" in text, text)


@case
def a_part_of_a_file_in_a_folder_is_legal():
    data("sub/w.bin", b"head" + BYTES + b"tail")
    check("3.000000e+00" in accept(external("sub/w.bin", offset=4, length=16)), "the values are there")


@case
def a_model_in_another_folder():
    data("there/w.bin")
    save(external("w.bin"), "there/m.onnx")
    accept(scratch() / "there" / "m.onnx")


@case
def paths_that_lead_outside():
    data("w.bin")
    (scratch() / "sub").mkdir()
    path = save(external("../w.bin"), "sub/m.onnx")
    refuse(path, "tensor 'w'", "'../w.bin'", "leads out of the model's folder")
    refuse(external("sub/../../x/w.bin"), "tensor 'w'")
    refuse(external(str(data())), "tensor 'w'", "relative")
    refuse(external("/etc/passwd"), "relative")


@case
def things_that_are_no_files():
    (scratch() / "folder").mkdir()
    os.mkfifo(scratch() / "pipe")
    refuse(external("folder"), "is a folder")
    refuse(external("pipe"), "is a pipe")
    refuse(external("missing"), "No such file")
    refuse(external(""), "empty name")


@case
def too_short():
    data("w.bin", BYTES[:12])
    refuse(external("w.bin"), "has 12 bytes")
    data("w.bin", b"")
    refuse(external("w.bin"), "has 0 bytes")


@case
def offsets_and_lengths_that_lie():
    data()
    refuse(external("w.bin", offset=8), "has 16 bytes, but offset 8")
    refuse(external("w.bin", offset=2**63 - 1, length=16), "offset 9223372036854775807")
    refuse(external("w.bin", offset=2**64), "offset '18446744073709551616'")
    refuse(external("w.bin", offset=-4), "offset '-4'")
    refuse(external("w.bin", length=-1), "length '-1'")
    refuse(external("w.bin", length=8), "length 8")
    refuse(external("w.bin", offset="0x4"), "offset '0x4'")


@case
def keys():
    data()
    refuse(external("w.bin", colour="red"), "unknown key 'colour'")
    twice = external("w.bin")
    twice.graph.initializer[0].external_data.add(key="location", value="w.bin")
    refuse(twice, "'location' twice")
    none = external("w.bin")
    del none.graph.initializer[0].external_data[:]
    refuse(none, "no location")


@case
def symbolic_links():
    data("real/w.bin")
    (scratch() / "link.bin").symlink_to("real/w.bin")
    (scratch() / "linked").symlink_to("real")
    refuse(external("link.bin"), "symbolic link")
    refuse(external("linked/w.bin"), "symbolic link")


@case
def hard_links():
    os.link(data(), scratch() / "second.bin")
    refuse(external("second.bin"), "2 hard links")


@case
def a_device():
    try:
        os.mknod(scratch() / "zero.bin", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        skip("only root makes devices")
    refuse(external("zero.bin"), "is a device")


@case
def the_same_without_openat2():
    require("no-asan")
    source = Path(__file__).parent / "Inputs/no_openat2.c"
    shim = scratch() / "no_openat2.so"
    run(["gcc", "-O1", *WARNINGS, "-shared", "-fPIC", source, "-o", shim])
    os.environ["LD_PRELOAD"] = str(shim)
    try:
        data("sub/w.bin")
        accept(external("sub/./w.bin"))
        refuse(external("sub/../../w.bin"), "leads out")
        refuse(external(".."), "leads out")
        refuse(external("sub"), "is a folder")
        refuse(external("sub/w.bin/x"), "Not a directory")
        (scratch() / "link.bin").symlink_to("sub/w.bin")
        (scratch() / "linked").symlink_to("sub")
        refuse(external("link.bin"), "symbolic link")
        refuse(external("linked/w.bin"), "cannot be opened: Not a directory")
    finally:
        del os.environ["LD_PRELOAD"]


@case
def a_file_that_is_swapped_for_a_link_again_and_again():
    """Whatever the moment: the file's own bytes or a refusal, never what the link leads to."""
    secret = scratch().parent / "secret.bin"
    secret.write_bytes(np.full(4, 12345, np.float32).tobytes())
    path = save(external("w.bin"))
    (scratch() / "link").symlink_to(secret)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            data("new")
            os.replace(scratch() / "new", scratch() / "w.bin")
            os.symlink(secret, scratch() / "new")
            os.replace(scratch() / "new", scratch() / "w.bin")

    data()
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(20):
            done = run([BUILD / "bin/qcc", "--until=import", path], status=None)
            check("12345" not in done.stdout and "1.234500e+04" not in done.stdout, "read through the link")
            check(done.returncode == 0 or "symbolic link" in done.stderr, f"{done.returncode}: {done.stderr}")
    finally:
        stop.set()
        swapper.join()


@case
def a_constant_node_with_external_data():
    data("w.bin", BYTES[:8])
    w = external("w.bin").graph.initializer[0]
    nodes = [h.make_node("Constant", [], ["w"], name="k", value=w), h.make_node("Add", ["x", "w"], ["y"])]
    refuse(model(nodes), "node 'k' (Constant): error: attribute 'value'", "has 8 bytes")


main()
