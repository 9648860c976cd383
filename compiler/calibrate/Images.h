//===- Images.h - Photographs as a model's input ----------------*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_IMAGES_H
#define QCC_COMPILER_CALIBRATE_IMAGES_H

#include "compiler/calibrate/Data.h"
#include "compiler/support/Image.h"

namespace qcc::calibrate {

/// Samples from image files, in the given order.
std::unique_ptr<Samples> openImages(std::vector<std::string> files, const std::vector<InputSpec> &inputs,
                                    const DataOptions &options, std::string &error);

/// The centre `height` x `width` pixels of `image` after resizing it so that it
/// just covers them: by the factor s = max(height / h, width / w) to
/// (round(h * s), round(w * s)), bilinear, without antialiasing: pixel x of n is
/// taken at (x + 0.5) * w / n - 0.5, clamped to the image. The crop starts at half
/// the excess, rounded down. Values are not rounded. Channel c of the result comes
/// first or last as `pixels[(y * width + x) * channels + c]`; one channel becomes
/// three equal ones, three become one by 0.299 R + 0.587 G + 0.114 B.
std::vector<double> resizeAndCrop(const support::Image &image, int64_t height, int64_t width,
                                  int64_t channels);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_IMAGES_H
