//===- BlockGemm.cpp - Convolutions and products on tiles -------------------===//
//
// An implicit matrix product: rows are output pixels, depth is taps and channels. A
// block computes 64 x 64 or 128 x 32 outputs with four warps of 32 x 32 each (WarpTile.h).
// Where such blocks would leave most multiprocessors without work, it computes 32 x 32, and
// each warp has every fourth tile of the depth; their sums meet in shared memory at the end.
// Tiles of 64 bytes of depth pass through shared memory, three stages deep: while one is
// multiplied, the copies of the next two are under way.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/gpu/BlockShape.h"
#include "compiler/kernels/gpu/ElementEpilogue.h"
#include "compiler/kernels/gpu/WarpTile.h"
#include <limits>
#include <numeric>

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::BlockOps;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::Variant;

namespace {
using Shape = BlockShape;
constexpr int64_t stages = 3, warps = Shape::warps, threads = Shape::threads;
constexpr int64_t warpRows = WarpTile::rows, warpColumns = WarpTile::columns,
                  columnsOfThread = WarpTile::columnsOfThread, chunkBytes = WarpTile::chunkBytes;
constexpr int64_t halves = 2 * WarpTile::rowTiles; ///< of 8 rows, of which a thread has one each

class Kernel : ProductArguments {
public:
  Kernel(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant);
  void emit();

private:
  CodeBuilder code;
  Code scalarCode;
  const GemmSpec &spec;
  Shape shape;
  ParamLayout layout;
  std::unique_ptr<BlockOps> ops;
  WarpTile tile;
  int64_t copyWidth; ///< to which activations are aligned
  Value rowBlock, columnBlock, group;

  /// What a thread finds out about an output pixel.
  struct Pixel {
    Value row, isInside, image, line, column;
  };

  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Pixel pixelAt(Value row);
  Value offsetOf(const Place &place, const Pixel &pixel);
  Value bytesOf(Value count, int64_t each, int64_t all);
  int64_t bytesIn(const Place &place, int64_t channels, int64_t elementBytes) const;
  int64_t alignmentOf(const Place &place, int64_t elementBytes) const;
  Value panelOf(Value line);
  Value depthOffset(Value chunk);
  Value depthBytes(Value chunk);
  /// Tile `deep` of those of a stage, which has one for each warp that shares the depth.
  void loadActivations(Value thread, Value depthTile, Value base, int64_t deep);
  void loadWeights(Value thread, Value depthTile, Value base, int64_t deep);
  void loadNibbles(Value thread, Value depthTile, Value base);
  void loadStage(Value step, Value stage);
  void multiply(Value step, Value stage);
  Value partAt(Value warp, Value half, int64_t column, Value lane);
  void putDown(Value thread);
  Value sumOfParts(Value thread, Value half, int64_t column);
  void finish(Value thread);
  void storeRow(const ElementEpilogue &epilogue, const Pixel &pixel, Value firstColumn, ArrayRef<Value> sums,
                ArrayRef<Values> columns);
  Value columnOf(Value thread); ///< the first of the thread's, in its group
  Value panelParams(Value thread);
  Values loadColumns(Value panel, int64_t offset, Type type);
  Values firstSums(Value thread);
};

Kernel::Kernel(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant)
    : ProductArguments(function, spec.epilogue), code(builder, function.getLoc()),
      scalarCode(builder, function.getLoc(), variant), spec(spec), shape(spec),
      layout(spec.epilogue, spec.hasFloatSums(), spec.packing, panelColumns),
      ops(BlockOps::create(code, variant, {threads, stages * shape.stageBytes, WarpTile::registers(spec)})),
      tile(*ops, scalarCode, spec) {
  Value block = arith::TruncIOp::create(code.b, code.loc, code.i32(), begin);
  // Neighbouring blocks share activations.
  columnBlock = code.rem(block, shape.columnBlocks);
  Value rest = code.div(block, shape.columnBlocks);
  group = code.rem(rest, spec.groups);
  rowBlock = code.div(rest, spec.groups);
  const Segments &segments = shape.segments;
  int64_t bytes = spec.inBytes();
  copyWidth = std::gcd(alignmentOf(shape.tiling.x, bytes), chunkBytes);
  copyWidth = std::gcd(copyWidth, spec.groups > 1 ? spec.c * bytes : 0);
  copyWidth = std::gcd(copyWidth, segments.outer > 1 ? segments.outerStride * bytes : 0);
  copyWidth = std::gcd(copyWidth, segments.inner > 1 ? segments.innerStride * bytes : 0);
}

void Kernel::emit() {
  for (int64_t stage = 0; stage + 1 < stages; ++stage)
    loadStage(constant(stage), constant(stage));
  ops->eachThread([&](Value thread) { tile.start(firstSums(thread)); });
  code.forLoop(code.i64(0), code.i64(shape.steps), [&](Value index) {
    Value step = arith::TruncIOp::create(code.b, code.loc, code.i32(), index);
    ops->waitForCopies(stages - 2);
    // All threads have this tile, and are done with the one whose place the next copies take.
    ops->barrier();
    Value next = code.add(step, constant(stages - 1));
    loadStage(next, code.rem(next, stages));
    multiply(step, code.rem(step, stages));
  });
  if (shape.warpsDeep > 1) {
    ops->barrier(); // all are done with the tiles
    ops->eachThread([&](Value thread) { putDown(thread); });
    ops->barrier();
  }
  ops->eachThread([&](Value thread) { finish(thread); });
}

//--- From memory to shared memory --------------------------------------------//

/// Rows beyond the last one read the last one's pixels.
Kernel::Pixel Kernel::pixelAt(Value row) {
  Value isInside = code.lessThan(row, constant(shape.rows));
  row = code.min(row, constant(shape.rows - 1));
  Value line = code.div(row, shape.tiling.width);
  return {row, isInside, code.div(line, shape.tiling.rows), code.rem(line, shape.tiling.rows),
          code.rem(row, shape.tiling.width)};
}

/// In elements; its axes have extents that may leave nothing to add.
Value Kernel::offsetOf(const Place &place, const Pixel &pixel) {
  const Tiling &tiling = shape.tiling;
  Value offset = constant(place.offset);
  auto add = [&](int64_t extent, Value index, int64_t step) {
    if (extent > 1)
      offset = code.add(offset, code.mul(index, step));
  };
  add(tiling.images, pixel.image, place.image);
  add(tiling.rows, pixel.line, place.row);
  add(tiling.width, pixel.column, place.pixel);
  return offset;
}

/// `count` (i32) times `each`, in 64 bits where what it leads into has so many bytes.
Value Kernel::bytesOf(Value count, int64_t each, int64_t all) {
  if (all > std::numeric_limits<int32_t>::max())
    count = arith::ExtUIOp::create(code.b, code.loc, code.b.getI64Type(), count);
  return code.mul(count, each);
}

/// To the end of the last pixel that a kernel of one tap meets.
int64_t Kernel::bytesIn(const Place &place, int64_t channels, int64_t elementBytes) const {
  const Tiling &tiling = shape.tiling;
  return elementBytes * (place.offset + (tiling.images - 1) * place.image + (tiling.rows - 1) * place.row +
                         (tiling.width - 1) * place.pixel + channels);
}

/// Bytes; 0 for any.
int64_t Kernel::alignmentOf(const Place &place, int64_t elementBytes) const {
  const Tiling &tiling = shape.tiling;
  int64_t step = std::gcd(place.offset, tiling.images > 1 ? place.image : 0);
  step = std::gcd(step, tiling.rows > 1 ? place.row : 0);
  return std::gcd(step, tiling.width > 1 ? place.pixel : 0) * elementBytes;
}

/// The index among all panels of a line of the weights' tile; past the last one it is the last one.
Value Kernel::panelOf(Value line) {
  Value panel = code.add(code.mul(columnBlock, shape.warpsAcross), code.div(line, panelColumns));
  return code.add(code.mul(group, shape.panels), code.min(panel, constant(shape.panels - 1)));
}

/// Where a chunk of depth lies behind a pixel's first tap, bytes. Chunks that only pad the depth meet zeros:
/// any place will do.
Value Kernel::depthOffset(Value chunk) {
  const Segments &segments = shape.segments;
  int64_t chunks = segments.outer * segments.inner * segments.steps, bytes = spec.inBytes();
  chunk = code.min(chunk, constant(chunks - 1));
  int64_t all = bytes * (segments.outer * segments.outerStride + segments.inner * segments.innerStride +
                         segments.depth);
  Value offset = bytesOf(code.rem(chunk, segments.steps), chunkBytes, all);
  Value segment = code.div(chunk, segments.steps);
  if (segments.inner > 1)
    offset = code.add(offset, bytesOf(code.rem(segment, segments.inner), segments.innerStride * bytes, all));
  if (segments.outer > 1)
    offset = code.add(offset, bytesOf(code.div(segment, segments.inner), segments.outerStride * bytes, all));
  return offset;
}

/// How many bytes of a chunk are depth: beside it, zero times a float might be NaN. Null: all, or any will
/// do.
Value Kernel::depthBytes(Value chunk) {
  const Segments &segments = shape.segments;
  int64_t depth = segments.depth * spec.inBytes(), chunks = segments.outer * segments.inner * segments.steps;
  bool isWhole = depth % chunkBytes == 0, isPadded = segments.packedSteps() > chunks;
  if (!spec.isFloat || (isWhole && !isPadded))
    return {};
  Value count = constant(chunkBytes);
  if (!isWhole)
    count = code.min(count, code.sub(constant(depth), code.mul(code.rem(chunk, segments.steps), chunkBytes)));
  if (!isPadded)
    return count;
  return arith::SelectOp::create(code.b, code.loc, code.lessThan(chunk, constant(chunks)), count,
                                 constant(0));
}

/// Zeros where there is no such tile.
void Kernel::loadActivations(Value thread, Value depthTile, Value base, int64_t deep) {
  constexpr int64_t chunks = lineDepth / chunkBytes, linesAtOnce = threads / chunks;
  Value chunk = code.rem(thread, chunks), firstLine = code.div(thread, chunks);
  Value ofDepth = code.add(code.mul(depthTile, chunks), chunk);
  Value depth = depthOffset(ofDepth), count = depthBytes(ofDepth);
  int64_t bytes = spec.inBytes();
  if (shape.depthTiles % shape.warpsDeep != 0)
    count = arith::SelectOp::create(code.b, code.loc, code.lessThan(depthTile, constant(shape.depthTiles)),
                                    count ? count : constant(chunkBytes), constant(0));
  for (int64_t line = 0; line < shape.tileRows; line += linesAtOnce) {
    Value here = code.add(firstLine, constant(line));
    Pixel pixel = pixelAt(code.add(code.mul(rowBlock, shape.tileRows), here));
    Value offset = code.add(offsetOf(shape.tiling.x, pixel), code.mul(group, spec.c));
    int64_t all = bytesIn(shape.tiling.x, spec.groups * spec.c, bytes);
    Value from = code.at(code.at(x, bytesOf(offset, bytes, all)), depth);
    Value to = WarpTile::chunkOffset(code, code.add(here, constant(deep * shape.tileRows)), chunk, chunks);
    ops->copy(code.add(base, to), from, copyWidth, count);
  }
}

/// Any where there is no such tile: zeros meet them.
void Kernel::loadWeights(Value thread, Value depthTile, Value base, int64_t deep) {
  if (shape.depthTiles % shape.warpsDeep != 0)
    depthTile = code.min(depthTile, constant(shape.depthTiles - 1));
  int64_t chunks = shape.weightChunks, lineBytes = chunks * chunkBytes, linesAtOnce = threads / chunks;
  Value chunk = code.rem(thread, chunks), firstLine = code.div(thread, chunks);
  for (int64_t line = 0; line < shape.tileColumns; line += linesAtOnce) {
    Value here = code.add(firstLine, constant(line));
    auto copy = [&] {
      Value panelTile = code.add(code.mul(panelOf(here), shape.depthTiles), depthTile);
      Value inTile = code.add(code.mul(code.rem(here, panelColumns), lineBytes), code.mul(chunk, chunkBytes));
      Value tileAt = bytesOf(panelTile, panelColumns * lineBytes, packedWeightBytes(spec));
      Value from = code.at(code.at(weights, tileAt), inTile);
      Value to =
          WarpTile::chunkOffset(code, code.add(here, constant(deep * shape.tileColumns)), chunk, chunks);
      ops->copy(code.add(base, to), from, chunkBytes);
    };
    if (line + linesAtOnce > shape.tileColumns)
      code.ifElse(code.lessThan(here, constant(shape.tileColumns)), copy);
    else
      copy();
  }
}

/// The groups of a panel lie side by side; past the last one there is nothing to read.
void Kernel::loadNibbles(Value thread, Value depthTile, Value base) {
  int64_t chunksOfPanel = shape.panelTileBytes / chunkBytes, chunks = shape.warpsAcross * chunksOfPanel;
  for (int64_t first = 0; first < chunks; first += threads) {
    Value here = code.add(thread, constant(first));
    Value panel = code.div(here, chunksOfPanel), inTile = code.mul(code.rem(here, chunksOfPanel), chunkBytes);
    Value inPanel = code.add(code.mul(depthTile, shape.panelTileBytes), inTile);
    Value isThere = code.lessThan(inPanel, constant(panelBytes(spec)));
    if (first + threads > chunks)
      isThere = arith::AndIOp::create(code.b, code.loc, isThere, code.lessThan(here, constant(chunks)));
    code.ifElse(isThere, [&] {
      Value number = panelOf(code.mul(panel, panelColumns));
      Value panelAt = bytesOf(number, panelBytes(spec), packedWeightBytes(spec));
      Value from = code.at(code.at(weights, panelAt), inPanel);
      Value to = code.add(code.mul(panel, shape.panelTileBytes), inTile);
      ops->copy(code.add(base, to), from, chunkBytes);
    });
  }
}

void Kernel::loadStage(Value step, Value stage) {
  ops->eachThread([&](Value thread) {
    code.ifElse(code.lessThan(step, constant(shape.steps)), [&] {
      Value base = code.mul(stage, shape.stageBytes);
      Value ofWeights = code.add(base, constant(shape.activationBytes));
      for (int64_t deep = 0; deep < shape.warpsDeep; ++deep) {
        Value depthTile = code.add(code.mul(step, shape.warpsDeep), constant(deep));
        loadActivations(thread, depthTile, base, deep);
        spec.nibbles ? loadNibbles(thread, depthTile, ofWeights)
                     : loadWeights(thread, depthTile, ofWeights, deep);
      }
    });
  });
  ops->commitCopies();
}

//--- Sums --------------------------------------------------------------------//

Value Kernel::columnOf(Value thread) {
  Value warp = code.div(thread, BlockOps::warpThreads);
  Value panel = code.add(code.mul(columnBlock, shape.warpsAcross), code.rem(warp, shape.warpsAcross));
  return code.add(code.mul(panel, panelColumns), code.mul(code.rem(thread, 4), columnsOfThread));
}

/// The parameters of the thread's first column.
Value Kernel::panelParams(Value thread) {
  Value warp = code.div(thread, BlockOps::warpThreads);
  Value panel = panelOf(code.mul(code.rem(warp, shape.warpsAcross), warpColumns));
  Value first = code.mul(code.rem(thread, 4), columnsOfThread * 4);
  return code.at(code.at(params, layout.headBytes), code.add(code.mul(panel, layout.panelBytes), first));
}

Values Kernel::loadColumns(Value panel, int64_t offset, Type type) {
  Values values;
  for (int64_t first = 0; first < columnsOfThread; first += 4) {
    Value four = code.load(code.vec(4, type), panel, offset + first * 4, 16);
    for (int64_t i = 0; i < 4; ++i)
      values.push_back(vector::ExtractOp::create(code.b, code.loc, four, i));
  }
  return values;
}

/// Of one of the warps that share the depth; the others begin with zeros.
Values Kernel::firstSums(Value thread) {
  Type type = spec.hasFloatSums() ? code.f32() : code.i32();
  Values bias = loadColumns(panelParams(thread), 0, type);
  if (shape.warpsDeep == 1)
    return bias;
  Value isFirst = code.lessThan(thread, constant(threads / shape.warpsDeep));
  Value zero = arith::ConstantOp::create(code.b, code.loc, code.b.getZeroAttr(type));
  for (Value &value : bias)
    value = arith::SelectOp::create(code.b, code.loc, isFirst, value, zero);
  return bias;
}

void Kernel::multiply(Value step, Value stage) {
  Value base = code.mul(stage, shape.stageBytes);
  auto warpOf = [&](Value thread) { return code.div(thread, BlockOps::warpThreads); };
  auto firstRow = [&](Value thread) -> Value {
    return code.mul(code.div(warpOf(thread), shape.warpsAcross), warpRows);
  };
  auto firstColumn = [&](Value thread) -> Value {
    Value warp = warpOf(thread), across = code.rem(warp, shape.warpsAcross);
    return code.mul(shape.warpsDeep == 1 ? across : warp, warpColumns);
  };
  Value ofWeights = code.add(base, constant(shape.activationBytes));
  if (!spec.nibbles)
    return tile.multiply(base, firstRow, ofWeights, firstColumn);
  auto panel = [&](Value thread) -> Value {
    return code.add(ofWeights, code.mul(code.rem(warpOf(thread), shape.warpsAcross), shape.panelTileBytes));
  };
  int64_t groups = llvm::divideCeil(spec.c, groupDepth);
  for (int64_t index = 0; index < WarpTile::groupsOfTile; ++index) {
    auto multiplyGroup = [&] { tile.multiplyGroup(base, firstRow, panel, index); };
    Value group = code.add(code.mul(step, WarpTile::groupsOfTile), constant(index));
    if (index < groups % WarpTile::groupsOfTile || groups % WarpTile::groupsOfTile == 0)
      multiplyGroup();
    else // all threads agree
      code.ifElse(code.lessThan(group, constant(groups)), multiplyGroup);
  }
}

//--- From sums to memory -----------------------------------------------------//

void Kernel::storeRow(const ElementEpilogue &epilogue, const Pixel &pixel, Value firstColumn,
                      ArrayRef<Value> sums, ArrayRef<Values> columns) {
  Type storage = epilogue.storage();
  int64_t bytes = storageBytes(storage);
  Value channel = code.add(code.mul(group, spec.n), firstColumn);
  auto place = [&](Value base, const Place &at) {
    Value element = code.add(offsetOf(at, pixel), channel);
    return code.at(base, bytesOf(element, bytes, bytesIn(at, spec.outChannels(), bytes)));
  };
  Value to = place(out, shape.tiling.out);
  Value from = residual ? place(residual, shape.tiling.residual) : Value();
  auto row = epilogue.rowAt(*this, pixel.row);
  Expr imageScale;
  if (imageScales)
    imageScale = load(scalarCode, code.at(imageScales, code.mul(pixel.image, 4)), code.f32());
  auto element = [&](int64_t c) {
    SmallVector<Expr> parameters;
    for (const Values &column : columns)
      parameters.push_back(scalarCode.wrap(column[c]));
    Expr old = from ? load(scalarCode, code.at(from, c * bytes), storage) : Expr();
    Expr t = epilogue.apply(scalarCode.wrap(sums[c]), parameters, row, old, imageScale);
    return toStorage(t, storage).value;
  };
  int64_t aligned = std::gcd(alignmentOf(shape.tiling.out, bytes), spec.groups > 1 ? spec.n * bytes : 0);
  // Whole threads are inside or outside.
  if (spec.n % columnsOfThread == 0 && aligned % (columnsOfThread * bytes) == 0)
    return code.ifElse(code.lessThan(firstColumn, constant(spec.n)), [&] {
      Values elements;
      for (int64_t c = 0; c < columnsOfThread; ++c)
        elements.push_back(element(c));
      int64_t atOnce = std::min(columnsOfThread, chunkBytes / bytes);
      for (int64_t first = 0; first < columnsOfThread; first += atOnce) {
        auto some = ArrayRef(elements).slice(first, atOnce);
        Value all =
            vector::FromElementsOp::create(code.b, code.loc, code.vec(atOnce, some[0].getType()), some);
        storeBits(scalarCode, all, code.at(to, first * bytes), atOnce * bytes);
      }
    });
  for (int64_t c = 0; c < columnsOfThread; ++c)
    code.ifElse(code.lessThan(code.add(firstColumn, constant(c)), constant(spec.n)),
                [&] { storeBits(scalarCode, element(c), code.at(to, c * bytes), bytes); });
}

/// The shared offset of what one warp has summed up.
Value Kernel::partAt(Value warp, Value half, int64_t column, Value lane) {
  Value index = code.add(code.mul(code.add(code.mul(warp, halves), half), columnsOfThread), constant(column));
  return code.mul(code.add(code.mul(index, BlockOps::warpThreads), lane), 4);
}

void Kernel::putDown(Value thread) {
  Value warp = code.div(thread, BlockOps::warpThreads), lane = code.rem(thread, BlockOps::warpThreads);
  for (int64_t half = 0; half < halves; ++half)
    for (int64_t c = 0; c < columnsOfThread; ++c)
      storeBits(scalarCode, tile.sum(half / 2, half % 2, c),
                ops->sharedPointer(partAt(warp, constant(half), c, lane)), 4);
}

/// In the order of the warps.
Value Kernel::sumOfParts(Value thread, Value half, int64_t column) {
  Value lane = code.rem(thread, BlockOps::warpThreads);
  Type type = spec.hasFloatSums() ? code.f32() : code.i32();
  auto part = [&](int64_t warp) {
    Value from = ops->sharedPointer(partAt(constant(warp), half, column, lane));
    return scalarCode.wrap(code.load(type, from, 0, 4));
  };
  Expr sum = part(0);
  for (int64_t warp = 1; warp < warps; ++warp)
    sum = sum + part(warp);
  return sum.value;
}

void Kernel::finish(Value thread) {
  ElementEpilogue epilogue(scalarCode, spec.epilogue, spec.hasFloatSums(), layout, params, table);
  Value panel = panelParams(thread), column = columnOf(thread);
  SmallVector<Values> columns;
  for (int64_t offset : epilogue.columnOffsets())
    columns.push_back(loadColumns(panel, offset, code.f32()));
  Value warp = code.div(thread, BlockOps::warpThreads);
  Value firstRow =
      code.add(code.mul(rowBlock, shape.tileRows), code.div(code.rem(thread, BlockOps::warpThreads), 4));
  auto storeHalf = [&](Value down, llvm::function_ref<Value(int64_t column)> sumOf) {
    Pixel pixel = pixelAt(code.add(firstRow, code.mul(down, 8)));
    Values sums;
    for (int64_t c = 0; c < columnsOfThread; ++c)
      sums.push_back(sumOf(c));
    code.ifElse(pixel.isInside, [&] { storeRow(epilogue, pixel, column, sums, columns); });
  };
  static_assert(halves == warps, "each warp finishes one");
  if (shape.warpsDeep > 1)
    return storeHalf(warp, [&](int64_t c) { return sumOfParts(thread, warp, c); });
  Value down = code.mul(code.div(warp, shape.warpsAcross), halves);
  for (int64_t half = 0; half < halves; ++half)
    storeHalf(code.add(down, constant(half)), [&](int64_t c) { return tile.sum(half / 2, half % 2, c); });
}
} // namespace

void gpu::emitBlockGemm(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec,
                        const Variant &variant) {
  Kernel(builder, function, spec, variant).emit();
}
