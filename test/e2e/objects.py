"""What an object is made of, whatever its model."""

from support import *


def compiled(*options, output):
    model = scratch() / "small.onnx"
    small_network(model)
    return qcc(model, "--quantize=none", "--prefix=m", *options, output=output)


@case
def the_number_of_threads_does_not_change_an_object():
    for level in ("-O0", "-O3"):
        objects = {compiled(level, f"-j{n}", output=f"{n}.o").read_bytes() for n in (1, 2, 5)}
        check(len(objects) == 1, f"{level}: compiles with 1, 2 and 5 threads gave different bytes")


@case
def only_the_prefix_is_seen_of_an_object():
    shown = run(["nm", "-g", "--defined-only", compiled(output="m.o")]).stdout
    names = {line.split()[-1] for line in shown.splitlines()}
    check(names == {"m_model", "m_run"}, shown)


@case
def an_object_asks_for_no_executable_stack():
    sections = run(["readelf", "-SW", compiled(output="m.o")]).stdout
    marker = [line for line in sections.splitlines() if ".note.GNU-stack" in line]
    check(len(marker) == 1 and "X" not in marker[0].split("PROGBITS")[1], sections)


@case
def variants_share_one_copy_of_the_weights():
    sizes = {}
    for march in ("avx2", "avx2,avx512vnni,x86-64"):
        object = compiled(f"--march={march}", output="m.o")
        sizes[march] = [int(line.split()[1]) for line in run(["size", "-A", object]).stdout.splitlines() if line.startswith(".rodata ")]
    few, many = sizes.values()
    check(many[0] < 1.5 * few[0], f"bytes of .rodata: {sizes}")


@case
def native_is_the_best_variant_of_this_machine_alone():
    require("avx2")
    library = compiled("--march=native", "--emit=shared", output="m.so")
    row = json.loads(run([BUILD / "bin/qcc-run", library, "--bench=0.01", "--json"]).stdout)
    check(row["isa"] not in ("x86-64", "avx512bf16"), row)
    run([BUILD / "bin/qcc-run", library], status=1, env={"QCC_ISA": "x86-64"})


main()
