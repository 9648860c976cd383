"""Every shared model, its kernels for GPUs run emulated, against the kernels of x86: the same bytes where all inside is
int8, numbers within 1e-3 where there are floats. QCC_EVERY_MODEL=1 runs all ways of quantising each; else the few of
EVERYDAY."""

from gpu import *
from shared_networks import networks

EVERYDAY = {
    "static": ["kws_dscnn_b1", "toyadmos_autoencoder", "fm_vit_ts_b1", "ch_PP-OCRv4_det_infer", "squeezenet11_224"],
    "float": ["fm_lstm_ts_b1", "silero_vad_openvino_16k"],
    "dynamic": ["kws_dscnn_b1", "silero_vad_16k_sequence"],
    "own": [],  # nvptx.py has them
}
EVERY = os.environ.get("QCC_EVERY_MODEL")


def near(decibels):
    return lambda actual, expected: check(sqnr(actual, expected) >= decibels, f"{sqnr(actual, expected):.1f} dB")


def comparison(network, way):
    if network.integer and way in ("static", "own"):
        return check_equal
    if way == "float":
        return lambda actual, expected: check_close(actual, expected, rtol=1e-3, atol=1e-4)
    # A number on the edge between two steps may fall to either side.
    return near(25)  # MobileNetV2, whose depthwise filters are float: 27, and 29 between x86-64 and AVX2


def check_networks(way):
    require("shared-models", "avx2")
    for name, network in networks(scratch()).items():
        if way not in network.ways or not (EVERY or name in EVERYDAY[way]):
            continue
        options = network.compile_options(way, scratch())
        try:
            check_emulated(network.path, network.one_sample(), "-O1", *options, compare=comparison(network, way))
        except AssertionError as error:
            raise AssertionError(f"{name}, {way}: {error}") from None
        if EVERY:
            print(f"{name}, {way}: as x86", flush=True)


@case
def networks_of_int8_give_the_bytes_of_x86():
    check_networks("own")
    check_networks("static")


@case
def measured_networks_agree_with_x86():
    check_networks("dynamic")


@case
def float_networks_agree_with_x86():
    check_networks("float")


main()
