"""What the end-to-end tests share: compile a model, link a program with it, run
it, compare numbers.

A test is a program of this folder:

    from support import *

    @case
    def logits_equal_the_reference():
        library = qcc(SHARED / "models/x.onnx", "--emit=shared", "-o", scratch() / "x.so")
        check_close(run_model(library, {"input": x})["logits"], expected)

    main()

Each case counts by itself; `python test/e2e/file.py [case...]` runs it without lit.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np

import features

# Under a shell's `&` SIGINT is ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = features.ROOT
BUILD = features.build_folder()
SHARED = features.shared_folder()
MODELS = SHARED / "models"
FEATURES = features.available(BUILD)
SANITIZE = ["-fsanitize=address,undefined"] if "asan" in FEATURES else []
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

_cases = []
_current = None


class Skip(Exception):
    pass


def case(function):
    """Marks a function without arguments as a test; its name says the property."""
    _cases.append(function)
    return function


def skip(reason):
    raise Skip(reason)


def require(*names):
    """Skips the running case where a feature of test/features.py is missing."""
    for name in names:
        if name not in FEATURES:
            raise Skip(features.REASONS.get(name, f"{name} is not there"))


def scratch():
    """The folder of the running case; it is empty when the case begins."""
    name = _current.__name__ if _current else "shared"
    folder = BUILD / "test" / "e2e" / Path(sys.argv[0]).stem / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# Programs


def run(command, status=0, env=None, timeout=600, **options):
    """Runs a program; fails, showing what it said, unless it ends with `status`
    (None: any). Gives a CompletedProcess with text in stdout and stderr."""
    command = [str(word) for word in command]
    if options.setdefault("text", True):
        options.setdefault("errors", "replace")
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **features.sanitizer_environment(), **(env or {})},
        timeout=timeout,
        **options,
    )
    if status is not None and done.returncode != status:
        said = f"{done.stdout}{done.stderr}"
        raise AssertionError(f"exit status {done.returncode}, not {status}:\n  {' '.join(command)}\n{said}")
    return done


def qcc(model, *options, output="model.o", status=0, **more):
    """Compiles a model into the case's folder, or to an absolute `output`."""
    output = scratch() / output
    run([BUILD / "bin" / "qcc", *options, model, "-o", output], status, **more)
    return output


def small_network(path, batch=1):
    """Writes a float model of five nodes, x: [batch, 3, 16, 16] -> y: [batch, 10]; gives an input for it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    shapes = {"w": (16, 3, 3, 3), "b": (16,), "v": (10, 16), "c": (10,)}
    weights = {name: 0.3 * rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["1"], "conv", pads=[1] * 4),
        helper.make_node("Relu", ["1"], ["2"], "relu"),
        helper.make_node("GlobalAveragePool", ["2"], ["3"], "pool"),
        helper.make_node("Flatten", ["3"], ["4"], "flatten"),
        helper.make_node("Gemm", ["4", "v", "c"], ["y"], "dense", transB=1),
    ]
    ends = [("x", [batch, 3, 16, 16]), ("y", [batch, 10])]
    x, y = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends]
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "small", x, y, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return rng.standard_normal((1, 3, 16, 16), np.float32)


def measure(command, limit=60, folder=None):
    """Runs a program: (exit status or -signal, stdout, stderr, CPU seconds, peak MB)."""
    files = [tempfile.TemporaryFile("w+", errors="replace") for _ in range(2)]
    with files[0] as out, files[1] as err:
        env = {**os.environ, **features.sanitizer_environment()}
        child = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err, env=env, cwd=folder)
        alarm = threading.Timer(limit, child.kill)
        alarm.start()
        _, status, usage = os.wait4(child.pid, 0)
        alarm.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = [file.seek(0) or file.read() for file in files]
    return child.returncode, *texts, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def check_refused(model, *options, says=(), status=1, program=None):
    """That qcc refuses a model as it should: in good time, in little memory, with
    an error that has all of `says`, leaving no file behind. Gives what it said."""
    folder = scratch()
    before = sorted(folder.rglob("*"))
    command = [program or BUILD / "bin" / "qcc", *options, model, "-o", folder / "refused.o"]
    code, _, said, seconds, peak = measure(command, folder=folder)
    check(code == status, f"exit status {code}, not {status}; it said:\n{said}")
    check("error: " in said, f"no 'error: ' in what it said:\n{said}")
    for words in says:
        check(words in said, f"no {words!r} in what it said:\n{said}")
    left = [str(f) for f in sorted(folder.rglob("*")) if f not in before]
    check(not left, f"left behind: {' '.join(left)}")
    size = Path(model).stat().st_size / 2**20 if Path(model).is_file() else 0
    if not SANITIZE:
        check(seconds < 2, f"took {seconds:.1f} s of CPU time")
        check(peak < 200 + 3 * size, f"took {peak:.0f} MB for a file of {size:.0f} MB")
    return said


def link(sources, objects, output="app", flags=(), compiler=None):
    """Links a C (or, by the first source's suffix, C++) program with compiled
    models and the runtime, without a warning."""
    sources = [Path(s) for s in sources]
    plus = sources[0].suffix != ".c"
    compiler = compiler or ("g++" if plus else "gcc")
    standard = "-std=c++17" if plus else "-std=c11"
    output = scratch() / output
    include = ["-I", ROOT / "runtime/include", *(f"-I{Path(o).parent}" for o in objects)]
    words = [compiler, standard, "-O1", *WARNINGS, *SANITIZE, *flags, *include, *sources, *objects]
    run([*words, BUILD / "lib/libqcc_rt.a", "-pthread", "-lm", "-o", output])
    return output


def run_model(library, inputs, *options, env=None):
    """Runs a compiled `.so` through qcc-run; gives {file stem: array}."""
    folder = scratch() / "out"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.npy"):
        old.unlink()
    words = []
    for i, (name, value) in enumerate(inputs.items()):
        file = scratch() / f"in{i}.npy"
        np.save(file, value)
        words += ["--in", f"{name}={file}"]
    run([BUILD / "bin" / "qcc-run", library, *words, "--out-dir", folder, *options], env=env)
    return {file.stem: np.load(file) for file in folder.glob("*.npy")}


def run_onnxruntime(model, inputs, optimise=True):
    """What ONNX Runtime makes of a model: {output name: array}."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))


# Numbers


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_close(actual, expected, rtol=1e-3, atol=1e-4, at_most=0):
    """Fails where more than `at_most` elements lie further apart than
    atol + rtol * |expected|, and shows the neighbourhood of the worst."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    check(actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}")
    check(actual.dtype == expected.dtype, f"type {actual.dtype}, expected {expected.dtype}")
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = np.where((a == e) | (np.isnan(a) & np.isnan(e)), 0, np.abs(a - e))
        excess = np.nan_to_num(error - rtol * np.abs(np.nan_to_num(e)), nan=np.inf, posinf=np.inf)
    wrong = excess > atol
    if np.count_nonzero(wrong) > at_most:
        raise AssertionError(describe(actual, expected, excess, wrong))


def check_equal(actual, expected, at_most=0):
    check_close(actual, expected, rtol=0, atol=0, at_most=at_most)


def describe(actual, expected, excess, wrong):
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    lines = [f"{np.count_nonzero(wrong)} of {wrong.size} values are wrong, the worst at {tuple(map(int, worst))}:"]
    window = tuple(slice(max(0, i - 2), i + 3) for i in worst[-2:])
    at = worst[:-2] + window
    lines += [f"  actual   {actual[worst]!r}, around it:\n{actual[at]}"]
    lines += [f"  expected {expected[worst]!r}, around it:\n{expected[at]}"]
    for axis in range(wrong.ndim):
        others = tuple(i for i in range(wrong.ndim) if i != axis)
        hit = np.flatnonzero(wrong.any(axis=others))
        lines.append(f"  wrong along axis {axis}: {len(hit)} of {wrong.shape[axis]}: {hit[:16].tolist()}")
    return "\n".join(lines)


def sqnr(actual, expected):
    """Signal to quantisation noise in dB."""
    a, e = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    noise = np.sum((a - e) ** 2)
    return float("inf") if noise == 0 else 10 * np.log10(np.sum(e**2) / noise)


# Running


def run_case(function):
    global _current
    _current = function
    for old in sorted(scratch().rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() and not old.is_symlink() else old.unlink()
    start = time.monotonic()
    result, text = "passed", ""
    try:
        function()
    except Skip as reason:
        result, text = "skipped", str(reason)
    except Exception:
        result, text = "failed", traceback.format_exc()
    seconds = time.monotonic() - start
    print(f"{result}: {function.__name__} ({seconds:.1f} s)" + (f"\n{text}" if text else ""), flush=True)
    return {"name": function.__name__, "result": result, "text": text, "seconds": seconds}


def main():
    words = sys.argv[1:]
    report = words.pop(words.index("--report") + 1) if "--report" in words else None
    names = [w for w in words if w != "--report"]
    unknown = set(names) - {c.__name__ for c in _cases}
    if unknown:
        sys.exit(f"no such case: {' '.join(sorted(unknown))}")
    results = [run_case(c) for c in _cases if not names or c.__name__ in names]
    if report:
        Path(report).write_text(json.dumps(results))
    sys.exit(any(r["result"] == "failed" for r in results))
