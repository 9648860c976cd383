//===- Image.h - PNG and JPEG files -----------------------------*- C++ -*-===//
//
// Nothing here throws or trusts the file; the error handling of libpng and
// libjpeg, which jumps, ends in Image.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_SUPPORT_IMAGE_H
#define QCC_COMPILER_SUPPORT_IMAGE_H

#include <cstdint>
#include <string>
#include <vector>

namespace qcc::support {

/// 8-bit pixels, row by row, grey (1 channel) or red, green, blue (3).
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

/// No more than this many pixels are unpacked.
constexpr int64_t maxPixels = 50'000'000;

/// Reads a PNG or JPEG, told apart by their first bytes. Palettes are resolved
/// and fewer than 8 bits widened; alpha, EXIF, gamma and colour profiles are
/// ignored. Not supported, with `error` saying so: 16 bits, CMYK, animations.
/// Damaged files are errors, never half an image.
bool decodeImage(const std::vector<uint8_t> &file, Image &image, std::string &error);

} // namespace qcc::support

#endif // QCC_COMPILER_SUPPORT_IMAGE_H
