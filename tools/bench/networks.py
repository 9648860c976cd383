"""The networks: published topologies, written here and in sequences.py, and trained ones from the shared models."""

import os
from pathlib import Path

import numpy as np

import sequences
from builder import Builder

ROOT = Path(__file__).resolve().parent.parent.parent


def divisible(channels, by=8):
    """Rounds as MobileNet's authors do: to a multiple, never below nine tenths."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def resnet50():
    """Version 1.5, which has the stride in the 3x3 convolution."""
    b = Builder("resnet50")
    x = b.block(b.input, "stem", 3, 64, 7, 2, act="Relu")
    x = b.node("MaxPool", [x], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    inputs = 64
    for stage, (width, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        for i in range(count):
            name, stride = f"stage{stage}.{i}", 2 if i == 0 and stage > 1 else 1
            y = b.block(x, f"{name}.reduce", inputs, width, act="Relu")
            y = b.block(y, f"{name}.spatial", width, width, 3, stride, act="Relu")
            y = b.block(y, f"{name}.expand", width, 4 * width)
            if i == 0:
                x = b.block(x, f"{name}.shortcut", inputs, 4 * width, stride=stride)
            inputs = 4 * width
            x = b.act(b.add(x, y, f"{name}.add"), f"{name}.relu", "Relu")
    b.head(x, inputs)
    return b


def inverted_residual(b, x, name, inputs, expanded, outputs, kernel, stride, act, excite=None):
    """Expand, filter each channel, excite, project: what the three mobile networks are made of."""
    y = b.block(x, f"{name}.expand", inputs, expanded, act=act) if expanded != inputs else x
    y = b.block(y, f"{name}.depthwise", expanded, expanded, kernel, stride, expanded, act)
    if excite:
        y = b.squeeze_excite(y, f"{name}.se", expanded, *excite)
    y = b.block(y, f"{name}.project", expanded, outputs)
    return b.add(x, y, f"{name}.add") if stride == 1 and inputs == outputs else y


def mobilenetv2():
    b = Builder("mobilenetv2")
    x = b.block(b.input, "stem", 3, 32, 3, 2, act="Relu6")
    inputs, index = 32, 0
    # expansion, channels, repetitions, first stride
    for factor, outputs, count, stride in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]:  # fmt: skip
        for i in range(count):
            first = stride if i == 0 else 1
            x = inverted_residual(b, x, f"block{index}", inputs, factor * inputs, outputs, 3, first, "Relu6")
            inputs, index = outputs, index + 1
    x = b.block(x, "last", 320, 1280, act="Relu6")
    b.head(x, 1280)
    return b


def mobilenetv3_large():
    b = Builder("mobilenetv3-large")
    x = b.block(b.input, "stem", 3, 16, 3, 2, act="HardSwish")
    inputs = 16
    # kernel, expanded, channels, squeeze-excite, HardSwish, stride
    for index, (kernel, expanded, outputs, excite, swish, stride) in enumerate([
        (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1),
        (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
        (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2),
        (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1),
    ]):  # fmt: skip
        se = (divisible(expanded // 4), "Relu", "HardSigmoid") if excite else None
        act = "HardSwish" if swish else "Relu"
        x = inverted_residual(b, x, f"block{index}", inputs, expanded, outputs, kernel, stride, act, se)
        inputs = outputs
    x = b.block(x, "last", 160, 960, act="HardSwish")
    b.head(x, 960, hidden=1280)
    return b


def efficientnet_b0():
    b = Builder("efficientnet-b0")
    x = b.block(b.input, "stem", 3, 32, 3, 2, act="SiLU")
    inputs, index = 32, 0
    # expansion, kernel, channels, repetitions, first stride
    for factor, kernel, outputs, count, stride in [
        (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    ]:  # fmt: skip
        for i in range(count):
            first, se = stride if i == 0 else 1, (inputs // 4, "SiLU", "Sigmoid")
            x = inverted_residual(b, x, f"block{index}", inputs, factor * inputs, outputs, kernel, first, "SiLU", se)
            inputs, index = outputs, index + 1
    x = b.block(x, "last", 320, 1280, act="SiLU")
    b.head(x, 1280)
    return b


VISION = {
    "resnet50": resnet50,
    "mobilenetv2": mobilenetv2,
    "mobilenetv3-large": mobilenetv3_large,
    "efficientnet-b0": efficientnet_b0,
}
WRITTEN = {**VISION, **sequences.WRITTEN}


def calibration(written, count=8):
    """Other inputs than those on which a network was settled."""
    return written.samples(count, seed=3)


# Trained networks


def shared_folder():
    return Path(os.environ.get("QCC_SHARED", ROOT.parent / "shared")) / "models"


def crops():
    return np.load(shared_folder() / "images_cc/images36_u8_nhwc.npy").astype(np.float32)


def google_inputs():
    return (crops() / np.float32(127.5) - np.float32(1)).transpose(0, 3, 1, 2)


def squeezenet_inputs():
    return (crops()[..., ::-1] - np.float32([104, 117, 123])).transpose(0, 3, 1, 2)


# The model's file and what makes its calibration inputs: real images.
TRAINED = {
    "mobilenetv2-trained": ("mobilenetv2/mobilenetv2_10_224.onnx", google_inputs),
    "squeezenet-trained": ("squeezenet11/squeezenet11_224.onnx", squeezenet_inputs),
}
