"""usage: quickstart.py BUILD OUT

Compiles a text detector to float and to INT8 and finds words in a picture with
both: what tools/quickstart does once qcc is built."""

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

import pictures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
WHEEL = "rapidocr-onnxruntime==1.4.4"
MODEL = "ch_PP-OCRv4_det_infer.onnx"
SHAPE = f"--shape=x:1x3x{pictures.SIZE}x{pictures.SIZE}"


def say(text):
    print(f"\n== {text}", flush=True)


def run(command):
    """Runs a program, shows it, and gives what it printed."""
    command = [str(word) for word in command]
    print("  $ " + " ".join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"quickstart: error: exit status {done.returncode} of: {' '.join(command)}")
    return done.stdout


def fetch_model(out):
    """The detector lies in a wheel on PyPI (Apache-2.0), which is downloaded but not installed."""
    model = out / MODEL
    if not model.exists():
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", out, WHEEL])
        wheel = next(out.glob("rapidocr_onnxruntime-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(MODEL))
            partial = model.with_suffix(".part")
            partial.write_bytes(archive.read(name))
            partial.rename(model)
    return model


def compile_both(build, model, out):
    np.savez(out / "samples.npz", x=np.stack([pictures.as_input(p) for p in pictures.calibration()]))
    qcc = build / "bin/qcc"
    seconds = {}
    for name, options in (("float", ["--quantize=none"]), ("int8", ["--calib", out / "samples.npz"])):
        start = time.monotonic()
        sys.stdout.write(run([qcc, model, SHAPE, *options, "-o", out / f"text_{name}.o"]))
        seconds[name] = time.monotonic() - start
    return seconds


def link(build, out):
    objects = [out / "text_float.o", out / "text_int8.o", build / "lib/libqcc_rt.a"]
    include = ["-I", out, "-I", ROOT / "runtime/include"]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-D_POSIX_C_SOURCE=199309L"]
    run(["cc", *flags, *include, HERE / "detect.c", *objects, "-pthread", "-lm", "-o", out / "detect"])


def detect(out):
    """Runs the C program; gives, for float and int8, its numbers and its boxes."""
    results = {"float": {"boxes": []}, "int8": {"boxes": []}}
    for line in run([out / "detect", out / "picture.ppm", out / "boxes.ppm"]).splitlines():
        name, what, *values = line.split()
        if what == "box":
            results[name]["boxes"].append(tuple(map(int, values)))
        else:
            results[name][what] = float(values[0])
    return results


def covered(word, box):
    """Whether a word's rectangle lies in a box, but for a tenth of its area at most."""
    width = min(word[2], box[2]) - max(word[0], box[0])
    height = min(word[3], box[3]) - max(word[1], box[1])
    area = (word[2] - word[0]) * (word[3] - word[1])
    return width > 0 and height > 0 and width * height >= 0.9 * area


def compare(words, results, seconds, out):
    found = {}
    for name, result in results.items():
        found[name] = [w for w, place in words if any(covered(place, box) for box in result["boxes"])]
    rows = [("words found", lambda n: f"{len(found[n])} of {len(words)}")]
    rows += [("object, KiB", lambda n: f"{(out / f'text_{n}.o').stat().st_size / 1024:.0f}")]
    rows += [("workspace, KiB", lambda n: f"{results[n]['workspace'] / 1024:.0f}")]
    rows += [("time of a run, ms", lambda n: f"{results[n]['ms']:.1f}")]
    rows += [("time to compile, s", lambda n: f"{seconds[n]:.1f}")]
    print(f"{'':20}{'float':>12}{'int8':>12}")
    for title, cell in rows:
        print(f"{title:20}{cell('float'):>12}{cell('int8'):>12}")
    missing = [w for w, _ in words if w not in found["int8"]]
    if missing or len(found["int8"]) != len(words):
        sys.exit(f"quickstart: error: int8 did not find every word; missing: {' '.join(missing)}")


def main():
    build, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    say("The model: PP-OCRv4's text detector, as published")
    model = fetch_model(out)
    picture, words = pictures.shown()
    picture.save(out / "picture.ppm")
    say("Compiling it to float and, calibrated with 16 drawn pictures, to INT8")
    seconds = compile_both(build, model, out)
    say("Linking both into one C program, and running it")
    link(build, out)
    results = detect(out)
    pictures.Image.open(out / "boxes.ppm").save(out / "boxes.png")
    compare(words, results, seconds, out)
    print(f"\nThe picture with the INT8 boxes: {out / 'boxes.png'}")
    print(f"The program: {HERE / 'detect.c'}")


main()
