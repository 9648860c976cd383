"""The stages must not change what a network computes: its outputs after each
stage, by the reference, against those of the text it was imported from.
Up to layout exactly; after fuse within one step of the quantised output (q5)."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

STAGES = ["--qcc-simplify", "--qcc-layout", "--qcc-fuse"]
STEP = 0.0600713  # scale of the second output
FLOAT_OPERATIONS = ["relu", "clip", "sigmoid"]


def evaluate(build, model, folder, image):
    np.save(folder / "x.npy", image)
    subprocess.run([build / "test/bin/qcc-eval", model, folder / "out", folder / "x.npy"], check=True)
    return [np.load(folder / f"out{i}.npy") for i in range(2)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    images = np.random.default_rng(1).normal(0, 1, (8, 1, 4, 8, 8)).astype(np.float32)
    expected = [evaluate(args.build, args.model, folder, image) for image in images]
    failures = []
    for count, stage in enumerate(STAGES, 1):
        after = folder / "after.mlir"
        command = [args.build / "bin/qcc-opt", args.model, *STAGES[:count], "-o", after]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        fused, unequal = stage == "--qcc-fuse", []
        for number, (image, want) in enumerate(zip(images, expected)):
            got = evaluate(args.build, after, folder, image)
            worst = np.abs(got[1] - want[1]).max() / STEP
            unequal.append(np.mean(np.abs(got[1] - want[1]) > STEP / 2))
            logits = np.abs(got[0] - want[0]).max()
            if worst > (1.001 if fused else 0) or logits > (0.1 if fused else 0):
                failures.append(f"{stage}, image {number}: {worst:.2f} steps, logits {logits:.3g}")
        if np.mean(unequal) > 0.005:
            failures.append(f"{stage}: {np.mean(unequal):.2%} of the values differ")
        left = [op for op in FLOAT_OPERATIONS if f'"qcc.{op}"' in after.read_text()]
        if fused and left:
            failures.append(f"left in float: {left}")
    print("\n".join(failures) or "ok")
    return bool(failures)


sys.exit(main())
