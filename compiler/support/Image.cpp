//===- Image.cpp - PNG and JPEG files -------------------------------------===//
//
// libpng and libjpeg report errors by longjmp. The functions that call setjmp
// own nothing: all that needs destruction lives in their callers.
//
//===----------------------------------------------------------------------===//
#include "compiler/support/Image.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

namespace qcc::support {
namespace {

std::string sizeText(int64_t width, int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

bool allocate(Image &image, int64_t width, int64_t height, int64_t channels, std::string &error) {
  if (width * height > maxPixels) {
    error =
        "is " + sizeText(width, height) + " pixels; at most " + std::to_string(maxPixels) + " are supported";
    return false;
  }
  image.width = width;
  image.height = height;
  image.channels = channels;
  image.pixels.resize(static_cast<size_t>(width * height * channels));
  return true;
}

//===----------------------------------------------------------------------===//
// PNG
//===----------------------------------------------------------------------===//

struct PngReader {
  const std::vector<uint8_t> &file;
  Image &image;
  std::string &error;
  std::vector<png_bytep> rows;
  size_t position = 0;
  std::string problem;
  png_structp png = nullptr;
  png_infop info = nullptr;

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }

  static void fail(png_structp png, png_const_charp message) {
    static_cast<PngReader *>(png_get_error_ptr(png))->problem = message;
    png_longjmp(png, 1);
  }
  static void ignore(png_structp, png_const_charp) {}
  static void take(png_structp png, png_bytep to, size_t count) {
    auto &self = *static_cast<PngReader *>(png_get_io_ptr(png));
    if (count > self.file.size() - self.position)
      png_error(png, "truncated");
    std::memcpy(to, self.file.data() + self.position, count);
    self.position += count;
  }

  /// Each step may jump out; false then.
  bool readHeader() {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_set_user_limits(png, 1'000'000, 1'000'000);
    png_set_read_fn(png, this, take);
    png_read_info(png, info);
    return true;
  }
  bool readRows() {
    if (setjmp(png_jmpbuf(png)))
      return false;
    png_set_expand(png); // palettes and fewer than 8 bits
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    png_read_image(png, rows.data());
    png_read_end(png, nullptr);
    return true;
  }

  bool damaged() {
    error = "damaged PNG: " + problem;
    return false;
  }

  bool run() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore);
    info = png ? png_create_info_struct(png) : nullptr;
    if (!info) {
      error = "out of memory";
      return false;
    }
    if (!readHeader())
      return damaged();
    if (int depth = png_get_bit_depth(png, info); depth > 8) {
      error = "has " + std::to_string(depth) + " bits a channel; 8 are supported";
      return false;
    }
    bool grey = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) == 0;
    if (!allocate(image, png_get_image_width(png, info), png_get_image_height(png, info), grey ? 1 : 3,
                  error))
      return false;
    for (int64_t y = 0; y < image.height; ++y)
      rows.push_back(image.pixels.data() + y * image.width * image.channels);
    return readRows() || damaged();
  }
};

/// An animation says so in a chunk before the image's data.
bool isAnimated(const std::vector<uint8_t> &file) {
  for (size_t at = 8; at + 8 <= file.size();) {
    const uint8_t *chunk = file.data() + at;
    if (!std::memcmp(chunk + 4, "acTL", 4))
      return true;
    if (!std::memcmp(chunk + 4, "IDAT", 4))
      return false;
    size_t length = static_cast<size_t>(chunk[0]) << 24 | chunk[1] << 16 | chunk[2] << 8 | chunk[3];
    at += length + 12;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// JPEG
//===----------------------------------------------------------------------===//

struct JpegReader {
  const std::vector<uint8_t> &file;
  Image &image;
  std::string &error;
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  std::jmp_buf back = {};
  char problem[JMSG_LENGTH_MAX] = {};

  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }

  static void fail(j_common_ptr common) {
    auto &self = *static_cast<JpegReader *>(common->client_data);
    self.errors.format_message(common, self.problem);
    std::longjmp(self.back, 1);
  }
  /// libjpeg fills in for missing data and only warns.
  static void warn(j_common_ptr common, int level) {
    int code = common->err->msg_code;
    bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR;
    if (level < 0 && !harmless)
      fail(common);
  }
  static void ignore(j_common_ptr) {}

  bool readHeader() {
    if (setjmp(back))
      return false;
    jpeg_create_decompress(&jpeg);
    jpeg.client_data = this;
    jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&jpeg, TRUE);
    return true;
  }
  bool readRows() {
    if (setjmp(back))
      return false;
    jpeg.out_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = image.pixels.data() + jpeg.output_scanline * image.width * image.channels;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
  }

  bool damaged() {
    error = std::string("damaged JPEG: ") + problem;
    return false;
  }

  bool run() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = fail;
    errors.emit_message = warn;
    errors.output_message = ignore;
    if (!readHeader())
      return damaged();
    if (jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK) {
      error = "is a CMYK JPEG; grey and colour (YCbCr or RGB) ones are supported";
      return false;
    }
    bool grey = jpeg.jpeg_color_space == JCS_GRAYSCALE;
    if (!allocate(image, jpeg.image_width, jpeg.image_height, grey ? 1 : 3, error))
      return false;
    return readRows() || damaged();
  }
};

} // namespace

bool decodeImage(const std::vector<uint8_t> &file, Image &image, std::string &error) {
  if (file.size() >= 8 && !png_sig_cmp(file.data(), 0, 8)) {
    if (!isAnimated(file))
      return PngReader{file, image, error, {}, 0, {}, nullptr, nullptr}.run();
    error = "is an animated PNG; a single image is expected";
    return false;
  }
  if (file.size() >= 3 && file[0] == 0xff && file[1] == 0xd8 && file[2] == 0xff) {
    JpegReader reader{file, image, error};
    return reader.run();
  }
  error = file.empty() ? "is empty" : "is neither a PNG nor a JPEG";
  return false;
}

} // namespace qcc::support
