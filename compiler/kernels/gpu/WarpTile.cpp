//===- WarpTile.cpp - 32 x 32 sums of a warp --------------------------------===//
#include "compiler/kernels/gpu/WarpTile.h"

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::BlockOps;
using qcc::target::CodeBuilder;
using qcc::target::Values;

// Registers of a thread.
constexpr int64_t rowSlots = WarpTile::rowTiles * 4, columnSlots = WarpTile::columnTiles * 2;
constexpr int64_t sumSlots = 0, aSlots = WarpTile::rowTiles * WarpTile::columnTiles * 4,
                  bSlots = aSlots + rowSlots, wholeSlots = bSlots + columnSlots;
/// Of floats: what a and b are besides, and the weights of all steps of a tile as they lie in memory.
constexpr int64_t aRests = wholeSlots, bRests = aRests + rowSlots, packedSlots = bRests + columnSlots;
/// Of nibbles: the sums of a group.
constexpr int64_t groupSlots = wholeSlots;

WarpTile::WarpTile(BlockOps &ops, const Code &scalar, const GemmSpec &spec)
    : ops(ops), code(ops.code), scalar(scalar), spec(spec), kind(!spec.isFloat ? BlockOps::Operand::Bytes
                                                                 : spec.isBf16 ? BlockOps::Operand::Bf16
                                                                               : BlockOps::Operand::Tf32) {}

int64_t WarpTile::registers(const GemmSpec &spec) {
  if (spec.nibbles)
    return groupSlots + rowTiles * columnTiles * 4;
  bool isSplit = spec.isFloat && !spec.isBf16;
  return isSplit ? packedSlots + columnTiles * weightChunks(spec) : wholeSlots;
}

int64_t WarpTile::weightChunks(const GemmSpec &spec) {
  return lineDepth / spec.inBytes() * weightBytesOf(spec) / chunkBytes;
}

Value WarpTile::constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }

Value WarpTile::chunkOffset(CodeBuilder &code, Value line, Value chunk, int64_t chunks) {
  Value turn = code.rem(code.div(code.mul(line, chunks), 8), chunks);
  Value turned = arith::XOrIOp::create(code.b, code.loc, chunk, turn);
  return code.add(code.mul(line, chunks * chunkBytes), code.mul(turned, chunkBytes));
}

/// Sum q of tile (i, j) belongs to column 2j + q % 2 of the thread's, and to row q / 2 of two.
void WarpTile::start(ArrayRef<Value> bias) {
  for (int64_t i = 0; i < rowTiles; ++i)
    for (int64_t j = 0; j < columnTiles; ++j)
      for (int64_t q = 0; q < 4; ++q)
        ops.set(sumSlots + (i * columnTiles + j) * 4 + q, bias[2 * j + q % 2]);
}

Value WarpTile::sum(int64_t i, int64_t h, int64_t column) {
  int64_t slot = sumSlots + (i * columnTiles + column / 2) * 4 + 2 * h + column % 2;
  return spec.hasFloatSums() ? ops.getFloat(slot) : ops.get(slot);
}

static Value bitOf(CodeBuilder &code, Value thread, int64_t index) {
  return code.rem(code.div(thread, int64_t(1) << index), 2);
}

/// Matrices of a: rows 0-7 and 8-15 of 16 bytes, then of the next 16.
void WarpTile::loadRows(Value x, OfThread firstRow, int64_t chunk) {
  for (int64_t i = 0; i < rowTiles; ++i)
    ops.loadMatrices(aSlots + 4 * i, [&](Value thread) -> Value {
      Value line = code.add(code.add(firstRow(thread), constant(16 * i)), code.rem(thread, 16));
      Value place = code.add(constant(chunk), bitOf(code, thread, 4));
      return code.add(x, chunkOffset(code, line, place, lineDepth / chunkBytes));
    });
}

/// Matrices of b: 16 bytes and the next 16 of 8 columns, then of the next 8.
void WarpTile::loadColumns(Value weights, OfThread firstColumn, int64_t chunk) {
  for (int64_t j = 0; j < columnTiles; j += 2)
    ops.loadMatrices(bSlots + 2 * j, [&](Value thread) -> Value {
      Value line = code.add(firstColumn(thread), constant(8 * j));
      line = code.add(code.add(line, code.rem(thread, 8)), code.mul(bitOf(code, thread, 4), 8));
      Value place = code.add(constant(chunk), bitOf(code, thread, 3));
      return code.add(weights, chunkOffset(code, line, place, lineDepth / chunkBytes));
    });
}

void WarpTile::multiplyAll(int64_t a, int64_t b) {
  for (int64_t i = 0; i < rowTiles; ++i)
    for (int64_t j = 0; j < columnTiles; ++j)
      ops.multiply(kind, sumSlots + (i * columnTiles + j) * 4, a + 4 * i, b + 2 * j);
}

void WarpTile::multiply(Value x, OfThread firstRow, Value weights, OfThread firstColumn) {
  if (kind == BlockOps::Operand::Tf32)
    return multiplyFloats(x, firstRow, weights, firstColumn);
  for (int64_t chunk = 0; chunk < lineDepth / chunkBytes; chunk += 2) {
    loadRows(x, firstRow, chunk);
    loadColumns(weights, firstColumn, chunk);
    multiplyAll(aSlots, bSlots);
  }
}

//--- Floats ------------------------------------------------------------------//

/// A chunk of 8 columns is a matrix: word t of it goes to lane t of the column's four.
void WarpTile::loadPackedColumns(Value weights, OfThread firstColumn) {
  for (int64_t chunk = 0; chunk < weightChunks(spec); ++chunk)
    ops.loadMatrices(packedSlots + columnTiles * chunk, [&](Value thread) -> Value {
      Value line = code.add(firstColumn(thread), code.rem(thread, BlockOps::warpThreads));
      return code.add(weights, chunkOffset(code, line, constant(chunk), weightChunks(spec)));
    });
}

/// Of depth 8 * step + 4 * half + t, t being the lane's place among four.
Expr WarpTile::weightOf(int64_t step, int64_t half, int64_t tile) {
  int64_t perWord = 4 / weightBytesOf(spec), index = 2 * step + half;
  Expr word = scalar.wrap(ops.get(packedSlots + columnTiles * (index / perWord) + tile));
  if (perWord == 1)
    return bitcast(word, code.f32());
  Type bits = perWord == 2 ? code.i16() : code.i8();
  Expr piece = resizeInteger(shiftRightLogical(word, static_cast<unsigned>(index % perWord * 32 / perWord)),
                             bits, true);
  return spec.byteWeights ? toFloat(resizeInteger(piece, code.i32(), /*isUnsigned=*/false))
                          : fromStorage(piece, storageOf(code.b.getContext(), spec.halfWeights));
}

/// Into the first digits and what they leave. Infinity leaves NaN.
void WarpTile::split(Expr value, int64_t slot, int64_t restSlot) {
  auto firstDigits = [&](Expr v) { return bitcast(v, code.i32()) & scalar.i32(~0x1fff); };
  Expr first = firstDigits(value);
  ops.set(slot, first.value);
  ops.set(restSlot, firstDigits(value - bitcast(first, code.f32())).value);
}

void WarpTile::splitStep(int64_t step) {
  ops.eachThread([&](Value) {
    for (int64_t i = 0; i < rowSlots; ++i)
      split(scalar.wrap(ops.getFloat(aSlots + i)), aSlots + i, aRests + i);
    for (int64_t j = 0; j < columnSlots; ++j) {
      Expr weight = weightOf(step, j % 2, j / 2);
      if (weightBytesOf(spec) == 4)
        split(weight, bSlots + j, bRests + j);
      else
        ops.set(bSlots + j, weight.value);
    }
  });
}

void WarpTile::multiplyFloats(Value x, OfThread firstRow, Value weights, OfThread firstColumn) {
  loadPackedColumns(weights, firstColumn);
  for (int64_t step = 0; step < 2; ++step) {
    loadRows(x, firstRow, 2 * step);
    splitStep(step);
    multiplyAll(aRests, bSlots);
    if (weightBytesOf(spec) == 4)
      multiplyAll(aSlots, bRests);
    multiplyAll(aSlots, bSlots);
  }
}

//--- Weights of 4 bits -------------------------------------------------------//

Value WarpTile::groupAt(OfThread panel, Value thread, int64_t index) {
  return ops.sharedPointer(code.add(panel(thread), constant(index * spec.nibbles->groupBytes())));
}

/// Four weights less their zero point, as register `half` of b for 8 columns: lane 4g + t has the depths 16 *
/// half + 4t .. + 3 of the column whose line is 8 * tile + g.
Value WarpTile::nibbles(Value group, Value thread, int64_t tile, int64_t half) {
  const NibbleForm &form = *spec.nibbles;
  Value g = code.rem(code.div(thread, 4), 8), t = code.rem(thread, 4);
  // The inverse of lineOf.
  Value column = code.add(code.mul(code.div(g, 2), 8), code.add(code.rem(g, 2), constant(2 * tile)));
  Value step = code.add(code.div(t, 2), constant(2 * half));
  Value place = code.add(code.mul(step, form.stepBytes()), code.mul(column, 4));
  Expr word = scalar.wrap(code.load(code.i32(), code.at(group, place), 0, 4));
  Expr upper = scalar.wrap(code.rem(t, 2));
  Expr low = shiftRightLogical(word, upper << 2) & scalar.i32(0x0f0f0f0f);
  Expr shifted =
      (low ^ scalar.i32(0x08080808)) | scalar.i32(int32_t(0x80808080)); // q + 8, and room for a borrow
  Expr zero = scalar.i32(8);
  if (form.zeros) {
    Value zeros = code.at(group, 4 * form.stepBytes() + panelColumns * form.scaleBytes());
    Expr ofColumn = load(scalar, code.at(zeros, code.mul(column, 2)), code.i16());
    zero = zero + resizeInteger(ofColumn, code.i32(), /*isUnsigned=*/false);
  }
  return ((shifted - zero * scalar.i32(0x01010101)) ^ scalar.i32(int32_t(0x80808080))).value;
}

/// Of the thread's columns. In memory is a sixteenth.
Values WarpTile::scalesOf(Value group, Value thread) {
  const NibbleForm &form = *spec.nibbles;
  Value first = code.mul(code.rem(thread, 4), columnsOfThread * form.scaleBytes());
  Value place = code.at(code.at(group, 4 * form.stepBytes()), first);
  Type type = form.wideScales ? Type(code.f32()) : code.b.getBF16Type();
  Values scales;
  for (int64_t c = 0; c < columnsOfThread; ++c)
    scales.push_back((load(scalar, code.at(place, c * form.scaleBytes()), type) * 16.0f).value);
  return scales;
}

void WarpTile::multiplyGroup(Value x, OfThread firstRow, OfThread panel, int64_t index) {
  loadRows(x, firstRow, 2 * index);
  ops.eachThread([&](Value thread) {
    Value group = groupAt(panel, thread, index);
    for (int64_t j = 0; j < columnSlots; ++j)
      ops.set(bSlots + j, nibbles(group, thread, j / 2, j % 2));
    for (int64_t i = 0; i < rowTiles * columnTiles * 4; ++i)
      ops.set(groupSlots + i, constant(0));
  });
  for (int64_t i = 0; i < rowTiles; ++i)
    for (int64_t j = 0; j < columnTiles; ++j)
      ops.multiply(kind, groupSlots + (i * columnTiles + j) * 4, aSlots + 4 * i, bSlots + 2 * j);
  ops.eachThread([&](Value thread) {
    Values scales = scalesOf(groupAt(panel, thread, index), thread);
    for (int64_t i = 0; i < rowTiles * columnTiles * 4; ++i) {
      Expr scale = scalar.wrap(scales[2 * (i / 4 % columnTiles) + i % 2]);
      Expr sum = scalar.wrap(ops.getFloat(sumSlots + i));
      ops.set(sumSlots + i, (sum + toFloat(scalar.wrap(ops.get(groupSlots + i))) * scale).value);
    }
  });
}
