"""Compiled models in every kind of program: two in one, C and C++, gcc and clang,
static and shared, with what linkers throw away; and what an object shows outside."""

import functools
import shutil

from support import *

SOURCE = Path(__file__).parent / "Inputs/two_models.c"


@functools.cache
def objects():
    """A quantised and a float model of one network, in a folder of their own."""
    folder = BUILD / "test/e2e/linking/shared"
    folder.mkdir(parents=True, exist_ok=True)
    x = small_network(folder / "m.onnx")
    np.savez(folder / "c.npz", x=np.concatenate([x, -x]))
    first = qcc(folder / "m.onnx", f"--calib={folder}/c.npz", "--calib-method=minmax", output=folder / "first.o")
    return [first, qcc(folder / "m.onnx", "--quantize=none", output=folder / "second.o")]


@functools.cache
def expected():
    return run([link([SOURCE], objects(), output=objects()[0].parent / "plain")]).stdout


def program(flags, compiler="gcc", source=SOURCE, more=(), libraries=True):
    """Compiles and links; clang finds GCC's sanitisers no use, so only gcc's programs have them."""
    plus = "++" in compiler
    sanitize = SANITIZE if compiler in ("gcc", "g++") else []
    language = ["-x", "c++", "-std=c++17"] if plus else ["-x", "c", "-std=c99"]
    include = ["-I", ROOT / "runtime/include", "-I", objects()[0].parent]
    runtime = [BUILD / "lib/libqcc_rt.a", "-pthread", "-lm"] if libraries else []
    output = scratch() / "app"
    run([compiler, *language, "-O1", *WARNINGS, "-Wpedantic", *sanitize, *include, *flags, source, "-x", "none", *more, *runtime, "-o", output])
    return output


KINDS = {
    "pie": ["-fPIE", "-pie"],
    "no_pie": ["-fno-pie", "-no-pie"],
    "static": ["-static"],
    "static_pie": ["-fPIE", "-static-pie"],
    "gc_sections": ["-ffunction-sections", "-Wl,--gc-sections"],
    "lto": ["-flto"],
    "text_and_now": ["-Wl,-z,text", "-Wl,-z,now", "-Wl,-z,relro", "-Wl,--fatal-warnings"],
    "lld": ["-fuse-ld=lld", "-B/usr/lib/llvm-22/bin"],
}


def define(compiler, kind):
    def links_and_runs():
        if compiler.startswith("clang") or "static" in kind:
            require("no-asan")
        if not shutil.which(compiler):
            skip(f"no {compiler}")
        app = program(KINDS[kind], compiler, more=objects())
        said = run([app]).stdout
        check(len(said.splitlines()) == 10 and said == expected(), f"{said} is not {expected()}")

    links_and_runs.__name__ = f"{compiler}_{kind}".replace("+", "p").replace("-", "_")
    case(links_and_runs)


for compiler in ("gcc", "g++", "clang-22", "clang++-22"):
    for kind in KINDS:
        if compiler == "gcc" or kind in ("pie", "no_pie", "lto", "static_pie"):
            define(compiler, kind)


@case
def a_library_of_the_user_holds_both():
    library = program(["-fPIC", "-shared", "-DLIBRARY", "-Wl,-z,text", "-Wl,-z,now"], more=objects())
    shared = library.rename(scratch() / "libboth.so")
    app = program(["-DPROGRAM", f"-Wl,-rpath,{scratch()}"], more=[shared], libraries=False)
    check(run([app]).stdout == expected(), "both run")


@case
def headers_are_clean_in_every_language():
    text = '#include "second.h"\n#include "first.h"\n#include "first.h"\nint main(void) { return FIRST_X_RANK - SECOND_X_RANK; }\n'
    folder = objects()[0].parent
    strict = [*WARNINGS, "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef"]
    for compiler in ("gcc", "clang-22"):
        plus = {"gcc": "g++", "clang-22": "clang++-22"}[compiler]
        for program_, standards in ((compiler, ["c99", "c11", "c17"]), (plus, ["c++11", "c++17", "c++20"])):
            if not shutil.which(program_):
                continue
            for standard in standards:
                source = scratch() / ("m.cpp" if program_ == plus else "m.c")
                source.write_text(text)
                more = ["-Wold-style-cast"] if program_ == plus else ["-Wstrict-prototypes"]
                run([program_, f"-std={standard}", *strict, *more, "-fsyntax-only", "-I", folder, "-I", ROOT / "runtime/include", source])


def symbols(file, *options):
    return [line.split() for line in run(["nm", *options, file]).stdout.splitlines()]


@case
def an_object_shows_its_prefix_and_asks_for_little():
    for file, prefix in zip(objects(), ("first", "second")):
        visible = {words[-1] for words in symbols(file, "--defined-only", "--extern-only")}
        check(visible == {f"{prefix}_run", f"{prefix}_model"}, visible)
        asked = {words[-1] for words in symbols(file, "--undefined-only")}
        allowed = {"qcc_rt_run", "_GLOBAL_OFFSET_TABLE_", "memcpy", "memset", "memmove", "memcmp"}
        libm = {"expf", "logf", "tanhf", "erff", "sinf", "cosf", "powf", "fmodf", "roundf", "floorf", "ceilf", "fmaf", "rintf", "nearbyintf"}
        check(asked <= allowed | libm, f"{asked - allowed}")
        sections = run(["readelf", "-SW", file]).stdout
        notes = [line for line in sections.splitlines() if ".note.GNU-stack" in line]
        check(len(notes) == 1 and " X " not in notes[0], f"no stack note without X: {notes}")
        writable = [l for l in sections.splitlines() if " WA " in l and ".data.rel.ro" not in l and int(l.split("]")[1].split()[4], 16)]
        check(not writable, f"writable data: {writable}")


@case
def a_shared_model_shows_three_symbols_and_no_text_relocations():
    folder = objects()[0].parent
    library = qcc(folder / "m.onnx", "--quantize=none", "--emit=shared", output="third.so")
    visible = {words[-1] for words in symbols(library, "-D", "--defined-only")}
    check(visible == {"third_run", "third_model", "qcc_get_model"}, visible)
    headers = run(["readelf", "-ldW", library]).stdout
    check("TEXTREL" not in headers, headers)
    stack = [line for line in headers.splitlines() if "GNU_STACK" in line]
    check(len(stack) == 1 and "RWE" not in stack[0], headers)
    check(not [l for l in headers.splitlines() if "LOAD" in l and "RWE" in l], headers)


main()
