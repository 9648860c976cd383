#!/usr/bin/env python3
"""usage: stages.py [--build=DIR]

A network means the same after every stage: its MLIR, run through the reference,
gives the outputs of the imported one. Networks with their own Q and DQ become
integer arithmetic on the way, the others stay in float."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import features

STAGES = ["simplify", "quantize", "layout", "fuse"]
MODELS = {"fm_cnn_qat_ort_b1": "auto", "fm_cnn_qat_trt_b1": "auto", "fm_cnn_bn_b1": "none", "fm_lstm_ts_b1": "none", "fm_vit_ts_b1": "none"}


def outputs(build, model, mode, stage, inputs, folder):
    text = folder / f"{stage}.mlir"
    subprocess.run([build / "bin/qcc", "-q", f"--quantize={mode}", f"--until={stage}", model, "-o", text], check=True)
    subprocess.run([build / "test/bin/qcc-eval", text, folder / stage, inputs], check=True)
    return np.load(folder / f"{stage}0.npy")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", type=Path, default=features.build_folder())
    build = parser.parse_args().build
    models = features.shared_folder() / "models/fashion-mnist/models"
    failed = 0
    for name, mode in MODELS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            np.save(folder / "in.npy", np.load(models / "input_0.npy")[:1])
            want = outputs(build, models / f"{name}.onnx", mode, "import", folder / "in.npy", folder)
            for stage in STAGES:
                got = outputs(build, models / f"{name}.onnx", mode, stage, folder / "in.npy", folder)
                if not np.allclose(got, want, rtol=1e-5, atol=1e-5):
                    print(f"{name}: after {stage} an output differs by {np.abs(got - want).max()}")
                    failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
