//===- ElementEpilogue.cpp - An epilogue on single elements -----------------===//
#include "compiler/kernels/gpu/ElementEpilogue.h"

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;

ElementEpilogue::ElementEpilogue(const Code &code, const Epilogue &epilogue, bool isFloat,
                                 const ParamLayout &layout, Value head, Value table)
    : code(code), epilogue(epilogue), isFloat(isFloat), layout(layout), head(head), table(table) {}

SmallVector<int64_t> ElementEpilogue::columnOffsets() const {
  SmallVector<int64_t> offsets;
  if (isScaled())
    offsets.push_back(layout.multiplier);
  if (epilogue.rows)
    offsets.push_back(layout.columnSums);
  for (unsigned i = 0; i < epilogue.numColumnVectors(); ++i)
    offsets.push_back(layout.steps + i * layout.vectorBytes);
  return offsets;
}

std::optional<ElementEpilogue::Row> ElementEpilogue::rowAt(const ProductArguments &arguments,
                                                           Value index) const {
  if (!epilogue.rows)
    return std::nullopt;
  auto wide = resizeInteger(code.wrap(index), code.builder.getI64Type(), /*isUnsigned=*/true).value;
  Value bytes = code.mulIndex(wide, 4);
  return Row{load(code, code.offset(arguments.rowScales, bytes), code.builder.getF32Type()),
             load(code, code.offset(arguments.rowZeros, bytes), code.builder.getI32Type())};
}

Type ElementEpilogue::storage() const {
  OpBuilder &builder = code.builder;
  Type types[] = {builder.getIntegerType(8, /*isSigned=*/false), builder.getF32Type(), builder.getI32Type(),
                  builder.getBF16Type()}; // in the order of Output
  return types[static_cast<unsigned>(epilogue.output)];
}

Expr ElementEpilogue::scalar(int64_t line) const {
  return load(code, code.offset(head, line * lineBytes), code.builder.getF32Type());
}

// A NaN in t passes.
static Expr atLeast(Expr t, Expr bound) { return select(compare(Order::Greater, bound, t), bound, t); }
static Expr atMost(Expr t, Expr bound) { return select(compare(Order::Less, bound, t), bound, t); }
static Expr sloped(Expr t, Expr slope) {
  return select(compare(Order::Less, t, t.code->f32(0)), t * slope, t);
}
static Expr hardSigmoid(Expr t, Expr factor, Expr summand) {
  return atLeast(atMost(t * factor + summand, t.code->f32(1)), t.code->f32(0));
}

Expr ElementEpilogue::applyStep(Step step, Expr t, int64_t line, Expr column, Expr residual) const {
  switch (step) {
  case Step::Mul:
    return t * scalar(line);
  case Step::Add:
    return t + scalar(line);
  case Step::Max:
    return atLeast(t, scalar(line));
  case Step::Min:
    return atMost(t, scalar(line));
  case Step::RoundClamp:
    return rint(atMost(atLeast(t, scalar(line)), scalar(line + 1)));
  case Step::Residual:
    if (epilogue.output != Output::U8)
      return t + residual;
    // The parameter is the zero point and residualOffset: every sum on the way is exact.
    return t + (toFloat(resizeInteger(residual, code.builder.getI32Type(), /*isUnsigned=*/true)) +
                code.f32(residualOffset) - scalar(line)) *
                   scalar(line + 1);
  case Step::HardSigmoid:
    return hardSigmoid(t, scalar(line), scalar(line + 1));
  case Step::HardSwish:
    return t * hardSigmoid(t, scalar(line), scalar(line + 1));
  case Step::LeakyRelu:
    return sloped(t, scalar(line));
  case Step::MulColumn:
    return t * column;
  case Step::AddColumn:
    return t + column;
  case Step::PRelu:
    return sloped(t, column);
  case Step::MulImage:
    break; // apply does it
  }
  llvm_unreachable("a step without code");
}

Expr ElementEpilogue::toByte(Expr t) const {
  Type i8 = code.builder.getI8Type(), i16 = code.builder.getI16Type(), i32 = code.builder.getI32Type();
  if (!epilogue.bounded)
    t = atMost(atLeast(t, scalar(ParamLayout::boundLow)), scalar(ParamLayout::boundHigh));
  auto line = [&](int64_t index, Type type, bool isUnsignedType) {
    Expr value = load(code, code.offset(head, index * lineBytes), type);
    return resizeInteger(value, i32, isUnsignedType);
  };
  Expr value = rintToI32(t) + line(ParamLayout::zeroPoint, i16, false);
  Expr low = epilogue.clampLow ? line(ParamLayout::low, i8, true) : code.i32(0);
  Expr high = epilogue.clampHigh ? line(ParamLayout::high, i8, true) : code.i32(255);
  value = minimum(maximum(value, low), high);
  if (!table)
    return resizeInteger(value, i8, true);
  Value index = resizeInteger(value, code.builder.getI64Type(), true).value;
  return load(code, code.offset(table, index), i8);
}

Expr ElementEpilogue::apply(Expr sum, ArrayRef<Expr> columns, const std::optional<Row> &row, Expr residual,
                            Expr imageScale) const {
  if (epilogue.output == Output::I32)
    return sum;
  Expr t = sum;
  if (isScaled()) {
    if (row)
      sum = sum - row->zero * bitcast(columns[1], code.builder.getI32Type());
    t = toFloat(sum) * columns.front();
    if (row)
      t = t * row->scale;
    columns = columns.drop_front(row ? 2 : 1);
  } else if (row) { // q13
    t = (sum - toFloat(row->zero) * columns.front()) * row->scale;
    columns = columns.drop_front();
  }
  int64_t line = ParamLayout::scalars;
  for (Step step : epilogue.steps) {
    Expr column = takesColumn(step) ? columns.front() : Expr();
    columns = columns.drop_front(takesColumn(step));
    t = step == Step::MulImage ? t * imageScale : applyStep(step, t, line, column, residual);
    line += scalarsOf(step);
  }
  return epilogue.output == Output::U8 ? toByte(t) : t;
}
