//===- Gemm.cpp - Convolutions and matrix products --------------------------===//
//
// A driver for each specification, with its sizes as constants, walks panels of
// columns (outside) and tiles of pixels (inside) and calls register tiles that are
// shared by all layers of their form. The weights of the next panel are prefetched
// meanwhile.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/gemm/GemmTile.h"
#include "compiler/kernels/gemm/Tiling.h"
#include "compiler/target/ByteTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::ByteTile;
using qcc::target::Variant;
namespace target = qcc::target;

namespace {

class Driver : ProductArguments {
public:
  Driver(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant,
         bool isLimited);
  void write();

private:
  CodeBuilder code;
  func::FuncOp function;
  const GemmSpec &spec;
  const Variant &variant;
  Tiling tiling;
  Segments segments;
  ParamLayout layout;
  int64_t inBytes, outBytes, panelBytes;
  bool interleaved;  ///< Quads: a narrower vector takes its part of both 64-byte vectors
  Value wideWeights; ///< of some columns; null until they are asked for
  Value prefetchEnd; ///< of the units that prefetch the next one's pixels
  Value limit;       ///< of the pixels that a run has a use for; null: all

  /// What the loops over panels and tiles have computed.
  struct Position {
    Value weights, panel;   ///< the panel's
    Value x, out, residual; ///< the panel's group and columns, first pixel
    Value firstTile, endTile, prefetchStep;
    Value firstUnit; ///< where pixels are prefetched: the panel's first tile, as a unit
  };

  void writePanel(Value panelIndex, Value firstTile, Value endTile, Value prefetchStep, Value firstUnit = {});
  void writeColumns(const Position &position, int64_t columns);
  void writeTiles(const Position &position, int64_t firstColumn, GemmTile tile, int64_t columns);
  Value widenWeights(Value weights, GemmTile &tile);
  Value widenHalves(Value weights, GemmTile &tile);
  void callTileWithin(Value left, int64_t height, llvm::function_ref<void(int64_t height)> call);
  void callTile(const Position &position, const GemmTile &shape, int64_t firstColumn, int64_t columns,
                int64_t height, GemmTileArgs args);
  void prefetchPixels(Value unit);
  Value offsetOf(const Place &place, Value image, Value row, Value pixel, int64_t bytes);
};

Driver::Driver(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant,
               bool isLimited)
    : ProductArguments(function, spec.epilogue), code(builder, function.getLoc()), function(function),
      spec(spec), variant(variant), tiling(spec), segments(segmentsOf(spec)),
      layout(spec.epilogue, spec.hasFloatSums(), spec.packing, panelColumns) {
  inBytes = spec.inBytes();
  outBytes = EpilogueCode::elementBytes(spec.epilogue.output);
  panelBytes = qcc::kernels::panelBytes(spec);
  interleaved = !spec.hasFloatSums() && spec.packing == target::Packing::Quads;
  x = code.at(x, spec.x.offset * inBytes);
  if (residual)
    residual = code.at(residual, spec.residual.offset * outBytes);
  out = code.at(out, spec.out.offset * outBytes);
  if (isLimited)
    limit = function.getArguments().back();
}

void Driver::write() {
  Value zero = code.i64(0), all = code.i64(tiling.tiles());
  // A tile prefetches as many bytes of the next panel at each step as all tiles need to fetch it once.
  auto prefetchStep = [&](Value tiles) -> Value {
    Value atLeastOne = arith::MaxSIOp::create(code.b, code.loc, tiles, code.i64(1));
    return arith::CeilDivUIOp::create(code.b, code.loc, code.i64(panelStepBytes(spec)), atLeastOne);
  };
  if (!tiling.byPanels) {
    Value step = prefetchStep(code.sub(end, begin));
    return code.forLoop(zero, code.i64(tiling.panels),
                        [&](Value panelIndex) { writePanel(panelIndex, begin, end, step); });
  }
  Value walked = all; // of each panel
  if (limit)
    walked = code.min(code.div(code.add(limit, code.i64(tiling.height - 1)), tiling.height), all);
  Value step = prefetchStep(walked),
        endPanel = code.div(code.add(end, code.i64(tiling.tiles() - 1)), tiling.tiles());
  bool prefetches = segments.outer * segments.inner == 1 && tiling.x.pixel == spec.c && tiling.rows == 1 &&
                    tiling.images == 1;
  if (prefetches) { // not where one thread does it all
    Value isShared = code.lessThan(code.sub(end, begin), code.i64(tiling.units()));
    if (limit) // short runs call the kernel for each panel
      isShared = arith::AndIOp::create(code.b, code.loc, isShared,
                                       code.lessThan(code.sub(all, walked), code.i64(1)));
    Value stop = code.min(code.add(begin, code.i64(tiling.tiles() - 1)), code.sub(end, code.i64(1)));
    prefetchEnd = arith::SelectOp::create(code.b, code.loc, isShared, stop, begin);
    code.ifElse(isShared, [&] { prefetchPixels(begin); });
  }
  code.forLoop(code.div(begin, tiling.tiles()), endPanel, [&](Value panelIndex) {
    Value start = code.mul(panelIndex, all);
    Value firstTile = arith::MaxSIOp::create(code.b, code.loc, code.sub(begin, start), zero);
    writePanel(panelIndex, firstTile, code.min(code.sub(end, start), all), step,
               prefetches ? start : Value());
  });
}

void Driver::writePanel(Value panelIndex, Value firstTile, Value endTile, Value prefetchStep,
                        Value firstUnit) {
  int64_t panels = panelsOf(spec);
  Value group = code.div(panelIndex, panels), inGroup = code.rem(panelIndex, panels);
  Value column = code.add(code.mul(group, spec.n), code.mul(inGroup, panelColumns));
  Position position;
  position.weights = code.at(weights, code.mul(panelIndex, panelBytes));
  position.panel = code.at(code.at(params, layout.headBytes), code.mul(panelIndex, layout.panelBytes));
  position.x = code.at(x, code.mul(group, spec.c * inBytes));
  position.out = code.at(out, code.mul(column, outBytes));
  if (residual)
    position.residual = code.at(residual, code.mul(column, outBytes));
  position.firstTile = firstTile;
  position.endTile = endTile;
  position.prefetchStep = prefetchStep;
  position.firstUnit = firstUnit;

  int64_t rest = spec.n % panelColumns;
  if (rest == 0)
    return writeColumns(position, panelColumns);
  if (panels == 1)
    return writeColumns(position, rest);
  code.ifElse(
      code.lessThan(inGroup, code.i64(panels - 1)), [&] { writeColumns(position, panelColumns); },
      [&] { writeColumns(position, rest); });
}

/// A panel's columns, in sweeps of as many as two vectors hold.
void Driver::writeColumns(const Position &position, int64_t columns) {
  GemmTile tile(spec, variant);
  bool isWide = !spec.hasFloatSums() || (spec.isBf16 && variant.hasBf16);
  for (int64_t first = 0; first < columns;) {
    // One long vector does for half the columns; short ones gain nothing.
    int64_t left = columns - first;
    bool fillsTwo = left > tile.vectorBytes / 2;
    tile.vectors = tile.vectorBytes == 64 && left <= tile.vectorBytes / 4 ? 1
                   : fillsTwo && isWide                                   ? variant.tileVectors
                                                                          : 2;
    int64_t here = std::min(tile.columns(), columns - first);
    tile.partial = here < tile.columns();
    writeTiles(position, first, tile, here);
    first += tile.columns();
  }
}

/// Other cores have computed part of what a thread reads, and a line from there takes ten times as long as
/// one from the thread's own cache. Through its first `tiles` units a thread asks for the pixels of the next
/// one.
void Driver::prefetchPixels(Value unit) {
  int64_t pixelBytes = tiling.x.pixel * inBytes;
  Value tile = code.rem(unit, tiling.tiles());
  Value pixel = code.add(code.mul(tile, tiling.height), code.min(tile, code.i64(tiling.tall)));
  code.prefetchBytes(code.at(x, code.mul(pixel, pixelBytes)),
                     (tiling.height + (tiling.tall > 0)) * pixelBytes);
}

Value Driver::offsetOf(const Place &place, Value image, Value row, Value pixel, int64_t bytes) {
  Value offset = code.mul(pixel, place.pixel * bytes);
  offset = code.add(offset, code.mul(row, place.row * bytes));
  return code.add(offset, code.mul(image, place.image * bytes));
}

/// Where the target multiplies wider numbers than bytes, a copy of the weights serves many tiles.
Value Driver::widenWeights(Value weights, GemmTile &tile) {
  constexpr int64_t mostBytes = 32 << 10, enoughTiles = 4; // of the stack
  auto ops = VectorOps::create(code, variant, tile.vectorBytes);
  auto tileOfOne = ByteTile::create(*ops, variant, spec.isBf16, /*rows=*/1, tile.vectors);
  if (spec.hasFloatSums() || !tileOfOne || !tileOfOne->widensWeights() || panelBytes > mostBytes ||
      tiling.tiles() < enoughTiles)
    return weights;
  tile.wideWeights = true;
  if (!wideWeights)
    wideWeights = code.stackBytes(panelBytes);
  code.forLoop(code.i64(0), code.i64(segments.packedSteps()), [&](Value step) {
    Value offset = code.mul(step, panelStepBytes(spec));
    tileOfOne->widen(code.at(weights, offset), code.at(wideWeights, offset));
  });
  return wideWeights;
}

/// Floats of 16 bits as f32: the tile's columns, in the layout of f32 weights.
Value Driver::widenHalves(Value weights, GemmTile &tile) {
  constexpr int64_t mostBytes = 64 << 10, enoughTiles = 4; // of the stack
  if (panelBytes * 2 > mostBytes || tiling.tiles() < enoughTiles)
    return weights;
  if (!wideWeights)
    wideWeights = code.stackBytes(panelBytes * 2);
  auto ops = VectorOps::create(code, variant, tile.vectorBytes);
  code.forLoop(code.i64(0), code.i64(segments.packedSteps()), [&](Value step) {
    Value from = code.at(weights, code.mul(step, panelColumns * 2)),
          to = code.at(wideWeights, code.mul(step, panelColumns * 4));
    for (int64_t i = 0; i < tile.vectors * ops->count(); i += ops->count())
      code.store(ops->halvesAsFloats(tile.halfWeights, from, i * 2), to, i * 4);
  });
  tile.halfWeights = target::Half::None;
  return wideWeights;
}

void Driver::writeTiles(const Position &position, int64_t firstColumn, GemmTile tile, int64_t columns) {
  int64_t steps = segments.packedSteps();
  int64_t columnBytes = interleaved ? 2 : spec.nibbles ? 0 : panelStepBytes(spec) / panelColumns;
  Value weights = code.at(position.weights, firstColumn * columnBytes);
  weights = tile.halfWeights == target::Half::None ? widenWeights(weights, tile) : widenHalves(weights, tile);
  code.forLoop(position.firstTile, position.endTile, [&](Value index) {
    Value tileInRow = code.rem(index, tiling.tilesPerRow), line = code.div(index, tiling.tilesPerRow);
    Value row = code.rem(line, tiling.rows), image = code.div(line, tiling.rows);
    Value pixel = code.add(code.mul(tileInRow, tiling.height), code.min(tileInRow, code.i64(tiling.tall)));
    GemmTileArgs args;
    args.weights = weights;
    args.x = code.at(position.x, offsetOf(tiling.x, image, row, pixel, inBytes));
    args.out = code.at(position.out, offsetOf(tiling.out, image, row, pixel, outBytes));
    if (residual)
      args.residual = code.at(position.residual, offsetOf(tiling.residual, image, row, pixel, outBytes));
    if (imageScales)
      args.imageScale = code.at(imageScales, code.mul(image, spec.epilogue.bytesOfImage()));
    if (spec.epilogue.rows) { // a product: pixels are rows
      args.rowScales = code.at(rowScales, code.mul(pixel, 4));
      args.rowZeros = code.at(rowZeros, code.mul(pixel, 4));
    }
    Value done = code.mul(code.sub(index, position.firstTile), position.prefetchStep);
    args.prefetch = code.at(code.at(position.weights, panelBytes), code.mul(done, steps));
    if (position.firstUnit) {
      Value unit = code.add(position.firstUnit, index);
      code.ifElse(code.lessThan(unit, prefetchEnd), [&] { prefetchPixels(code.add(unit, code.i64(1))); });
    }
    auto callOf = [&](int64_t height) { callTile(position, tile, firstColumn, columns, height, args); };
    auto call = [&](int64_t height) {
      return limit ? callTileWithin(code.sub(limit, pixel), height, callOf) : callOf(height);
    };
    if (tiling.tall == 0)
      return call(tiling.height);
    code.ifElse(
        code.lessThan(tileInRow, code.i64(tiling.tall)), [&] { call(tiling.height + 1); },
        [&] { call(tiling.height); });
  });
}

/// Of the last tile that a run has a use for perhaps no more than some `left` pixels.
void Driver::callTileWithin(Value left, int64_t height, llvm::function_ref<void(int64_t height)> call) {
  auto callFrom = [&](auto &self, int64_t fewest) -> void {
    if (fewest >= height)
      return call(height);
    code.ifElse(
        code.lessThan(left, code.i64(fewest + 1)), [&] { call(fewest); }, [&] { self(self, fewest * 2); });
  };
  callFrom(callFrom, 1);
}

void Driver::callTile(const Position &position, const GemmTile &shape, int64_t firstColumn, int64_t columns,
                      int64_t height, GemmTileArgs args) {
  GemmTile tile = shape;
  bool interleaved = !spec.hasFloatSums() && spec.packing == target::Packing::Quads;
  args.panel = code.at(position.panel, interleaved ? firstColumn * 2 : firstColumn * 4);
  args.head = params;
  args.table = table;
  args.out = code.at(args.out, firstColumn * outBytes);
  if (residual)
    args.residual = code.at(args.residual, firstColumn * outBytes);
  args.steps = code.i64(segments.steps - (tile.tail > 0));
  if (spec.nibbles)
    args.steps = code.i64(spec.isFloat ? spec.c / groupDepth : llvm::divideCeil(spec.c, groupDepth));
  args.firstColumn = code.i64(firstColumn);
  args.xPixel = code.i64(tiling.x.pixel * inBytes);
  args.outer = code.i64(segments.outer);
  args.outerStride = code.i64(segments.outerStride * inBytes);
  args.inner = code.i64(segments.inner);
  args.innerStride = code.i64(segments.innerStride * inBytes);
  args.outPixel = code.i64(tiling.out.pixel * outBytes);
  args.residualPixel = code.i64(tiling.residual.pixel * outBytes);
  args.prefetchStep = position.prefetchStep;
  args.columns = code.i64(columns);

  int64_t parts = llvm::divideCeil(height, tile.maxRows(variant));
  for (int64_t part = 0; part < parts; ++part) {
    tile.rows = height / parts + (part < height % parts);
    code.call(getGemmTile(code, tile, variant), args.list(tile));
    args.x = code.at(args.x, tile.rows * tiling.x.pixel * inBytes);
    args.out = code.at(args.out, tile.rows * tiling.out.pixel * outBytes);
    if (residual)
      args.residual = code.at(args.residual, tile.rows * tiling.residual.pixel * outBytes);
    if (rowScales) {
      args.rowScales = code.at(args.rowScales, tile.rows * 4);
      args.rowZeros = code.at(args.rowZeros, tile.rows * 4);
    }
  }
}

} // namespace

namespace qcc::kernels {
LogicalResult emitGemm(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                       const Variant &variant) {
  GemmSpec spec = GemmSpec::fromAttr(attr);
  if (std::string reason = unsupportedReason(spec); !reason.empty())
    return emitError(function.getLoc(), "kernel 'gemm': ") << reason;
  Driver(builder, function, spec, variant, attr.contains(limitKey)).write();
  return success();
}
} // namespace qcc::kernels
