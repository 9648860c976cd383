//===- EpilogueCode.cpp - Writes an epilogue's code -------------------------===//
#include "compiler/kernels/gemm/EpilogueCode.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::Variant;

constexpr int64_t singleLanes[] = {0, 2, 1, 3};

Value qcc::kernels::loadSingleVector(CodeBuilder &code, VectorType type, Value pointer) {
  VectorType half = code.vec(type.getNumElements() / 2, type.getElementType());
  return code.concat(code.load(half, pointer, 0, 32), code.load(half, pointer, 64, 32));
}

Value EpilogueCode::columnVector(int64_t offset, unsigned vector, VectorType type) {
  if (form.vectors == 1 && !form.isFloat)
    return loadSingleVector(code, type, code.at(at.panel, offset));
  return code.load(type, at.panel, offset + vector * form.vectorStride, 16);
}

Values EpilogueCode::bias() {
  Values values;
  for (unsigned j = 0; j < form.vectors; ++j) {
    values.push_back(columnVector(0, j, form.isFloat ? ops.f32s() : ops.i32s()));
    if (!form.isFloat && ops.shiftsActivations())
      values[j] = code.add(values[j], columnVector(form.layout.shift, j, ops.i32s()));
  }
  return values;
}

Value EpilogueCode::rowPointer(Value base, Value step, unsigned row) {
  return row == 0 ? base : code.at(base, row == 1 ? step : code.mul(step, row));
}

//--- Steps -------------------------------------------------------------------//

/// The residual's elements as f32, ordered like the sums; those of a u8 residual plus 2^23.
Values EpilogueCode::residualOf(Value pointer) {
  Values residual;
  if (form.epilogue.output != Output::U8) {
    bool isBf16 = form.epilogue.output == Output::BF16;
    VectorType stored = isBf16 ? code.vec(ops.count(), code.i16()) : ops.f32s();
    for (unsigned j = 0; j < form.vectors; ++j) {
      Value loaded = code.load(stored, pointer, int64_t(j) * ops.bytes / (isBf16 ? 2 : 1));
      residual.push_back(isBf16 ? ops.fromBf16(loaded) : loaded);
    }
    return interleavedOrder(residual);
  }
  return residualBytes(pointer);
}

Values EpilogueCode::residualBytes(Value pointer) {
  if (form.vectors == 1) {
    Value bytes = code.load(code.vec(4, code.i32()), pointer);
    bytes = code.bitcast(code.vec(16, code.i8()), code.shuffle(bytes, bytes, singleLanes));
    Value dwords = arith::ExtUIOp::create(code.b, code.loc, ops.i32s(), bytes);
    Value exponent = code.splatInt(ops.i32s(), 0x4b000000);
    return {code.bitcast(ops.f32s(), arith::OrIOp::create(code.b, code.loc, dwords, exponent))};
  }
  if (form.vectors == 4)
    return ops.bytesToFloats(code.load(ops.i8s(), pointer));
  // Bytes to words, words to dwords; interleaving keeps lanes apart, as packs do. The upper word makes a
  // float of 2^23 + byte without a conversion.
  Value bytes = code.load(code.vec(ops.bytes / 2, code.i8()), pointer);
  Value words = arith::ExtUIOp::create(code.b, code.loc, ops.i16s(), bytes);
  Value exponent = code.splatInt(ops.i16s(), 0x4b00);
  Values residual;
  for (bool high : {false, true})
    residual.push_back(code.bitcast(ops.f32s(), ops.interleave(words, exponent, high)));
  return residual;
}

Value EpilogueCode::hardSigmoid(Value t, int64_t line) {
  Value u = arith::MulFOp::create(code.b, code.loc, t, scalar(line));
  u = arith::AddFOp::create(code.b, code.loc, u, scalar(line + 1));
  u = ops.min(u, code.splatFloat(ops.f32s(), 1.0f));
  return ops.max(u, code.splatFloat(ops.f32s(), 0.0f));
}

// None of these carry fast-math flags: a multiplication and an addition must not become one FMA (q7, q8a).

Value EpilogueCode::product(Value x, Value y) { return arith::MulFOp::create(code.b, code.loc, x, y); }
Value EpilogueCode::sum(Value x, Value y) { return arith::AddFOp::create(code.b, code.loc, x, y); }

Value EpilogueCode::sloped(Value t, Value slope) {
  Value zero = code.splatFloat(ops.f32s(), 0);
  Value isNegative = arith::CmpFOp::create(code.b, code.loc, arith::CmpFPredicate::OLT, t, zero);
  return arith::SelectOp::create(code.b, code.loc, isNegative, product(t, slope), t);
}

Value EpilogueCode::scaledResidual(Value residual, int64_t line) {
  if (form.epilogue.output != Output::U8)
    return residual;
  Value centred = arith::SubFOp::create(code.b, code.loc, residual, scalar(line));
  return product(centred, scalar(line + 1));
}

/// `line` is the step's first scalar.
Value EpilogueCode::applyStep(Step step, Value t, int64_t line, Value column, Value residual) {
  switch (step) {
  case Step::Mul:
    return product(t, scalar(line));
  case Step::Add:
    return sum(t, scalar(line));
  case Step::Max:
    return ops.max(t, scalar(line));
  case Step::Min:
    return ops.min(t, scalar(line));
  case Step::RoundClamp:
    return ops.roundToFloat(ops.min(ops.max(t, scalar(line)), scalar(line + 1)));
  case Step::Residual:
    return sum(t, scaledResidual(residual, line));
  case Step::HardSigmoid:
    return hardSigmoid(t, line);
  case Step::HardSwish:
    return product(t, hardSigmoid(t, line));
  case Step::LeakyRelu:
    return sloped(t, scalar(line));
  case Step::MulColumn:
    return product(t, column);
  case Step::AddColumn:
    return sum(t, column);
  case Step::PRelu:
    return sloped(t, column);
  case Step::MulImage:
    if (form.epilogue.imageZeros) // in the factor of the sum
      return t;
    return product(t, code.splat(ops.count(), code.load(code.f32(), at.imageScale, 0, 4)));
  }
  llvm_unreachable("a step without code");
}

Value EpilogueCode::applySteps(Value t, unsigned vector, Value residual) {
  int64_t line = ParamLayout::scalars, offset = form.layout.steps;
  for (Step step : form.epilogue.steps) {
    Value column;
    if (takesColumn(step)) {
      column = columnVector(offset, vector, ops.f32s());
      offset += form.layout.vectorBytes;
    }
    t = applyStep(step, t, line, column, residual);
    line += scalarsOf(step);
  }
  return t;
}

/// Integer sums of a row as real numbers.
Value EpilogueCode::rescaled(Value sum, unsigned vector, unsigned row) {
  bool rows = form.epilogue.rows;
  if (rows) {
    Value zero = code.splat(ops.count(), code.load(code.i32(), at.rowZeros, row * 4, 4));
    sum = code.sub(sum, code.mul(zero, columnVector(form.layout.columnSums, vector, ops.i32s())));
  }
  if (form.epilogue.imageZeros) {
    Value zero =
        arith::FPToSIOp::create(code.b, code.loc, code.i32(), code.load(code.f32(), at.imageScale, 4, 4));
    zero = code.splat(ops.count(), zero);
    sum = code.sub(sum, code.mul(zero, columnVector(form.layout.columnSums, vector, ops.i32s())));
  }
  Value t = arith::SIToFPOp::create(code.b, code.loc, ops.f32s(), sum);
  Value factor = columnVector(form.layout.multiplier, vector, ops.f32s());
  if (form.epilogue.imageZeros)
    factor = product(factor, code.splat(ops.count(), code.load(code.f32(), at.imageScale, 0, 4)));
  t = product(t, factor);
  return rows ? product(t, code.splat(ops.count(), code.load(code.f32(), at.rowScales, row * 4, 4))) : t;
}

/// Float sums of a row as real numbers (q13).
Value EpilogueCode::measured(Value sum, unsigned vector, unsigned row) {
  if (!form.epilogue.rows)
    return sum;
  Value zero = code.splat(ops.count(), code.load(code.i32(), at.rowZeros, row * 4, 4));
  zero = arith::SIToFPOp::create(code.b, code.loc, ops.f32s(), zero);
  Value shift = product(zero, columnVector(form.layout.columnSums, vector, ops.f32s()));
  Value scale = code.splat(ops.count(), code.load(code.f32(), at.rowScales, row * 4, 4));
  return product(arith::SubFOp::create(code.b, code.loc, sum, shift), scale);
}

/// The values `t` of one row after all steps.
Values EpilogueCode::values(const Values &sums, unsigned row) {
  Values residual(form.vectors);
  if (form.epilogue.hasResidual())
    residual = residualOf(rowPointer(at.residual, at.residualStep, row));
  Values result;
  for (unsigned j = 0; j < form.vectors; ++j)
    result.push_back(
        applySteps(form.isFloat ? measured(sums[j], j, row) : rescaled(sums[j], j, row), j, residual[j]));
  return result;
}

//--- Order and conversion ----------------------------------------------------//

/// Vectors of 128-bit lanes taken from others: lane `lane` of result `i` is lane source(i, lane).second of
/// vector source(i, lane).first.
static Values permuteLanes(CodeBuilder &code, int64_t lanes, const Values &vectors,
                           llvm::function_ref<std::pair<int64_t, int64_t>(int64_t, int64_t)> source) {
  Values result;
  for (size_t i = 0; i < vectors.size(); ++i) {
    Values parts;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      auto [vector, from] = source(i, lane);
      Value v = vectors[vector];
      parts.push_back(code.shuffle(v, v, {4 * from, 4 * from + 1, 4 * from + 2, 4 * from + 3}));
    }
    for (; parts.size() > 1;) {
      Values joined;
      for (size_t k = 0; k < parts.size(); k += 2)
        joined.push_back(code.concat(parts[k], parts[k + 1]));
      parts = joined;
    }
    result.push_back(parts[0]);
  }
  return result;
}

/// Interleaved vectors to columns in order: lane L of vector j is the (L * vectors + j)-th group of four.
Values EpilogueCode::naturalOrder(const Values &vectors) {
  int64_t lanes = ops.bytes / 16, count = vectors.size();
  if (form.isFloat || lanes == 1)
    return vectors;
  if (count == 1) // its own inverse
    return permuteLanes(code, lanes, vectors,
                        [](int64_t, int64_t lane) { return std::make_pair(0, singleLanes[lane]); });
  return permuteLanes(code, lanes, vectors, [&](int64_t i, int64_t lane) {
    int64_t group = i * lanes + lane;
    return std::make_pair(group % count, group / count);
  });
}

Values EpilogueCode::interleavedOrder(const Values &vectors) {
  int64_t lanes = ops.bytes / 16, count = vectors.size();
  if (form.isFloat || lanes == 1 || count == 1)
    return naturalOrder(vectors);
  return permuteLanes(code, lanes, vectors, [&](int64_t i, int64_t lane) {
    int64_t group = lane * count + i;
    return std::make_pair(group / lanes, group % lanes);
  });
}

/// Rounded, with the zero point added, as i16: two vectors' columns in order within each lane.
static Value packPair(VectorOps &ops, Value first, Value second, Value zeroPoint) {
  Value words = ops.packI16(ops.roundToInt(first), ops.roundToInt(second));
  return ops.addSaturated(words, zeroPoint);
}

Value EpilogueCode::finishBytes(Value bytes, const Values &table) {
  auto line = [&](int64_t index) { return code.load(ops.i8s(), at.head, index * lineBytes, 64); };
  if (form.epilogue.clampLow)
    bytes = ops.maxU8(bytes, line(ParamLayout::low));
  if (form.epilogue.clampHigh)
    bytes = ops.minU8(bytes, line(ParamLayout::high));
  return table.empty() ? bytes : ops.lookUp(table, bytes);
}

void EpilogueCode::storeBytes(ArrayRef<Values> rows) {
  Values table;
  if (form.epilogue.table && ops.hasTables())
    table = ops.loadTable(at.table);
  Value zeroPoint = code.load(ops.i16s(), at.head, ParamLayout::zeroPoint * lineBytes, 64);
  auto valuesOf = [&](unsigned row) {
    Values t = values(rows[row], row);
    if (!form.epilogue.bounded)
      for (Value &value : t)
        value = ops.min(ops.max(value, scalar(ParamLayout::boundLow)), scalar(ParamLayout::boundHigh));
    return t;
  };
  if (form.vectors == 1)
    return storeInFours(rows.size(), valuesOf, zeroPoint, table);
  auto wordsOf = [&](unsigned row) {
    Values t = valuesOf(row), words;
    for (unsigned j = 0; j < form.vectors; j += 2)
      words.push_back(packPair(ops, t[j], t[j + 1], zeroPoint));
    return words;
  };
  if (form.vectors == 2)
    return storeInPairs(rows.size(), wordsOf, table);
  for (unsigned row = 0; row < rows.size(); ++row) {
    Values words = wordsOf(row);
    storeRow(finishBytes(ops.packU8(words[0], words[1]), table), rowPointer(at.out, at.outStep, row));
  }
}

/// Two rows of two vectors share a pack; halves of lanes are then sorted by row.
void EpilogueCode::storeInPairs(unsigned count, RowValues wordsOf, const Values &table) {
  SmallVector<int64_t> byRow;
  for (int64_t half : {0, 1})
    for (int64_t lane = 0; lane < ops.bytes / 16; ++lane)
      byRow.push_back(2 * lane + half);
  auto quads = code.vec(ops.bytes / 8, code.b.getI64Type());
  for (unsigned row = 0; row < count; row += 2) {
    bool pair = row + 1 < count;
    Value first = wordsOf(row)[0], second = pair ? wordsOf(row + 1)[0] : first;
    Value bytes = code.bitcast(quads, finishBytes(ops.packU8(first, second), table));
    Value sorted = ops.opaque(code.bitcast(ops.i8s(), code.shuffle(bytes, bytes, byRow)));
    storeRow(code.half(sorted, false), rowPointer(at.out, at.outStep, row));
    if (pair)
      storeRow(code.half(sorted, true), rowPointer(at.out, at.outStep, row + 1));
  }
}

/// Four rows of one vector share the packs; each lane then has four columns of each row.
void EpilogueCode::storeInFours(unsigned count, RowValues valuesOf, Value zeroPoint, const Values &table) {
  SmallVector<int64_t> byRow;
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t lane : singleLanes)
      byRow.push_back(4 * lane + row);
  for (unsigned row = 0; row < count; row += 4) {
    unsigned here = std::min(4u, count - row);
    Values t;
    for (unsigned i = 0; i < 4; ++i)
      t.push_back(i < here ? valuesOf(row + i)[0] : t.back());
    Value bytes =
        ops.packU8(packPair(ops, t[0], t[1], zeroPoint),
                   here > 2 ? packPair(ops, t[2], t[3], zeroPoint) : packPair(ops, t[0], t[1], zeroPoint));
    Value dwords = code.bitcast(ops.i32s(), finishBytes(bytes, table));
    // As bytes: LLVM 22 writes all four where one byte of an element is to be stored.
    Value sorted = ops.opaque(code.bitcast(ops.i8s(), code.shuffle(dwords, dwords, byRow)));
    for (unsigned i = 0; i < here; ++i)
      storeRow(code.half(code.half(sorted, i / 2), i % 2), rowPointer(at.out, at.outStep, row + i));
  }
}

void EpilogueCode::store(ArrayRef<Values> rows) {
  if (form.epilogue.output == Output::U8)
    return storeBytes(rows);
  for (unsigned row = 0; row < rows.size(); ++row) {
    Values result = rows[row];
    if (form.epilogue.output != Output::I32)
      result = values(rows[row], row);
    result = naturalOrder(result);
    if (form.epilogue.output == Output::BF16)
      for (Value &value : result)
        value = ops.toBf16(value);
    storeRow(result, rowPointer(at.out, at.outStep, row));
  }
}

//--- Stores ------------------------------------------------------------------//

void EpilogueCode::storeRow(ArrayRef<Value> pieces, Value row) {
  int64_t elementSize = elementBytes(form.epilogue.output);
  bool needsScratch = at.columns && !ops.hasMasks();
  if (needsScratch && !scratch)
    scratch = code.stackBytes(form.columns(ops) * elementSize);
  int64_t element = 0;
  for (Value piece : pieces) {
    if (!at.columns)
      code.store(piece, row, element * elementSize);
    else if (needsScratch)
      code.store(piece, scratch, element * elementSize);
    else
      storeMasked(piece, row, element);
    element += cast<VectorType>(piece.getType()).getNumElements();
  }
  if (needsScratch)
    copyBytes(row, code.mul(at.columns, elementSize));
  if (form.epilogue.table && !ops.hasTables())
    tableByBytes(row);
}

/// Only what lies before column `at.columns`.
void EpilogueCode::storeMasked(Value piece, Value row, int64_t element) {
  int64_t count = cast<VectorType>(piece.getType()).getNumElements();
  Value mask = code.firstElements(count, element == 0 ? at.columns : code.sub(at.columns, code.i64(element)));
  LLVM::MaskedStoreOp::create(code.b, code.loc, piece,
                              code.at(row, element * elementBytes(form.epilogue.output)), mask, 1);
}

void EpilogueCode::copyBytes(Value row, Value bytes) {
  code.forLoop(code.i64(0), bytes,
               [&](Value i) { code.store(code.load(code.i8(), code.at(scratch, i)), code.at(row, i)); });
}

void EpilogueCode::tableByBytes(Value row) {
  Value columns = at.columns ? at.columns : code.i64(form.columns(ops));
  code.forLoop(code.i64(0), columns, [&](Value i) {
    Value place = code.at(row, i);
    Value index = arith::ExtUIOp::create(code.b, code.loc, code.b.getI64Type(), code.load(code.i8(), place));
    code.store(code.load(code.i8(), code.at(at.table, index)), place);
  });
}
