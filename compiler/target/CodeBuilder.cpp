//===- CodeBuilder.cpp - Short words for the operations of kernels ----------===//
#include "compiler/target/CodeBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMAttrs.h"
#include <numeric>

using namespace mlir;
using namespace qcc::target;

Value CodeBuilder::at(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(b, loc, pointerType(), i8(), pointer, ArrayRef<LLVM::GEPArg>{bytes},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value CodeBuilder::at(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  if (!llvm::isInt<32>(bytes))
    return at(pointer, i64(bytes));
  return LLVM::GEPOp::create(b, loc, pointerType(), i8(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value CodeBuilder::load(Type type, Value pointer, int64_t bytes, unsigned align) {
  return LLVM::LoadOp::create(b, loc, type, at(pointer, bytes), align);
}

void CodeBuilder::store(Value value, Value pointer, int64_t bytes) {
  LLVM::StoreOp::create(b, loc, value, at(pointer, bytes), /*alignment=*/1);
}

void CodeBuilder::prefetch(Value pointer) {
  LLVM::Prefetch::create(b, loc, pointer, /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

void CodeBuilder::prefetchBytes(Value pointer, int64_t bytes) {
  constexpr int64_t line = 64;
  forLoop(i64(0), i64(llvm::divideCeil(bytes, line)),
          [&](Value index) { prefetch(at(pointer, mul(index, line))); });
}

Value CodeBuilder::stackBytes(int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  auto function = b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(function))
    function = function->getParentOfType<func::FuncOp>();
  b.setInsertionPointToStart(&cast<func::FuncOp>(function).getBody().front());
  return LLVM::AllocaOp::create(b, loc, pointerType(), i8(), i64(bytes), /*alignment=*/64);
}

Value CodeBuilder::splat(int64_t count, Value scalar) {
  return vector::BroadcastOp::create(b, loc, vec(count, scalar.getType()), scalar);
}

Value CodeBuilder::splatInt(VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, b.getIntegerAttr(type.getElementType(), value)));
}

Value CodeBuilder::splatFloat(VectorType type, float value) {
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, b.getF32FloatAttr(value)));
}

Value CodeBuilder::bitcast(VectorType type, Value v) {
  return v.getType() == type ? v : Value(vector::BitCastOp::create(b, loc, type, v));
}

Value CodeBuilder::shuffle(Value x, Value y, ArrayRef<int64_t> indices) {
  return vector::ShuffleOp::create(b, loc, x, y, indices);
}

Value CodeBuilder::half(Value v, bool high) {
  int64_t count = cast<VectorType>(v.getType()).getNumElements() / 2;
  SmallVector<int64_t> indices(count);
  for (int64_t i = 0; i < count; ++i)
    indices[i] = high * count + i;
  return shuffle(v, v, indices);
}

Value CodeBuilder::concat(Value x, Value y) {
  SmallVector<int64_t> indices(2 * cast<VectorType>(x.getType()).getNumElements());
  std::iota(indices.begin(), indices.end(), 0);
  return shuffle(x, y, indices);
}

Value CodeBuilder::firstElements(int64_t count, Value n) {
  Value clamped = arith::MaxSIOp::create(b, loc, min(n, i64(count)), i64(0));
  Value bits = sub(arith::ShLIOp::create(b, loc, i64(1), clamped), i64(1));
  if (count < 64)
    bits = arith::TruncIOp::create(b, loc, b.getIntegerType(count), bits);
  return LLVM::BitcastOp::create(b, loc, vec(count, b.getI1Type()), bits);
}

Value CodeBuilder::intrinsic(StringRef name, Type result, ValueRange args) {
  return LLVM::CallIntrinsicOp::create(b, loc, result, b.getStringAttr(name), args)->getResult(0);
}

Values CodeBuilder::forLoop(Value from, Value to, int64_t step, ValueRange carried,
                            llvm::function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, loc, from, to, i64(step), carried);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody()); // before the yield that is there if nothing is carried
    Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!carried.empty())
      scf::YieldOp::create(b, loc, next);
  }
  auto context = b.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  loop->setAttr("loop_annotation", LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {},
                                                                 {}, {}, {}, {}, {}, {}, {}));
  return Values(loop.getResults());
}

void CodeBuilder::forLoop(Value from, Value to, llvm::function_ref<void(Value)> body) {
  forLoop(from, to, 1, {}, [&](Value i, ValueRange) {
    body(i);
    return Values();
  });
}

void CodeBuilder::ifElse(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no) {
  auto ifOp = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(no));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  yes();
  if (!no)
    return;
  b.setInsertionPointToStart(ifOp.elseBlock());
  no();
}

func::FuncOp CodeBuilder::sharedFunction(StringRef name, TypeRange inputs, ArrayRef<unsigned> noalias,
                                         llvm::function_ref<void(func::FuncOp)> body) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(inputs, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  function->setAttr("passthrough", b.getArrayAttr({b.getStringAttr("noinline")}));
  b.setInsertionPointToStart(function.addEntryBlock());
  for (unsigned index : noalias)
    function.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  body(function);
  func::ReturnOp::create(b, loc);
  return function;
}
