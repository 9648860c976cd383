//===- Lowering.h - From one operation to its invocations -------*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_LOWERING_H
#define QCC_COMPILER_LOWER_LOWERING_H

#include "compiler/kernels/RowUnits.h"
#include "compiler/lower/Guards.h"
#include "compiler/lower/LeadingRows.h"
#include "compiler/lower/Storage.h"
#include "compiler/target/Target.h"
#include "llvm/ADT/StringMap.h"

namespace qcc::lower {

/// One function on its way from tensors to a list of invocations.
class Lowering {
public:
  Lowering(mlir::ModuleOp module, mlir::func::FuncOp source, target::Packing packing);
  llvm::LogicalResult run();

  Storage &storage() { return *places; }
  Blob &blob() { return weights; }
  mlir::OpBuilder &builder() { return body; }
  target::Packing packing() const { return weightPacking; }

  /// Appends a step: a kernel with this specification (all but the views) on
  /// these places, the last `written` of which it writes.
  void invoke(mlir::Operation *op, mlir::NamedAttrList spec, llvm::ArrayRef<Place> at, int64_t written,
              int64_t macs = 0);
  /// The general kernel `kind` on these places, each a tensor of its view's shape and type.
  void invokeKind(mlir::Operation *op, llvm::StringRef kind, llvm::ArrayRef<Place> at,
                  llvm::ArrayRef<mlir::NamedAttribute> attributes, int64_t written = 1);
  /// The same for kernels that say in `spec` themselves how memory is laid out.
  void invokePointers(mlir::Operation *op, mlir::DictionaryAttr spec, mlir::ValueRange pointers,
                      int64_t written, int64_t macs = 0);

  /// Copies between places of one shape.
  void copy(mlir::Operation *op, const Place &from, const Place &to);
  /// The same of a tensor whose leading axis has become the last of both: of its rows those that a run has.
  void copyTurned(mlir::Operation *op, mlir::Value tensor, const Place &from, const Place &to);
  /// Writes the border of a place with the value that means zero: the type's zero point, or the one of the
  /// run behind an image's scale.
  void fillBorder(mlir::Operation *op, const Place &place, mlir::Type tensorType,
                  const Place *imageScale = nullptr);
  /// The operand's place, or a copy of it, that may be read past its end and
  /// has at least this border.
  Place readable(mlir::OpOperand &operand, Border border);

  /// Every operation is its own specification where no kernel knows it better.
  void lowerGeneric(mlir::Operation &op);
  /// Runs the steps of a chain that the kernel left, in place.
  void invokeRest(mlir::Operation *op, llvm::ArrayRef<mlir::DictionaryAttr> steps, const Place &at,
                  mlir::Type type);
  /// Leaves the steps to the quantising of the result by row, if that is all that reads it: what is in a
  /// core's cache is measured there.
  void invokeOrPostpone(mlir::Operation *op, llvm::ArrayRef<mlir::DictionaryAttr> steps, const Place &at);
  llvm::ArrayRef<mlir::Attribute> postponed(mlir::Value value) const;
  /// Whether the branches of an If that must be taken are the same.
  bool sameGuards(mlir::Operation *a, mlir::Operation *b) const { return guards->of(a) == guards->of(b); }

private:
  void lowerOp(mlir::Operation &op, llvm::LogicalResult &result);
  void lowerAlias(mlir::Operation &op);
  void waitForWhatIsRead();
  void lowerTranspose(TransposeOp op);
  void lowerConcat(ConcatOp op);
  void lowerObserve(ObserveOp op);
  void lowerReturn(mlir::Operation &op);
  void takeBoundedInputs();
  void limitRows(mlir::Operation &op, InvokeOp step);
  void limitStep(mlir::Operation *op, InvokeOp step, const Extent &extent, int64_t size,
                 kernels::RowUnits units, int64_t pixels);
  llvm::StringRef kernelFor(mlir::Operation *op, mlir::DictionaryAttr spec);
  void eraseUnusedKernels();
  void changeLength(mlir::Operation *op, llvm::StringRef kind, const Place &from, const Place &shape,
                    const Place &to, const Extents &extents);
  mlir::DenseBoolArrayAttr guardsOf(mlir::Operation *op, llvm::SmallVectorImpl<mlir::Value> &pointers);

  mlir::ModuleOp module;
  mlir::func::FuncOp source, program;
  mlir::OpBuilder body;
  Blob weights;
  target::Packing weightPacking;
  std::unique_ptr<Guards> guards;
  std::unique_ptr<Storage> places;
  LeadingRows rows;
  llvm::DenseMap<mlir::Attribute, mlir::StringAttr> kernels; ///< specification -> name
  llvm::StringMap<unsigned> kernelNames;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Attribute>> postponedSteps;
};

/// The value that stands for zero in a tensor of this type: the zero point.
int64_t zeroValue(mlir::Type tensorType);

// One function for each family of hot operations; each appends its invocations.
llvm::LogicalResult lowerConv(Lowering &lowering, ConvOp op);
llvm::LogicalResult lowerConvTranspose(Lowering &lowering, ConvTransposeOp op);
llvm::LogicalResult lowerGemm(Lowering &lowering, GemmOp op);
llvm::LogicalResult lowerMatMul(Lowering &lowering, MatMulOp op);
llvm::LogicalResult lowerAttention(Lowering &lowering, AttentionOp op);
/// The quantising of a normalised row that is done while the row is at hand.
DynamicQuantizeOp measuredBy(const Lowering &lowering, LayerNormalizationOp norm);
void lowerLayerNormalization(Lowering &lowering, LayerNormalizationOp op);
void lowerDynamicQuantize(Lowering &lowering, DynamicQuantizeOp op);
/// A dynamic_quantize whose zero point is that of the run, or any other operation: false.
bool hasZeroOfRun(mlir::Operation *op);
llvm::LogicalResult lowerDynamicMatMul(Lowering &lowering, DynamicMatMulOp op);
llvm::LogicalResult lowerRecurrent(Lowering &lowering, mlir::Operation *op);

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_LOWERING_H
