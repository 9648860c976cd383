//===- Shape.h - Moving values about ----------------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_SHAPE_H
#define QCC_DIALECTS_REFERENCE_SHAPE_H

#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// For each axis of a result the index of the operand that each of its positions
/// reads; `outside` means the fill value. Slice, Split, Tile, Pad, Gather with
/// constant indices and nearest Resize are nothing else.
using AxisMaps = std::vector<std::vector<int64_t>>;
constexpr int64_t outside = -1;

/// `result[i, j, ...] = input[maps[0][i], maps[1][j], ...]`, or the single
/// element of `fill` where any axis is outside.
Tensor take(const Tensor &input, const AxisMaps &maps, const Tensor *fill = nullptr);

Tensor reshape(const Tensor &input, std::vector<int64_t> shape);
Tensor transpose(const Tensor &input, const std::vector<int64_t> &perm);
Tensor concat(const std::vector<const Tensor *> &inputs, int64_t axis);
/// The part [begin, begin + size) of one axis.
Tensor part(const Tensor &input, int64_t axis, int64_t begin, int64_t size);
/// One start and step for each axis; `shape` says how many.
Tensor slice(const Tensor &input, const std::vector<int64_t> &starts, const std::vector<int64_t> &steps,
             const std::vector<int64_t> &shape);
Tensor tile(const Tensor &input, const std::vector<int64_t> &repeats);
/// Indices may be negative, counting from the end. They must be in range.
Tensor gather(const Tensor &input, const Tensor &indices, int64_t axis);

/// The last axis of `indices` holds tuples that pick slices behind the first `batchDims` axes. Negative
/// indices count from the end; they must be in range.
Tensor gatherND(const Tensor &input, const Tensor &indices, int64_t batchDims);

enum class PadMode { Constant, Reflect, Edge, Wrap };
/// `pads` are begins, then ends, of all axes; negative ones crop.
Tensor pad(const Tensor &input, const std::vector<int64_t> &pads, PadMode mode, double value);

/// Depth is axis 1; `columnFirst` is ONNX's mode CRD, else DCR.
Tensor depthToSpace(const Tensor &input, int64_t blocksize, bool columnFirst);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_SHAPE_H
