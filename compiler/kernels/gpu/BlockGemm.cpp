//===- BlockGemm.cpp - Convolutions and products on tiles -------------------===//
//
// An implicit matrix product: rows are output pixels, depth is taps and channels. A
// block computes 64 x 64 or 128 x 32 outputs with four warps of 32 x 32 each. Tiles of
// 64 bytes of depth pass through shared memory, three stages deep: while one is
// multiplied, the copies of the next two are under way.
//
// Chunks of 16 bytes lie in a tile's line at chunk ^ (line / 2 % 4), so that the eight
// lines of a matrix that ldmatrix loads are in different banks.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Tiling.h"
#include "compiler/kernels/gpu/ElementEpilogue.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/nvptx/BlockOps.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::BlockOps;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::Variant;

namespace {
constexpr int64_t stages = 3, warps = 4, threads = warps * BlockOps::warpThreads, chunkBytes = 16;
/// Of a warp: two m16 by four n8.
constexpr int64_t warpRows = 32, warpColumns = 32, rowTiles = 2, columnTiles = 4;
constexpr int64_t columnsOfThread = 2 * columnTiles; ///< neighbours, see lineOf
/// Fewer rows leave most of a tile empty.
constexpr int64_t fewestRows = 9;

/// Registers of a thread.
constexpr int64_t sumSlots = 0, aSlots = rowTiles * columnTiles * 4, bSlots = aSlots + rowTiles * 4,
                  allSlots = bSlots + columnTiles * 2;

struct Shape {
  explicit Shape(const GemmSpec &spec)
      : tiling(spec), segments(segmentsOf(spec)), panels(panelsOf(spec)),
        rows(tiling.images * tiling.rows * tiling.width), warpsAcross(panels == 1 ? 1 : 2),
        warpsDown(warps / warpsAcross), tileRows(warpsDown * warpRows),
        tileColumns(warpsAcross * warpColumns), rowBlocks(llvm::divideCeil(rows, tileRows)),
        columnBlocks(llvm::divideCeil(panels, warpsAcross)),
        depthTiles(segments.packedSteps() * chunkBytes / lineDepth),
        stageBytes((tileRows + tileColumns) * lineDepth) {}

  Tiling tiling;
  Segments segments;
  int64_t panels, rows;
  int64_t warpsAcross, warpsDown, tileRows, tileColumns;
  int64_t rowBlocks, columnBlocks, depthTiles, stageBytes;
};

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
  int64_t copyWidth; ///< to which activations are aligned
  Value rowBlock, columnBlock, group;

  /// What a thread finds out about an output pixel.
  struct Pixel {
    Value row, isInside, image, line, column;
  };

  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Value shiftedRight(Value v, int64_t bits) {
    return arith::ShRUIOp::create(code.b, code.loc, v, code.like(v, bits));
  }
  Value lineOffset(Value line, Value chunk);
  Pixel pixelAt(Value row);
  Value offsetOf(const Place &place, const Pixel &pixel);
  int64_t alignmentOf(const Place &place, int64_t elementBytes) const;
  Value panelOf(Value line);
  Value depthOffset(Value chunk);
  void loadTiles(Value thread, Value depthTile, Value stage);
  void loadStage(Value depthTile, Value stage);
  void startSums(Value thread);
  void multiply(Value stage);
  void finish(Value thread);
  void storeRow(const ElementEpilogue &epilogue, const Pixel &pixel, Value firstColumn, ArrayRef<Value> sums,
                ArrayRef<Values> columns);
  Value columnOf(Value thread); ///< the first of the thread's, in its group
  Value panelParams(Value thread);
  Values loadColumns(Value panel, int64_t offset, Type type);
};

Kernel::Kernel(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant)
    : ProductArguments(function, spec.epilogue), code(builder, function.getLoc()),
      scalarCode(builder, function.getLoc(), variant), spec(spec), shape(spec),
      layout(spec.epilogue, spec.isFloat, spec.packing, panelColumns),
      ops(BlockOps::create(code, variant, {threads, stages * shape.stageBytes, allSlots})) {
  Value block = arith::TruncIOp::create(code.b, code.loc, code.i32(), begin);
  // Neighbouring blocks share activations.
  columnBlock = code.rem(block, shape.columnBlocks);
  Value rest = code.div(block, shape.columnBlocks);
  group = code.rem(rest, spec.groups);
  rowBlock = code.div(rest, spec.groups);
  const Segments &segments = shape.segments;
  copyWidth = std::gcd(alignmentOf(shape.tiling.x, 1), chunkBytes);
  copyWidth = std::gcd(copyWidth, spec.groups > 1 ? spec.c : 0);
  copyWidth = std::gcd(copyWidth, segments.outer > 1 ? segments.outerStride : 0);
  copyWidth = std::gcd(copyWidth, segments.inner > 1 ? segments.innerStride : 0);
}

void Kernel::emit() {
  for (int64_t stage = 0; stage + 1 < stages; ++stage)
    loadStage(constant(stage), constant(stage));
  ops->eachThread([&](Value thread) { startSums(thread); });
  code.forLoop(code.i64(0), code.i64(shape.depthTiles), [&](Value index) {
    Value tile = arith::TruncIOp::create(code.b, code.loc, code.i32(), index);
    ops->waitForCopies(stages - 2);
    // All threads have this tile, and are done with the one whose place the next copies take.
    ops->barrier();
    Value next = code.add(tile, constant(stages - 1));
    loadStage(next, code.rem(next, stages));
    multiply(code.rem(tile, stages));
  });
  ops->eachThread([&](Value thread) { finish(thread); });
}

//--- From memory to shared memory --------------------------------------------//

Value Kernel::lineOffset(Value line, Value chunk) {
  Value turned =
      arith::XOrIOp::create(code.b, code.loc, chunk, code.rem(shiftedRight(line, 1), lineDepth / chunkBytes));
  return code.add(code.mul(line, lineDepth), code.mul(turned, chunkBytes));
}

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

/// Where a chunk of depth lies behind a pixel's first tap. Chunks that only pad the depth meet zeros: any
/// place will do.
Value Kernel::depthOffset(Value chunk) {
  const Segments &segments = shape.segments;
  int64_t chunks = segments.outer * segments.inner * segments.steps;
  chunk = code.min(chunk, constant(chunks - 1));
  Value offset = code.mul(code.rem(chunk, segments.steps), chunkBytes);
  Value segment = code.div(chunk, segments.steps);
  if (segments.inner > 1)
    offset = code.add(offset, code.mul(code.rem(segment, segments.inner), segments.innerStride));
  if (segments.outer > 1)
    offset = code.add(offset, code.mul(code.div(segment, segments.inner), segments.outerStride));
  return offset;
}

void Kernel::loadTiles(Value thread, Value depthTile, Value stage) {
  constexpr int64_t chunks = lineDepth / chunkBytes;
  Value base = code.mul(stage, shape.stageBytes);
  Value chunk = code.rem(thread, chunks), firstLine = code.div(thread, chunks);
  Value depth = depthOffset(code.add(code.mul(depthTile, chunks), chunk));
  constexpr int64_t linesAtOnce = threads / chunks;
  for (int64_t line = 0; line < shape.tileRows; line += linesAtOnce) {
    Value here = code.add(firstLine, constant(line));
    Pixel pixel = pixelAt(code.add(code.mul(rowBlock, shape.tileRows), here));
    Value offset = code.add(offsetOf(shape.tiling.x, pixel), code.mul(group, spec.c));
    ops->copy(code.add(base, lineOffset(here, chunk)), code.at(code.at(x, offset), depth), copyWidth);
  }
  for (int64_t line = 0; line < shape.tileColumns; line += linesAtOnce) {
    Value here = code.add(firstLine, constant(line));
    Value tile = code.add(code.mul(panelOf(here), shape.depthTiles), depthTile);
    Value inTile = code.add(code.mul(code.rem(here, panelColumns), lineDepth), code.mul(chunk, chunkBytes));
    Value from = code.at(code.at(weights, code.mul(tile, panelColumns * lineDepth)), inTile);
    Value to = lineOffset(code.add(here, constant(shape.tileRows)), chunk);
    ops->copy(code.add(base, to), from, chunkBytes);
  }
}

void Kernel::loadStage(Value depthTile, Value stage) {
  ops->eachThread([&](Value thread) {
    code.ifElse(code.lessThan(depthTile, constant(shape.depthTiles)),
                [&] { loadTiles(thread, depthTile, stage); });
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

/// Sum q of tile (i, j) belongs to column 2j + q % 2 of the thread's.
void Kernel::startSums(Value thread) {
  Values bias = loadColumns(panelParams(thread), 0, code.i32());
  for (int64_t i = 0; i < rowTiles; ++i)
    for (int64_t j = 0; j < columnTiles; ++j)
      for (int64_t q = 0; q < 4; ++q)
        ops->set(sumSlots + (i * columnTiles + j) * 4 + q, bias[2 * j + q % 2]);
}

void Kernel::multiply(Value stage) {
  Value base = code.mul(stage, shape.stageBytes);
  auto matrixRow = [&](Value thread, Value firstLine, int64_t chunk, Value half, Value otherChunk) {
    Value line = code.add(code.add(firstLine, code.rem(thread, 8)), code.mul(half, 8));
    return code.add(base, lineOffset(line, code.add(constant(chunk), otherChunk)));
  };
  auto bit = [&](Value thread, int64_t index) { return code.rem(shiftedRight(thread, index), 2); };
  auto warpOf = [&](Value thread) { return code.div(thread, BlockOps::warpThreads); };
  for (int64_t chunk = 0; chunk < lineDepth / chunkBytes; chunk += 2) {
    // Matrices of a: rows 0-7 and 8-15 of 16 bytes, then of the next 16.
    for (int64_t i = 0; i < rowTiles; ++i)
      ops->loadMatrices(aSlots + 4 * i, [&](Value thread) {
        Value down = code.div(warpOf(thread), shape.warpsAcross);
        Value first = code.add(code.mul(down, warpRows), constant(16 * i));
        return matrixRow(thread, first, chunk, bit(thread, 3), bit(thread, 4));
      });
    // Matrices of b: 16 bytes and the next 16 of 8 columns, then of the next 8.
    for (int64_t j = 0; j < columnTiles; j += 2)
      ops->loadMatrices(bSlots + 2 * j, [&](Value thread) {
        Value across = code.rem(warpOf(thread), shape.warpsAcross);
        Value first = code.add(code.mul(across, warpColumns), constant(shape.tileRows + 8 * j));
        return matrixRow(thread, first, chunk, bit(thread, 4), bit(thread, 3));
      });
    for (int64_t i = 0; i < rowTiles; ++i)
      for (int64_t j = 0; j < columnTiles; ++j)
        ops->multiply(sumSlots + (i * columnTiles + j) * 4, aSlots + 4 * i, bSlots + 2 * j);
  }
}

//--- From sums to memory -----------------------------------------------------//

void Kernel::storeRow(const ElementEpilogue &epilogue, const Pixel &pixel, Value firstColumn,
                      ArrayRef<Value> sums, ArrayRef<Values> columns) {
  Type storage = epilogue.storage();
  int64_t bytes = storageBytes(storage);
  Value channel = code.add(code.mul(group, spec.n), firstColumn);
  auto place = [&](Value base, const Place &at) {
    return code.at(base, code.mul(code.add(offsetOf(at, pixel), channel), bytes));
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

void Kernel::finish(Value thread) {
  ElementEpilogue epilogue(scalarCode, spec.epilogue, spec.isFloat, layout, params, table);
  Value panel = panelParams(thread), column = columnOf(thread);
  SmallVector<Values> columns;
  for (int64_t offset : epilogue.columnOffsets())
    columns.push_back(loadColumns(panel, offset, code.f32()));
  Value warp = code.div(thread, BlockOps::warpThreads);
  Value firstRow =
      code.add(code.mul(rowBlock, shape.tileRows), code.mul(code.div(warp, shape.warpsAcross), warpRows));
  firstRow = code.add(firstRow, code.div(code.rem(thread, BlockOps::warpThreads), 4));
  for (int64_t half = 0; half < 2 * rowTiles; ++half) {
    Pixel pixel = pixelAt(code.add(firstRow, constant(8 * half)));
    Values sums;
    for (int64_t c = 0; c < columnsOfThread; ++c)
      sums.push_back(ops->get(sumSlots + (half / 2 * columnTiles + c / 2) * 4 + 2 * (half % 2) + c % 2));
    code.ifElse(pixel.isInside, [&] { storeRow(epilogue, pixel, column, sums, columns); });
  }
}
} // namespace

bool gpu::isBlockGemm(const GemmSpec &spec) {
  return !spec.isFloat && spec.batch * spec.outH * spec.outW >= fewestRows;
}

Launch gpu::blockGemmLaunch(const GemmSpec &spec) {
  Shape shape(spec);
  return {shape.rowBlocks * shape.columnBlocks * spec.groups, threads};
}

void gpu::emitBlockGemm(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec,
                        const Variant &variant) {
  Kernel(builder, function, spec, variant).emit();
}
