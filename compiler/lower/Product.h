//===- Product.h - Shared parts of convolutions and products ----*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_PRODUCT_H
#define QCC_COMPILER_LOWER_PRODUCT_H

#include "compiler/kernels/gemm/GemmSpec.h"
#include "compiler/kernels/gemm/Pack.h"
#include "compiler/lower/Chain.h"
#include "compiler/lower/Lowering.h"

namespace qcc::lower {

/// The constant operands of an operation that accumulates, in the order
/// [output channel][kernel rows][kernel columns][input channels of a group].
struct Weights {
  llvm::SmallVector<float> floats;               ///< for float operands
  llvm::SmallVector<int8_t> bytes;               ///< for quantised ones
  llvm::SmallVector<float> scales;               ///< of the output channels, for quantised ones
  std::optional<kernels::NibbleWeights> nibbles; ///< of 4 bits in groups, for f32 and for measured operands
  llvm::SmallVector<float> bias;                 ///< float bias: float operands, or a float result (q8)
  llvm::SmallVector<int32_t> sums;               ///< int32 bias
  target::Half half = target::Half::None;        ///< floats that are stored in 16 bits
  bool decoded = false;                          ///< bytes that a float input meets (q8b)
  /// The input's and the sums' type.
  bool isFloat() const { return bytes.empty() || decoded; }
};

/// Products of float64 run by the general kernels, which multiply what lies in memory.
bool isDouble(mlir::Value value);
/// The constant behind an operand, or null.
mlir::ElementsAttr constantValue(mlir::Value value);

/// How a float filter is stored that an input of f32 meets.
target::Half halfTypeOf(mlir::Value filter);

/// Reads the values of a constant filter, permuted: element i of the result is
/// element `order(i)` of the constant. Emits an error where it is no constant.
llvm::LogicalResult readWeights(mlir::Operation *op, mlir::Value filter, int64_t count,
                                llvm::function_ref<int64_t(int64_t)> order, int64_t channels,
                                Weights &weights);
/// Weights of 4 bits in groups (q13): `order(column * depth + k)` is an element of the constant `filter`.
kernels::NibbleWeights readNibbles(mlir::Value filter, int64_t columns, int64_t depth,
                                   llvm::function_ref<int64_t(int64_t)> order);
/// Reads a bias, which may be absent: zeros then.
llvm::LogicalResult readBias(mlir::Operation *op, mlir::Value bias, int64_t channels, Weights &weights);

/// Makes the kernel one of 4 bits where the weights are; `spec.isFloat` must be set.
void setNibbles(kernels::GemmSpec &spec, const Weights &weights);

/// What a product reads and writes beside its weights.
struct ProductOperands {
  mlir::Operation *op;
  mlir::Value input;
  mlir::Value residual; ///< null where absent
  mlir::Value table;    ///< null where absent
  mlir::ArrayAttr chain;
  mlir::Value result;
  mlir::Value imageScale = {}; ///< of a measured input (q11); null where absent
};

/// The sums of a product, for translateChain.
Sums sumsOf(mlir::Value input, const Weights &weights, int64_t depth);

/// An NHWC place as the kernels describe it; lower ranks are images of one row.
kernels::Place nhwc(const Place &place);

/// The steps of a chain that a kernel has left.
using Rest = llvm::SmallVector<mlir::DictionaryAttr>;

/// Activations that were measured row by row (q11): u8 rows, and a number for each.
struct MeasuredRows {
  Place values, scales, zeros;
};
/// Quantises the rows of a dense [rows][numbers] place.
MeasuredRows measureRows(Lowering &lowering, mlir::Operation *op, const Place &input);
/// [M][K] x [K][N] of measured rows; `spec` is complete but for its epilogue. `weights.bias` is float.
llvm::FailureOr<Rest> invokeMeasured(Lowering &lowering, kernels::GemmSpec spec,
                                     const ProductOperands &operands, const Weights &weights,
                                     const MeasuredRows &input, const Place &output, const Place *residual);

/// Packs weights and parameters and appends the invocation. `Spec` is complete
/// but for its epilogue. The caller runs the rest of the chain once the result
/// is whole (Lowering::invokeRest).
template <typename Spec>
llvm::FailureOr<Rest> invokeProduct(Lowering &lowering, Spec spec, const ProductOperands &operands,
                                    const Weights &weights, const Place &input, const Place &output,
                                    const Place *residual, int64_t depth, int64_t macs);

extern template llvm::FailureOr<Rest> invokeProduct(Lowering &, kernels::GemmSpec, const ProductOperands &,
                                                    const Weights &, const Place &, const Place &,
                                                    const Place *, int64_t, int64_t);
extern template llvm::FailureOr<Rest> invokeProduct(Lowering &, kernels::DepthwiseSpec,
                                                    const ProductOperands &, const Weights &, const Place &,
                                                    const Place &, const Place *, int64_t, int64_t);

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_PRODUCT_H
