//===- Groups.h - Weights in groups along the depth (q13) -------*- C++ -*-===//
#ifndef QCC_DIALECTS_OPS_GROUPS_H
#define QCC_DIALECTS_OPS_GROUPS_H

#include "dialects/QuantTypes.h"
#include "dialects/ops/Common.h"
#include "dialects/reference/Groups.h"

namespace qcc::ops {

/// Whether an operand has scales for groups.
inline bool hasGroups(mlir::Value value) {
  return llvm::isa<mlir::quant::UniformQuantizedSubChannelType>(elementOf(value));
}
/// Such an operand must be of i4, in groups of a multiple of 32 along `axis`.
LogicalResult checkGroups(mlir::Operation *op, StringRef operand, mlir::Value value, int64_t axis);
/// None where the operand has no groups.
reference::Groups groupsOf(mlir::Value value);
/// The operand's numbers as f32.
reference::Tensor dequantized(mlir::Value value, const reference::Tensor &stored);

} // namespace qcc::ops

#endif // QCC_DIALECTS_OPS_GROUPS_H
