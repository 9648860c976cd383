//===- Npy.h - NumPy's .npy files -------------------------------*- C++ -*-===//
//
// Reads what numpy.save writes (versions 1 to 3, either byte order, C or
// Fortran order) and writes version 1. Plain C++ without LLVM, for the compiler
// and for qcc-run alike. Nothing here throws or trusts the file.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_SUPPORT_NPY_H
#define QCC_COMPILER_SUPPORT_NPY_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace qcc::support {

enum class NpyType : uint8_t { Bool, I8, U8, I16, U16, I32, U32, I64, U64, F16, F32, F64 };

size_t npyTypeBytes(NpyType type);
/// NumPy's own word: "float32", "bool".
const char *npyTypeName(NpyType type);

/// What the header says. Elements start at `dataOffset` of the file.
struct NpyHeader {
  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;
  bool fortranOrder = false;
  bool bigEndian = false;
  size_t dataOffset = 0;
  /// Product of the shape; elements * npyTypeBytes(type) does not overflow.
  size_t elements = 1;
};

/// A whole array: elements in C order, in this machine's byte order.
struct NpyArray {
  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;

  size_t elements() const { return data.size() / npyTypeBytes(type); }
};

/// Both return false and set `error` to a phrase such as "truncated: 80 bytes of
/// data for shape (3, 7) of float32 need 84", to be put behind the file's name.
/// `size` is that of the whole file; more bytes than the shape needs are an error.
bool readNpyHeader(const void *bytes, size_t size, NpyHeader &header, std::string &error);
bool readNpy(const void *bytes, size_t size, NpyArray &array, std::string &error);

/// Reads a regular file. `error` starts with its name.
bool readNpyFile(const std::string &path, NpyArray &array, std::string &error);

/// The header of a version 1 file; the elements in C order follow it.
std::string npyFileHeader(NpyType type, const std::vector<int64_t> &shape);

/// Writes beside `path` and renames, so that a failure leaves an old file whole.
/// A device or pipe is written directly. `error` starts with the name.
bool writeNpyFile(const std::string &path, const NpyArray &array, std::string &error);

/// "(3, 224, 224)", as NumPy prints a shape.
std::string npyShapeText(const std::vector<int64_t> &shape);

} // namespace qcc::support

#endif // QCC_COMPILER_SUPPORT_NPY_H
