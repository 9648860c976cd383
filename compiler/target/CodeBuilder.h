//===- CodeBuilder.h - Short words for the operations of kernels -*- C++ -*-===//
//
// Kernels are written as scf loops over bare pointers with vector values. This
// wraps an OpBuilder so that the code which writes them reads like them.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_TARGET_CODEBUILDER_H
#define QCC_COMPILER_TARGET_CODEBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace qcc::target {

using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

class CodeBuilder {
public:
  CodeBuilder(mlir::OpBuilder &builder, mlir::Location loc) : b(builder), loc(loc) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  //--- Types -----------------------------------------------------------------//
  mlir::Type i8() { return b.getI8Type(); }
  mlir::Type i16() { return b.getI16Type(); }
  mlir::Type i32() { return b.getI32Type(); }
  mlir::Type f32() { return b.getF32Type(); }
  mlir::Type pointerType() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::VectorType vec(int64_t count, mlir::Type element) { return mlir::VectorType::get({count}, element); }

  //--- Integers --------------------------------------------------------------//
  Value i64(int64_t value) { return mlir::arith::ConstantIntOp::create(b, loc, value, 64); }
  /// A constant of the type of `x`.
  Value like(Value x, int64_t value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getIntegerAttr(x.getType(), value));
  }
  Value add(Value x, Value y) { return mlir::arith::AddIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return mlir::arith::SubIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return mlir::arith::MulIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t y) { return mul(x, like(x, y)); }
  Value div(Value x, int64_t y) { return mlir::arith::DivUIOp::create(b, loc, x, like(x, y)); }
  Value rem(Value x, int64_t y) { return mlir::arith::RemUIOp::create(b, loc, x, like(x, y)); }
  Value min(Value x, Value y) { return mlir::arith::MinSIOp::create(b, loc, x, y); }
  Value max(Value x, Value y) { return mlir::arith::MaxSIOp::create(b, loc, x, y); }
  Value lessThan(Value x, Value y) {
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::slt, x, y);
  }

  //--- Memory ----------------------------------------------------------------//
  Value at(Value pointer, Value bytes);
  Value at(Value pointer, int64_t bytes);
  Value load(mlir::Type type, Value pointer, int64_t bytes = 0, unsigned align = 1);
  void store(Value value, Value pointer, int64_t bytes = 0);
  void prefetch(Value pointer); ///< into the second level
  void prefetchBytes(Value pointer, int64_t bytes);
  Value stackBytes(int64_t bytes); ///< in the function's frame
  Value null() { return mlir::LLVM::ZeroOp::create(b, loc, pointerType()); }
  Value isNull(Value pointer) {
    return mlir::LLVM::ICmpOp::create(b, loc, mlir::LLVM::ICmpPredicate::eq, pointer, null());
  }

  //--- Vectors ---------------------------------------------------------------//
  Value splat(int64_t count, Value scalar);
  Value splatInt(mlir::VectorType type, int64_t value);
  Value splatFloat(mlir::VectorType type, float value);
  Value bitcast(mlir::VectorType type, Value v);
  Value shuffle(Value x, Value y, llvm::ArrayRef<int64_t> indices);
  Value half(Value v, bool high); ///< the lower or upper half
  Value concat(Value x, Value y);
  Value firstElements(int64_t count, Value n); ///< mask of the first n of count < 64, or of n < 64
  Value intrinsic(llvm::StringRef name, mlir::Type result, ValueRange args);

  //--- Control ---------------------------------------------------------------//
  /// for (i = from; i < to; i += step) with values carried around; never unrolled by LLVM, which
  /// would spill what a register tile holds.
  Values forLoop(Value from, Value to, int64_t step, ValueRange carried,
                 llvm::function_ref<Values(Value, ValueRange)> body);
  void forLoop(Value from, Value to, llvm::function_ref<void(Value)> body);
  void ifElse(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no = {});

  /// The function `name` of the module around the builder, made by `body` at its first use: internal, never
  /// inlined. Pointers listed in `noalias` are what nothing else in the function writes to.
  mlir::func::FuncOp sharedFunction(llvm::StringRef name, mlir::TypeRange inputs,
                                    llvm::ArrayRef<unsigned> noalias,
                                    llvm::function_ref<void(mlir::func::FuncOp)> body);
  void call(mlir::func::FuncOp function, ValueRange args) {
    mlir::func::CallOp::create(b, loc, function, args);
  }
};

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_CODEBUILDER_H
