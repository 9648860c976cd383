//===- GemmTile.cpp - The register tile of a gemm kernel --------------------===//
#include "compiler/kernels/gemm/GemmTile.h"

#include "compiler/kernels/gemm/NibbleTile.h"
#include "compiler/target/ByteTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::ByteTile;
using qcc::target::Half;
using qcc::target::Packing;
using qcc::target::Variant;

GemmTile::GemmTile(const GemmSpec &spec, const Variant &variant)
    : isFloat(spec.isFloat), isBf16(spec.isBf16), byteWeights(spec.byteWeights),
      halfWeights(spec.halfWeights), nibbles(spec.nibbles),
      rest(nibbles && isFloat ? spec.c % groupDepth : 0), epilogue(spec.epilogue),
      vectorBytes(variant.vectorBytes), packing(spec.packing) {
  Segments segments = segmentsOf(spec);
  tail = segments.tail;
  hasOuter = segments.outer > 1;
  hasInner = segments.inner > 1;
}

int64_t GemmTile::maxRows(const Variant &variant) const {
  int64_t rows = isBf16 ? variant.tileRowsBf16 : isFloat ? variant.tileRowsFloat : variant.tileRows;
  if (nibbles) // two halves of each vector of weights, and what takes them apart
    rows = std::max<int64_t>(rows - 2, 1);
  return vectors > 2 ? rows / 2 : rows;
}

std::string GemmTile::name() const {
  std::string name = isBf16        ? "qcc_gemm_bf16_"
                     : byteWeights ? "qcc_gemm_f32_s8_"
                     : isFloat     ? "qcc_gemm_f32_"
                                   : "qcc_gemm_u8_";
  if (halfWeights != Half::None)
    name += halfName(halfWeights).str() + "_";
  name += std::to_string(rows) + "x" + std::to_string(columns());
  name += hasOuter ? hasInner ? "_outer_inner" : "_outer" : hasInner ? "_inner" : "";
  name += wideWeights ? "_wide" : "";
  name += tail ? "_tail" + std::to_string(tail) : "";
  if (nibbles)
    name += std::string("_s4") + (nibbles->wideScales ? "_wide" : "") + (nibbles->zeros ? "_zeros" : "");
  name += rest ? "_rest" + std::to_string(rest) : "";
  name += partial ? "_partial_" : "_";
  return name + epilogue.key();
}

void GemmTileArgs::visit(const GemmTile &tile, llvm::function_ref<void(Value &, bool isPointer)> visitor) {
  auto pointers = [&](bool there, std::initializer_list<Value *> values) {
    for (Value *value : values)
      if (there)
        visitor(*value, true);
  };
  auto integers = [&](bool there, std::initializer_list<Value *> values) {
    for (Value *value : values)
      if (there)
        visitor(*value, false);
  };
  bool residual = tile.epilogue.hasResidual();
  pointers(true, {&x, &weights, &head, &panel, &out});
  pointers(tile.epilogue.rows, {&rowScales, &rowZeros});
  pointers(tile.epilogue.scalesImages(), {&imageScale});
  pointers(residual, {&this->residual});
  pointers(tile.epilogue.table, {&table});
  pointers(tile.prefetches(), {&prefetch});
  integers(true, {&steps, &xPixel, &outPixel});
  integers(residual, {&residualPixel});
  integers(tile.hasOuter, {&outer, &outerStride});
  integers(tile.hasInner, {&inner, &innerStride});
  integers(tile.prefetches(), {&prefetchStep});
  integers(tile.partial, {&columns});
  integers(tile.nibbles.has_value(), {&firstColumn});
}

SmallVector<Type> GemmTileArgs::types(CodeBuilder &code, const GemmTile &tile) {
  SmallVector<Type> types;
  GemmTileArgs().visit(tile, [&](Value &, bool isPointer) {
    types.push_back(isPointer ? code.pointerType() : code.b.getI64Type());
  });
  return types;
}

Values GemmTileArgs::list(const GemmTile &tile) const {
  Values values;
  GemmTileArgs(*this).visit(tile, [&](Value &value, bool) { values.push_back(value); });
  return values;
}

void GemmTileArgs::set(const GemmTile &tile, ValueRange values) {
  size_t index = 0;
  visit(tile, [&](Value &value, bool) { value = values[index++]; });
}

namespace {

class TileWriter {
public:
  TileWriter(CodeBuilder &code, const GemmTile &tile, const Variant &variant, const GemmTileArgs &args)
      : code(code), ops(VectorOps::create(code, variant, tile.vectorBytes)), tile(tile), args(args) {
    if (!tile.hasFloatSums() || tile.isBf16)
      bytes = ByteTile::create(*ops, variant, tile.isBf16, tile.rows, tile.vectors, tile.wideWeights);
  }
  void write();

private:
  CodeBuilder &code;
  std::unique_ptr<VectorOps> ops;
  const GemmTile &tile;
  GemmTileArgs args;
  std::unique_ptr<ByteTile> bytes; ///< where the target sums in its own way
  Values rowOffsets;

  /// Carried through the loops: the sums, then pointers into the weights and what is prefetched.
  Values nibbleSums();
  Values plainSums(const Values &bias);
  Values loopSegments(Value x, const Values &carried);
  Values loopSteps(Value x, const Values &carried);
  Values loopChunks(const Values &rowPointers, ValueRange carried);
  Values loopByteSteps(const Values &rowPointers, Value from, Value to, int64_t steps, ValueRange carried);
  Values byteStep(const Values &rowPointers, Value from, int64_t depth, ValueRange carried);
  Values loopChains(const Values &rowPointers, ValueRange carried);
  Values step(ArrayRef<Value> rowPointers, Value depth, ValueRange carried, bool half, int64_t chain = 0);
  int64_t sumsOfChain() const { return tile.rows * tile.vectors; }
  VectorOps::Operand loadWeights(Value weights, int64_t vector);
  VectorOps::Operand pixelOperand(Value pointer, bool half);
  Value dot(Value sum, const VectorOps::Operand &pixel, const VectorOps::Operand &column);
  void prefetch(Values &carried);
  int64_t vectorStride() const {
    return tile.hasFloatSums() || tile.packing == Packing::Pairs ? tile.vectorBytes : 64;
  }
};

void TileWriter::write() {
  EpilogueCode::Form form{tile.epilogue, tile.hasFloatSums(), unsigned(tile.vectors), vectorStride(),
                          ParamLayout(tile.epilogue, tile.hasFloatSums(), tile.packing, panelColumns)};
  EpilogueCode::Pointers at{args.head,      args.panel,         args.out,       args.residual,
                            args.outPixel,  args.residualPixel, args.table,     args.columns,
                            args.rowScales, args.rowZeros,      args.imageScale};
  EpilogueCode epilogue(*ops, form, at);
  for (int64_t row = 0; row < tile.rows; ++row)
    rowOffsets.push_back(code.mul(args.xPixel, row));
  Values carried = tile.nibbles ? nibbleSums() : plainSums(epilogue.bias());
  SmallVector<Values> rows;
  for (int64_t row = 0; row < tile.rows; ++row)
    rows.emplace_back(ArrayRef(carried).slice(row * tile.vectors, tile.vectors));
  epilogue.store(rows);
}

Values TileWriter::nibbleSums() {
  NibbleTile::Source source{{}, args.weights, args.firstColumn, args.steps, tile.rest, {}, {}};
  for (Value offset : rowOffsets)
    source.rows.push_back(code.at(args.x, offset));
  if (tile.prefetches()) {
    source.prefetch = args.prefetch;
    source.prefetchStep = args.prefetchStep;
  }
  return NibbleTile(*ops, *tile.nibbles, tile.vectors).sums(source);
}

Values TileWriter::plainSums(const Values &bias) {
  Values carried;
  for (int64_t row = 0; row < tile.rows; ++row)
    carried.append(bias.begin(), bias.end());
  if (bytes)
    carried = bytes->start(bias);
  carried.resize(carried.size() + (tile.chains() - 1) * sumsOfChain(), code.splatFloat(ops->f32s(), 0));
  size_t numSums = carried.size();
  carried.push_back(args.weights);
  if (tile.prefetches())
    carried.push_back(args.prefetch);
  carried = loopSegments(args.x, carried);
  carried.truncate(numSums);
  if (bytes)
    return bytes->finish(carried);
  for (int64_t i = sumsOfChain(); i < int64_t(numSums); ++i)
    carried[i % sumsOfChain()] =
        arith::AddFOp::create(code.b, code.loc, carried[i % sumsOfChain()], carried[i]);
  return carried;
}

Values TileWriter::loopSegments(Value x, const Values &carried) {
  auto inner = [&](Value x, ValueRange carried) {
    if (!tile.hasInner)
      return loopSteps(x, Values(carried));
    return code.forLoop(code.i64(0), args.inner, 1, carried, [&](Value i, ValueRange carried) {
      return loopSteps(code.at(x, code.mul(i, args.innerStride)), Values(carried));
    });
  };
  if (!tile.hasOuter)
    return inner(x, carried);
  return code.forLoop(code.i64(0), args.outer, 1, carried, [&](Value i, ValueRange carried) {
    return inner(code.at(x, code.mul(i, args.outerStride)), carried);
  });
}

Values TileWriter::loopSteps(Value x, const Values &carried) {
  Values rowPointers;
  for (Value offset : rowOffsets)
    rowPointers.push_back(code.at(x, offset));
  if (bytes && bytes->chunkSteps()) {
    Values next = loopChunks(rowPointers, carried);
    return tile.tail ? step(rowPointers, code.mul(args.steps, 4), next, /*half=*/true) : next;
  }
  if (bytes) {
    int64_t depth = ByteTile::depthOf(tile.packing), atOnce = bytes->stepsAtOnce();
    Value whole = code.mul(code.div(args.steps, atOnce), atOnce * depth), end = code.mul(args.steps, depth);
    Values next = loopByteSteps(rowPointers, code.i64(0), whole, atOnce, carried);
    if (atOnce > 1)
      next = loopByteSteps(rowPointers, whole, end, 1, next);
    return tile.tail ? byteStep(rowPointers, end, tile.tail * 2, next) : next;
  }
  if (tile.chains() > 1)
    return loopChains(rowPointers, carried);
  Value end = code.mul(args.steps, 4);
  Values sums = code.forLoop(code.i64(0), end, 4, carried, [&](Value depth, ValueRange carried) {
    return step(rowPointers, depth, carried, /*half=*/false);
  });
  return tile.tail ? step(rowPointers, end, sums, /*half=*/true) : sums;
}

/// Each chain takes a step in turn.
Values TileWriter::loopChains(const Values &rowPointers, ValueRange carried) {
  int64_t chains = tile.chains();
  Value end = code.mul(args.steps, 4), whole = code.mul(code.div(args.steps, chains), chains * 4);
  Values sums = code.forLoop(code.i64(0), whole, 4 * chains, carried, [&](Value depth, ValueRange carried) {
    Values next(carried);
    for (int64_t chain = 0; chain < chains; ++chain)
      next = step(rowPointers, code.add(depth, code.i64(4 * chain)), next, /*half=*/false, chain);
    return next;
  });
  return code.forLoop(whole, end, 4, sums, [&](Value depth, ValueRange carried) {
    return step(rowPointers, depth, carried, /*half=*/false);
  });
}

/// Activations are prepared for some steps at once.
Values TileWriter::loopChunks(const Values &rowPointers, ValueRange carried) {
  int64_t depth = ByteTile::depthOf(tile.packing), chunk = bytes->chunkSteps();
  return code.forLoop(code.i64(0), args.steps, chunk, carried, [&](Value first, ValueRange carried) {
    Values rows;
    for (Value row : rowPointers)
      rows.push_back(code.at(row, code.mul(first, depth)));
    rows = bytes->prepare(rows);
    Value end = code.mul(code.min(code.sub(args.steps, first), code.i64(chunk)), depth);
    return code.forLoop(code.i64(0), end, depth, carried, [&](Value from, ValueRange carried) {
      Values sums(carried.take_front(tile.rows * tile.vectors)), next(carried), pixels;
      for (Value row : rows)
        pixels.push_back(code.at(row, from));
      Value &weights = next[tile.rows * tile.vectors];
      bytes->add(sums, pixels, weights, depth);
      llvm::copy(sums, next.begin());
      weights = code.at(weights, depth * panelColumns);
      prefetch(next);
      return next;
    });
  });
}

Values TileWriter::loopByteSteps(const Values &rowPointers, Value from, Value to, int64_t steps,
                                 ValueRange carried) {
  int64_t depth = steps * ByteTile::depthOf(tile.packing);
  return code.forLoop(from, to, depth, carried, [&](Value from, ValueRange carried) {
    return byteStep(rowPointers, from, depth, carried);
  });
}

/// `depth` bytes of each row, whole steps or less than one.
Values TileWriter::byteStep(const Values &rowPointers, Value from, int64_t depth, ValueRange carried) {
  Values sums(carried.drop_back()), pixels;
  for (Value row : rowPointers)
    pixels.push_back(code.at(row, from));
  bytes->add(sums, pixels, carried.back(), depth);
  int64_t packed = llvm::alignTo(depth, ByteTile::depthOf(tile.packing));
  sums.push_back(code.at(carried.back(), packed * panelColumns));
  return sums;
}

/// The step's weights of one vector of columns.
VectorOps::Operand TileWriter::loadWeights(Value weights, int64_t vector) {
  if (tile.byteWeights)
    return {ops->bytesAsFloats(weights, vector * ops->count())};
  if (tile.halfWeights != Half::None)
    return {ops->halvesAsFloats(tile.halfWeights, weights, vector * ops->count() * 2)};
  VectorType type = tile.isBf16 ? ops->i32s() : tile.isFloat ? ops->f32s() : ops->i8s();
  bool joined = tile.vectors == 1 && !tile.isFloat;
  Value loaded = joined ? loadSingleVector(code, type, weights)
                        : code.load(type, weights, vector * vectorStride(), tile.vectorBytes);
  return tile.isBf16    ? ops->bf16Pairs(loaded)
         : tile.isFloat ? VectorOps::Operand{loaded}
                        : ops->weights(loaded);
}

/// The step's elements of one pixel, in all columns. What follows half a pair may be no number, which a
/// weight of zero would not silence.
VectorOps::Operand TileWriter::pixelOperand(Value pointer, bool half) {
  Value scalar;
  if (half)
    scalar = arith::ExtUIOp::create(code.b, code.loc, code.i32(), code.load(code.i16(), pointer));
  else
    scalar = code.load(tile.isFloat && !tile.isBf16 ? code.f32() : code.i32(), pointer);
  Value pixel = code.splat(ops->count(), scalar);
  return tile.isBf16    ? ops->bf16Pairs(pixel)
         : tile.isFloat ? VectorOps::Operand{pixel}
                        : ops->activations(pixel);
}

Value TileWriter::dot(Value sum, const VectorOps::Operand &pixel, const VectorOps::Operand &column) {
  if (tile.isBf16)
    return ops->dotBf16(sum, pixel, column);
  return tile.isFloat ? ops->multiplyAdd(pixel[0], column[0], sum) : ops->dot(sum, pixel, column);
}

Values TileWriter::step(ArrayRef<Value> rowPointers, Value depth, ValueRange carried, bool half,
                        int64_t chain) {
  Values next(carried);
  Value &weights = next[tile.chains() * sumsOfChain()];
  SmallVector<VectorOps::Operand> columns;
  for (int64_t j = 0; j < tile.vectors; ++j)
    columns.push_back(loadWeights(weights, j));
  for (int64_t row = 0; row < tile.rows; ++row) {
    VectorOps::Operand pixel = pixelOperand(code.at(rowPointers[row], depth), half);
    for (int64_t j = 0; j < tile.vectors; ++j) {
      Value &sum = next[chain * sumsOfChain() + row * tile.vectors + j];
      sum = dot(sum, pixel, columns[j]);
    }
  }
  weights = code.at(weights, panelColumns * (tile.byteWeights ? 1 : tile.halfWeights != Half::None ? 2 : 4));
  prefetch(next);
  return next;
}

void TileWriter::prefetch(Values &carried) {
  if (!tile.prefetches())
    return;
  code.prefetch(carried.back());
  carried.back() = code.at(carried.back(), args.prefetchStep);
}

} // namespace

func::FuncOp qcc::kernels::getGemmTile(CodeBuilder &code, const GemmTile &tile, const Variant &variant) {
  // Nothing is written through the first four; the residual may be what is written.
  return code.sharedFunction(tile.name(), GemmTileArgs::types(code, tile), /*noalias=*/{0, 1, 2, 3},
                             [&](func::FuncOp function) {
                               GemmTileArgs args;
                               args.set(tile, ValueRange(function.getArguments()));
                               TileWriter(code, tile, variant, args).write();
                             });
}
