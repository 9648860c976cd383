"""On a real GPU: what test/e2e/nvptx.py checks without one. `tools/test --gpu` runs what is named on_gpu alone."""

import gpu_bundle
from gpu import *


def check_on_gpu(group):
    """The outputs of the GPU, in the form of every generation that it runs, are those of the CPU."""
    require("gpu", "shared-models", "avx2", "no-asan")  # Python loads the libraries, and has no sanitiser
    bundle = gpu_bundle.Bundle(scratch())
    group(bundle)
    bundle.close()
    run([sys.executable, scratch() / "check_on_gpu.py"], timeout=1200)


@case
def integer_networks_give_the_bytes_of_the_cpu():
    check_on_gpu(gpu_bundle.integer_networks)


@case
def floats_agree_with_the_cpu():
    check_on_gpu(gpu_bundle.float_networks)


@case
def measured_rows_agree_with_the_cpu():
    check_on_gpu(gpu_bundle.measured_networks)


@case
def texts_of_any_length_agree_with_the_cpu():
    check_on_gpu(gpu_bundle.sentences)


@case
def floats_on_tensor_cores_agree_with_the_cpu():
    check_on_gpu(gpu_bundle.small_kinds)


@case
def runs_in_threads_and_in_a_stream_give_the_same():
    check_on_gpu(gpu_bundle.ways_of_running)


main()
