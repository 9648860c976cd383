//===- Layers.h - What is compared with the reference -----------*- C++ -*-===//
#ifndef QCC_TEST_KERNELS_LAYERS_H
#define QCC_TEST_KERNELS_LAYERS_H

#include "test/kernels/Layer.h"

namespace qcc::test {

/// Sizes, kernels, strides, dilations and groups, each with tails.
std::vector<Layer> shapes();
/// Places that are not dense, images that are many.
std::vector<Layer> places();
/// Every step and type of result.
std::vector<Layer> epilogues();
/// Integers whose unit each image has found at run time.
std::vector<Layer> measuredImages();
/// The same, and each image has found its zero point as well. Depthwise ones, too.
std::vector<Layer> measuredZeros();
/// Bytes and weights at the ends of their ranges.
std::vector<Layer> extremes();
/// Of f32 ...
std::vector<Layer> floats();
/// ... and of bf16.
std::vector<Layer> bf16s();
/// One filter for each channel.
std::vector<Layer> depthwises();
std::vector<Layer> depthwiseEpilogues();
std::vector<Layer> floatDepthwises();
/// Floats times weights of bytes, with their scales.
std::vector<Layer> decoded();
/// Floats times weights of 16 bits.
std::vector<Layer> halves();

} // namespace qcc::test

#endif // QCC_TEST_KERNELS_LAYERS_H
