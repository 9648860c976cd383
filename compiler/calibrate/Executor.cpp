//===- Executor.cpp - The tensors that a run stops at ---------------------===//

#include "compiler/calibrate/Executor.h"

#include <functional>
#include <numeric>

using namespace qcc::calibrate;

int64_t Stop::size() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

bool Stop::isWhole() const { return counts.empty() || counts == shape; }

Stop Stop::counted(std::vector<float> &storage) const {
  if (isWhole())
    return *this;
  Stop dense = *this;
  dense.shape = counts;
  storage.clear();
  size_t rank = shape.size();
  int64_t row = counts.back(), rows = 1;
  for (size_t axis = 0; axis + 1 < rank; ++axis)
    rows *= counts[axis];
  for (int64_t r = 0; r < rows; ++r) {
    int64_t at = 0, rest = r, stride = shape.back();
    for (size_t axis = rank - 1; axis-- > 0;) {
      at += rest % counts[axis] * stride;
      rest /= counts[axis];
      stride *= shape[axis];
    }
    storage.insert(storage.end(), values + at, values + at + row);
  }
  dense.values = storage.data();
  return dense;
}
