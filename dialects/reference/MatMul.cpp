//===- MatMul.cpp - Matrix products ---------------------------------------===//

#include "dialects/reference/MatMul.h"
#include "dialects/reference/Elementwise.h"
#include "dialects/reference/Shape.h"

namespace qcc::reference {

using Dims = std::vector<int64_t>;

/// A vector counts as one row on the left and as one column on the right.
static Dims asMatrix(Dims shape, bool isLeft) {
  if (shape.size() == 1)
    shape.insert(isLeft ? shape.begin() : shape.end(), 1);
  return shape;
}

static Dims batchOf(const Dims &shape) { return {shape.begin(), shape.end() - 2}; }

bool matMulShape(const Dims &a, const Dims &b, Dims &result) {
  if (a.empty() || b.empty())
    return false;
  Dims left = asMatrix(a, true), right = asMatrix(b, false);
  if (left.back() != right[right.size() - 2] || !broadcastShapes(batchOf(left), batchOf(right), result))
    return false;
  if (a.size() > 1)
    result.push_back(left[left.size() - 2]);
  if (b.size() > 1)
    result.push_back(right.back());
  return true;
}

template <typename T>
static void multiply(const T *a, const T *b, T *y, int64_t rows, int64_t depth, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t j = 0; j < columns; ++j)
        y[i * columns + j] += a[i * depth + k] * b[k * columns + j];
}

/// Element i minus the zero point of its row (index / columns) or column.
template <typename T>
static std::vector<T> shifted(const Tensor &tensor, const Dims &zeros, int64_t columns, bool perRow) {
  std::vector<T> values(static_cast<size_t>(tensor.size()));
  for (int64_t i = 0, e = tensor.size(); i < e; ++i) {
    if constexpr (std::is_same_v<T, double>) {
      values[i] = tensor.getDouble(i);
    } else {
      size_t index = static_cast<size_t>(perRow ? i / columns : i % columns);
      values[i] = tensor.getInt(i) - (zeros.empty() ? 0 : zeros[index % zeros.size()]);
    }
  }
  return values;
}

template <typename T>
static Tensor product(const Tensor &a, const Tensor &b, Tensor result, const Dims &aZeros,
                      const Dims &bZeros) {
  Dims left = asMatrix(a.shape, true), right = asMatrix(b.shape, false), batch;
  broadcastShapes(batchOf(left), batchOf(right), batch);
  int64_t rows = left[left.size() - 2], depth = left.back(), columns = right.back();
  std::vector<T> x = shifted<T>(a, aZeros, depth, true), w = shifted<T>(b, bZeros, columns, false);
  Dims leftBatch = broadcastIndices(batchOf(left), batch),
       rightBatch = broadcastIndices(batchOf(right), batch);
  for (size_t i = 0; i < leftBatch.size(); ++i)
    multiply(x.data() + leftBatch[i] * rows * depth, w.data() + rightBatch[i] * depth * columns,
             result.data<T>() + static_cast<int64_t>(i) * rows * columns, rows, depth, columns);
  return result;
}

Tensor matMulSums(const Tensor &a, const Tensor &b, const Dims &aZeros, const Dims &bZeros) {
  Dims shape;
  matMulShape(a.shape, b.shape, shape);
  if (isFloat(a.type))
    return product<double>(a, b, Tensor(DType::F64, shape), {}, {});
  return product<int64_t>(a, b, Tensor(DType::I64, shape), aZeros, bZeros);
}

Tensor transposedIf(bool yes, const Tensor &matrix) { return yes ? transpose(matrix, {1, 0}) : matrix; }

} // namespace qcc::reference
