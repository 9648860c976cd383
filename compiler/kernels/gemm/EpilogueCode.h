//===- EpilogueCode.h - Writes an epilogue's code ---------------*- C++ -*-===//
#ifndef QCC_COMPILER_KERNELS_EPILOGUECODE_H
#define QCC_COMPILER_KERNELS_EPILOGUECODE_H

#include "compiler/kernels/gemm/Pack.h"
#include "compiler/target/VectorOps.h"

namespace qcc::kernels {

using mlir::ValueRange;
using target::CodeBuilder;
using target::Value;
using target::Values;
using target::VectorOps;

/// The first 16 columns of a panel of "gemm" for integers, which lie in the lower halves of two vectors, as
/// one: lanes 0, 2, 1, 3 of the natural order.
Value loadSingleVector(CodeBuilder &code, mlir::VectorType type, Value pointer);

/// Writes the way from sums to stored elements for rows (pixels) of some vectors each. Vectors of
/// integer kernels are interleaved as Pack.h says, a single one as loadSingleVector does, those of float
/// kernels in natural order.
class EpilogueCode {
public:
  struct Form {
    const Epilogue &epilogue;
    bool isFloat;         ///< the sums are
    unsigned vectors;     ///< of a row: 1, 2 or 4
    int64_t vectorStride; ///< bytes from one vector's parameters to the next one's
    ParamLayout layout;
    int64_t columns(const VectorOps &ops) const { return vectors * ops.count(); }
  };
  struct Pointers {
    Value head, panel;           ///< parameters
    Value out, residual;         ///< first row
    Value outStep, residualStep; ///< bytes to the next row
    Value table;
    Value columns;                       ///< how many to store; null: all
    Value rowScales = {}, rowZeros = {}; ///< of the first row, the others behind it; null without `rows`
    Value imageScale = {};               ///< of all rows; null without Step::MulImage
  };

  EpilogueCode(VectorOps &ops, const Form &form, const Pointers &pointers)
      : ops(ops), code(ops.code), form(form), at(pointers) {}

  /// Starting values of the sums of a row.
  Values bias();
  /// Stores rows; each is form.vectors sums.
  void store(llvm::ArrayRef<Values> rows);

  static unsigned elementBytes(Output output) {
    return output == Output::U8 ? 1 : output == Output::BF16 ? 2 : 4;
  }

private:
  VectorOps &ops;
  CodeBuilder &code;
  Form form;
  Pointers at;
  Value scratch; ///< for partial rows where the variant has no masks

  Value columnVector(int64_t offset, unsigned vector, mlir::VectorType type);
  Value scalar(int64_t line) { return code.load(ops.f32s(), at.head, line * lineBytes, 64); }
  Values residualOf(Value pointer);
  Values residualBytes(Value pointer);
  Value hardSigmoid(Value t, int64_t line);
  Value product(Value x, Value y);
  Value sum(Value x, Value y);
  Value sloped(Value t, Value slope);
  Value scaledResidual(Value residual, int64_t line);
  Value applyStep(Step step, Value t, int64_t line, Value column, Value residual);
  Value applySteps(Value t, unsigned vector, Value residual);
  Value rescaled(Value sum, unsigned vector, unsigned row);
  Value measured(Value sum, unsigned vector, unsigned row);
  Values values(const Values &sums, unsigned row);
  Values naturalOrder(const Values &vectors);
  Values interleavedOrder(const Values &vectors);
  Value finishBytes(Value bytes, const Values &table);
  using RowValues = llvm::function_ref<Values(unsigned row)>;
  void storeBytes(llvm::ArrayRef<Values> rows);
  void storeInPairs(unsigned count, RowValues wordsOf, const Values &table);
  void storeInFours(unsigned count, RowValues valuesOf, Value zeroPoint, const Values &table);
  void storeRow(llvm::ArrayRef<Value> pieces, Value row);
  void storeMasked(Value piece, Value row, int64_t element);
  void copyBytes(Value row, Value bytes);
  void tableByBytes(Value row);
  Value rowPointer(Value base, Value step, unsigned row);
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_EPILOGUECODE_H
