//===- Shape.cpp - Moving values about ------------------------------------===//

#include "dialects/reference/Shape.h"

#include <algorithm>
#include <numeric>

namespace qcc::reference {

static std::vector<int64_t> rowMajorStrides(const std::vector<int64_t> &shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

/// Calls `f` with each position of `shape` in row-major order.
template <typename F> static void forEachPosition(const std::vector<int64_t> &shape, F f) {
  std::vector<int64_t> position(shape.size(), 0);
  for (int64_t left = elementCount(shape); left > 0; --left) {
    f(position);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++position[axis] < shape[axis])
        break;
      position[axis] = 0;
    }
  }
}

Tensor take(const Tensor &input, const AxisMaps &maps, const Tensor *fill) {
  std::vector<int64_t> shape;
  for (const std::vector<int64_t> &map : maps)
    shape.push_back(static_cast<int64_t>(map.size()));
  Tensor result(input.type, shape);
  std::vector<int64_t> strides = rowMajorStrides(input.shape);
  size_t width = static_cast<size_t>(byteSize(input.type));
  uint8_t *to = result.bytes.data();
  forEachPosition(shape, [&](const std::vector<int64_t> &position) {
    int64_t offset = 0;
    bool inside = true;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      int64_t index = maps[axis][position[axis]];
      inside &= index != outside;
      offset += index * strides[axis];
    }
    std::memcpy(to, inside ? &input.bytes[offset * width] : fill->bytes.data(), width);
    to += width;
  });
  return result;
}

static std::vector<int64_t> steps(int64_t count, int64_t start = 0, int64_t step = 1) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    indices[i] = start + i * step;
  return indices;
}

static AxisMaps identityMaps(const Tensor &input) {
  AxisMaps maps;
  for (int64_t dim : input.shape)
    maps.push_back(steps(dim));
  return maps;
}

Tensor reshape(const Tensor &input, std::vector<int64_t> shape) {
  Tensor result = input;
  result.shape = std::move(shape);
  return result;
}

Tensor transpose(const Tensor &input, const std::vector<int64_t> &perm) {
  std::vector<int64_t> shape;
  for (int64_t axis : perm)
    shape.push_back(input.shape[axis]);
  Tensor result(input.type, shape);
  std::vector<int64_t> strides = rowMajorStrides(input.shape);
  size_t width = static_cast<size_t>(byteSize(input.type));
  uint8_t *to = result.bytes.data();
  forEachPosition(shape, [&](const std::vector<int64_t> &position) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < perm.size(); ++axis)
      offset += position[axis] * strides[perm[axis]];
    std::memcpy(to, &input.bytes[offset * width], width);
    to += width;
  });
  return result;
}

/// Bytes of everything behind (and including) `axis`.
static int64_t rowBytes(const Tensor &tensor, int64_t axis) {
  return std::accumulate(tensor.shape.begin() + axis, tensor.shape.end(), byteSize(tensor.type),
                         std::multiplies<int64_t>());
}

Tensor concat(const std::vector<const Tensor *> &inputs, int64_t axis) {
  std::vector<int64_t> shape = inputs[0]->shape;
  shape[axis] = 0;
  for (const Tensor *input : inputs)
    shape[axis] += input->shape[axis];
  Tensor result(inputs[0]->type, shape);
  int64_t rows = std::accumulate(shape.begin(), shape.begin() + axis, int64_t(1), std::multiplies<int64_t>());
  uint8_t *to = result.bytes.data();
  for (int64_t row = 0; row < rows; ++row)
    for (const Tensor *input : inputs) {
      int64_t bytes = rowBytes(*input, axis);
      to = std::copy_n(input->bytes.data() + row * bytes, bytes, to);
    }
  return result;
}

Tensor part(const Tensor &input, int64_t axis, int64_t begin, int64_t size) {
  AxisMaps maps = identityMaps(input);
  maps[axis] = steps(size, begin);
  return take(input, maps);
}

Tensor slice(const Tensor &input, const std::vector<int64_t> &starts, const std::vector<int64_t> &strides,
             const std::vector<int64_t> &shape) {
  AxisMaps maps;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    maps.push_back(steps(shape[axis], starts[axis], strides[axis]));
  return take(input, maps);
}

Tensor tile(const Tensor &input, const std::vector<int64_t> &repeats) {
  AxisMaps maps;
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    int64_t dim = input.shape[axis];
    std::vector<int64_t> map = steps(dim * repeats[axis]);
    for (int64_t &index : map)
      index %= dim;
    maps.push_back(map);
  }
  return take(input, maps);
}

Tensor gather(const Tensor &input, const Tensor &indices, int64_t axis) {
  AxisMaps maps = identityMaps(input);
  maps[axis].clear();
  for (int64_t i = 0, e = indices.size(); i < e; ++i) {
    int64_t index = indices.getInt(i);
    maps[axis].push_back(index < 0 ? index + input.shape[axis] : index);
  }
  std::vector<int64_t> shape(input.shape.begin(), input.shape.begin() + axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), input.shape.begin() + axis + 1, input.shape.end());
  return reshape(take(input, maps), shape);
}

Tensor gatherND(const Tensor &input, const Tensor &indices, int64_t batchDims) {
  int64_t tuple = indices.shape.back(), tuples = tuple ? indices.size() / tuple : 0;
  std::vector<int64_t> shape(indices.shape.begin(), indices.shape.end() - 1);
  int64_t batches = elementCount({shape.begin(), shape.begin() + batchDims});
  shape.insert(shape.end(), input.shape.begin() + batchDims + tuple, input.shape.end());
  Tensor result(input.type, shape);
  size_t slice = tuples ? result.bytes.size() / static_cast<size_t>(tuples) : 0;
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t from = i / (tuples / batches); // the batch, then one axis after the other
    for (int64_t j = 0; j < tuple; ++j) {
      int64_t dim = input.shape[batchDims + j], index = indices.getInt(i * tuple + j);
      from = from * dim + (index < 0 ? index + dim : index);
    }
    std::memcpy(&result.bytes[i * slice], &input.bytes[from * slice], slice);
  }
  return result;
}

/// Where a padded position reads: `i` counts from the operand's first element
/// and may lie before or behind it.
static int64_t padSource(int64_t i, int64_t dim, PadMode mode) {
  if (i >= 0 && i < dim)
    return i;
  switch (mode) {
  case PadMode::Constant:
    return outside;
  case PadMode::Edge:
    return std::clamp<int64_t>(i, 0, dim - 1);
  case PadMode::Wrap:
    return (i % dim + dim) % dim;
  case PadMode::Reflect:
    break;
  }
  if (dim == 1)
    return 0;
  int64_t period = 2 * (dim - 1); // 0 1 2 3 2 1 | 0 1 ...
  int64_t phase = (i % period + period) % period;
  return phase < dim ? phase : period - phase;
}

Tensor pad(const Tensor &input, const std::vector<int64_t> &pads, PadMode mode, double value) {
  AxisMaps maps;
  size_t rank = input.shape.size();
  for (size_t axis = 0; axis < rank; ++axis) {
    int64_t dim = input.shape[axis];
    // Cropping happens first: what a negative pad removes is not mirrored back.
    int64_t cropBegin = std::max<int64_t>(-pads[axis], 0), cropEnd = std::max<int64_t>(-pads[rank + axis], 0);
    int64_t kept = dim - cropBegin - cropEnd;
    std::vector<int64_t> map = steps(dim + pads[axis] + pads[rank + axis], -std::max<int64_t>(pads[axis], 0));
    for (int64_t &index : map) {
      index = padSource(index, kept, mode);
      index = index == outside ? outside : index + cropBegin;
    }
    maps.push_back(map);
  }
  Tensor fill(input.type, {});
  fill.setDouble(0, value);
  return take(input, maps, &fill);
}

Tensor depthToSpace(const Tensor &input, int64_t b, bool columnFirst) {
  int64_t n = input.shape[0], c = input.shape[1] / (b * b), h = input.shape[2], w = input.shape[3];
  Tensor split = columnFirst ? reshape(input, {n, c, b, b, h, w}) : reshape(input, {n, b, b, c, h, w});
  Tensor moved = columnFirst ? transpose(split, {0, 1, 4, 2, 5, 3}) : transpose(split, {0, 3, 4, 1, 5, 2});
  return reshape(std::move(moved), {n, c, h * b, w * b});
}

} // namespace qcc::reference
