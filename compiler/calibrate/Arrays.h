//===- Arrays.h - Arrays of .npy and .npz files, piece by piece -*- C++ -*-===//
#ifndef QCC_COMPILER_CALIBRATE_ARRAYS_H
#define QCC_COMPILER_CALIBRATE_ARRAYS_H

#include "compiler/support/Npy.h"
#include "compiler/support/Zip.h"
#include "dialects/reference/Tensor.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace qcc::calibrate {

/// One array whose elements stay in the file.
class ArrayReader {
public:
  /// Reads the header. `error` does not name the array; its user does.
  bool open(std::shared_ptr<support::ByteSource> bytes, std::string &error);

  support::NpyType type() const { return header.type; }
  const std::vector<int64_t> &shape() const { return header.shape; }
  /// Fills `to`, whose type `canConvert` allows, with elements in C order from
  /// `first` on. An array in Fortran order is read whole, once.
  bool read(size_t first, reference::Tensor &to, std::string &error);
  /// Gives memory back that the next `read` takes again.
  void release();

private:
  std::shared_ptr<support::ByteSource> source;
  support::NpyHeader header;
  std::vector<uint8_t> buffer;
  support::NpyArray whole; ///< Fortran order only
};

/// Whether no value changes its meaning: equal types, floats to floats, integers
/// to integers (range-checked when read), and the bits of types that NumPy lacks.
bool canConvert(support::NpyType from, reference::DType to);

struct NamedArray {
  std::string name; ///< empty for a .npy file
  ArrayReader reader;
};

/// Opens a .npy or .npz file, told apart by its first bytes; of the latter, the
/// members that are `wanted`, while the names of all go to `present`. `error` starts
/// with the file's name.
bool openArrays(const std::string &path, const std::function<bool(const std::string &)> &wanted,
                std::vector<NamedArray> &arrays, std::vector<std::string> &present, std::string &error);

} // namespace qcc::calibrate

#endif // QCC_COMPILER_CALIBRATE_ARRAYS_H
