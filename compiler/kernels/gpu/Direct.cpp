//===- Direct.cpp - Products, one thread for each output --------------------===//
//
// Depthwise filters, products of a few rows, where the tiles of BlockGemm would be
// mostly empty, and those of floats before sm_80. Neighbouring threads have
// neighbouring channels.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/gemm/Tiling.h"
#include "compiler/kernels/gpu/ElementEpilogue.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/kernels/gpu/NibbleColumn.h"
#include "compiler/target/nvptx/BlockOps.h"
#include <numeric>

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::CodeBuilder;
using qcc::target::Variant;
namespace target = qcc::target;

namespace {
bool hasFloatSums(const GemmSpec &spec) { return spec.hasFloatSums(); }
bool hasFloatSums(const DepthwiseSpec &spec) { return spec.isFloat; }

/// What both kinds have in common: walking outputs, and their epilogues.
template <typename Spec> class Direct : protected ProductArguments {
public:
  Direct(OpBuilder &builder, func::FuncOp function, const Spec &spec, const Variant &variant,
         int64_t channels, int64_t panelWidth)
      : ProductArguments(function, spec.epilogue), code(builder, function.getLoc()),
        scalar(builder, function.getLoc(), variant), variant(variant), spec(spec), channels(channels),
        panelWidth(panelWidth), layout(spec.epilogue, hasFloatSums(spec), spec.packing, panelWidth) {}

  /// What a thread knows about its output.
  struct Element {
    Value channel, image, line, column; ///< i64
    Value panel;                        ///< parameters of its channel
  };
  using Sum = llvm::function_ref<Expr(const Element &)>;

  /// `panelOf`: the channel's panel among all, and its place in it.
  void emit(llvm::function_ref<std::pair<Value, Value>(Value channel)> panelOf, Sum sum) {
    int64_t elements = spec.batch * spec.outH * spec.outW * channels;
    auto loop = scf::ForOp::create(code.b, code.loc, begin, code.i64(elements), end);
    OpBuilder::InsertionGuard guard(code.b);
    code.b.setInsertionPointToStart(loop.getBody());
    auto [pixel, channel] = divide(loop.getInductionVar(), channels);
    auto [row, column] = divide(pixel, spec.outW);
    auto [image, line] = divide(row, spec.outH);
    Element element{channel, image, line, column, Value()};
    auto [panel, inPanel] = panelOf(element.channel);
    element.panel = code.at(code.at(params, layout.headBytes),
                            code.add(code.mul(panel, layout.panelBytes), code.mul(inPanel, 4)));
    finish(element, sum(element));
  }

  /// Quotient and remainder of what is no more than the elements: in 32 bits, where a GPU divides faster.
  std::pair<Value, Value> divide(Value value, int64_t by) {
    Type wide = value.getType();
    bool narrow = spec.batch * spec.outH * spec.outW * channels < int64_t(1) << 31;
    if (narrow)
      value = arith::TruncIOp::create(code.b, code.loc, code.i32(), value);
    Value quotient = code.div(value, by), remainder = code.rem(value, by);
    if (!narrow)
      return {quotient, remainder};
    return {arith::ExtUIOp::create(code.b, code.loc, wide, quotient),
            arith::ExtUIOp::create(code.b, code.loc, wide, remainder)};
  }

  Value place(Value base, const Place &at, const Element &element, int64_t strideH, int64_t strideW,
              int64_t bytes) {
    Value offset = code.add(code.mul(element.image, at.image), code.mul(element.line, at.row * strideH));
    offset = code.add(offset, code.mul(element.column, at.pixel * strideW));
    return code.at(code.at(base, at.offset * bytes), code.mul(offset, bytes));
  }

  Expr bias(const Element &element) {
    return load(scalar, element.panel, spec.isFloat ? Type(code.f32()) : Type(code.i32()));
  }

  CodeBuilder code;
  Code scalar;
  const Variant &variant;
  const Spec &spec;
  int64_t channels, panelWidth;
  ParamLayout layout;

private:
  void finish(const Element &element, Expr sum) {
    ElementEpilogue epilogue(scalar, spec.epilogue, hasFloatSums(spec), layout, params, table);
    SmallVector<Expr> columns;
    for (int64_t offset : epilogue.columnOffsets())
      columns.push_back(load(scalar, code.at(element.panel, offset), code.f32()));
    Type storage = epilogue.storage();
    int64_t bytes = storageBytes(storage);
    Value channel = code.mul(element.channel, bytes);
    Expr old;
    if (residual)
      old = load(scalar, code.at(place(residual, spec.residual, element, 1, 1, bytes), channel), storage);
    Expr imageScale;
    if (imageScales)
      imageScale = load(scalar, code.at(imageScales, code.mul(element.image, 4)), code.f32());
    Value to = code.at(place(out, spec.out, element, 1, 1, bytes), channel);
    auto row = epilogue.rowAt(*this, element.column);
    store(epilogue.apply(sum, columns, row, old, imageScale), to, storage);
  }
};

class DirectGemm : public Direct<GemmSpec> {
public:
  DirectGemm(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec, const Variant &variant)
      : Direct(builder, function, spec, variant, spec.outChannels(), panelColumns),
        segments(segmentsOf(spec)) {
    const Place &place = spec.x;
    for (int64_t step : {place.offset, place.image, place.row * spec.strideH, place.pixel * spec.strideW,
                         spec.c, segments.outerStride, segments.innerStride})
      alignment = std::gcd(alignment, step);
  }

  void emit() {
    auto panelOf = [&](Value channel) {
      auto [group, column] = divide(channel, spec.n);
      Value panel = code.add(code.mul(group, panelsOf(spec)), code.div(column, panelColumns));
      return std::make_pair(panel, Value(code.rem(column, panelColumns)));
    };
    Direct::emit(panelOf, [&](const Element &element) {
      auto [panel, column] = panelOf(element.channel);
      Value from = place(x, spec.x, element, spec.strideH, spec.strideW, spec.inBytes());
      from = code.at(from, code.mul(divide(element.channel, spec.n).first, spec.c * spec.inBytes()));
      Value panelWeights = code.at(weights, code.mul(panel, segments.packedSteps() * panelStepBytes(spec)));
      if (spec.nibbles)
        return sumOfGroups(from, panelWeights, column);
      return sumOfSegments(bias(element), from, panelWeights, column);
    });
  }

private:
  Expr sumOfGroups(Value from, Value panelWeights, Value column) {
    NibbleColumn product(code, scalar, variant, *spec.nibbles);
    if (spec.isFloat)
      return product.sumOfFloats(from, panelWeights, column, spec.c);
    return product.sumOfBytes(
        from, [&](Value pointer) { return fourBytes(pointer); }, panelWeights, column, spec.c);
  }

  /// Over all segments of the filter.
  Expr sumOfSegments(Expr sum, Value from, Value panelWeights, Value column) {
    auto outer = [&](Value i, ValueRange sums) {
      Value row = code.at(from, code.mul(i, segments.outerStride * spec.inBytes()));
      auto inner = [&](Value j, ValueRange partial) {
        Value start = code.at(row, code.mul(j, segments.innerStride * spec.inBytes()));
        Value segment = code.add(code.mul(i, segments.inner), j);
        return target::Values{
            sumOfSegment(scalar.wrap(partial[0]), start, segment, panelWeights, column).value};
      };
      return code.forLoop(code.i64(0), code.i64(segments.inner), 1, sums, inner);
    };
    return scalar.wrap(code.forLoop(code.i64(0), code.i64(segments.outer), 1, sum.value, outer)[0]);
  }

  Expr sumOfSegment(Expr sum, Value from, Value segment, Value panelWeights, Value column) {
    int64_t steps = spec.isFloat ? segments.depth : segments.steps;
    int64_t stepDepth = spec.isFloat && hasLines(spec) ? 16 / spec.inBytes() : 1;
    auto body = [&](Value step, ValueRange sums) {
      Value at = code.add(code.mul(segment, segments.steps * stepDepth), step);
      return target::Values{spec.isFloat ? floatStep(sums[0], from, step, at, panelWeights, column)
                                         : byteStep(sums[0], from, step, at, panelWeights, column)};
    };
    return scalar.wrap(code.forLoop(code.i64(0), code.i64(steps), 1, sum.value, body)[0]);
  }

  Value floatStep(Value sum, Value from, Value step, Value at, Value panelWeights, Value column) {
    Type bf16 = code.b.getBF16Type();
    Expr a = load(scalar, code.at(from, code.mul(step, spec.inBytes())), spec.isBf16 ? bf16 : code.f32());
    Value place = hasLines(spec) ? placeInLines(at, column) : code.add(code.mul(at, panelColumns), column);
    Value w = code.at(panelWeights, code.mul(place, weightBytesOf(spec)));
    Type weight = spec.isBf16 ? bf16 : storageOf(code.b.getContext(), spec.halfWeights);
    Expr b = spec.byteWeights ? toFloat(resizeInteger(load(scalar, w, code.i8()), code.i32(), false))
                              : load(scalar, w, weight);
    return mulAdd(a, b, scalar.wrap(sum)).value;
  }

  /// gpu::lineOf
  Value lineOfColumn(Value column) {
    return code.add(code.mul(code.div(code.rem(column, 8), 2), 8),
                    code.add(code.mul(code.div(column, 8), 2), code.rem(column, 2)));
  }

  /// Of a float weight, in a panel: gpu::placeInLine.
  Value placeInLines(Value at, Value column) {
    int64_t elements = lineDepth / spec.inBytes(), perWord = 4 / weightBytesOf(spec);
    Value inLine = code.rem(at, elements);
    if (!spec.isBf16) {
      Value inChunk = code.rem(inLine, 4 * perWord);
      Value turned = code.add(code.mul(code.rem(inChunk, 4), perWord), code.div(inChunk, 4));
      inLine = code.add(code.sub(inLine, inChunk), turned);
    }
    Value line = code.add(code.mul(code.div(at, elements), panelColumns), lineOfColumn(column));
    return code.add(code.mul(line, elements), inLine);
  }

  /// 16 bytes of depth; those beyond the segment meet zeros.
  Value byteStep(Value sum, Value from, Value step, Value at, Value panelWeights, Value column) {
    constexpr int64_t chunk = 16, chunks = lineDepth / chunk;
    Value inTile = code.add(code.mul(lineOfColumn(column), lineDepth), code.mul(code.rem(at, chunks), chunk));
    Value w =
        code.at(code.at(panelWeights, code.mul(code.div(at, chunks), panelColumns * lineDepth)), inTile);
    Value bytes = code.at(from, code.mul(step, chunk));
    for (int64_t word = 0; word < chunk; word += 4)
      sum = target::dotBytes(code, variant, sum, fourBytes(code.at(bytes, word)),
                             code.load(code.i32(), w, word, 4));
    return sum;
  }

  /// A word, in pieces where it is not aligned.
  Value fourBytes(Value pointer) {
    if (alignment % 4 == 0)
      return code.load(code.i32(), pointer, 0, 4);
    Expr word = scalar.i32(0);
    for (unsigned i = 0; i < 4; ++i) {
      Expr byte = load(scalar, code.at(pointer, i), code.i8());
      word = word | (resizeInteger(byte, code.i32(), /*isUnsigned=*/true) << (8 * i));
    }
    return word.value;
  }

  Segments segments;
  int64_t alignment = 16;
};

class DirectDepthwise : public Direct<DepthwiseSpec> {
public:
  DirectDepthwise(OpBuilder &builder, func::FuncOp function, const DepthwiseSpec &spec,
                  const Variant &variant)
      : Direct(builder, function, spec, variant, spec.channels, blockChannels) {}

  void emit() {
    auto panelOf = [&](Value channel) {
      return std::make_pair(Value(code.div(channel, blockChannels)), Value(code.rem(channel, blockChannels)));
    };
    int64_t bytes = spec.isFloat ? 4 : 1, weightBytes = spec.byteWeights ? 1 : bytes,
            taps = spec.kernelH * spec.kernelW;
    Direct::emit(panelOf, [&](const Element &element) {
      auto [block, inBlock] = panelOf(element.channel);
      Value from = place(x, spec.x, element, spec.strideH, spec.strideW, bytes);
      from = code.at(from, code.mul(element.channel, bytes));
      Value w =
          code.at(weights, code.mul(code.add(code.mul(block, taps * blockChannels), inBlock), weightBytes));
      return sumOfTaps(bias(element), from, w, bytes, weightBytes);
    });
  }

private:
  Expr sumOfTaps(Expr sum, Value from, Value w, int64_t bytes, int64_t weightBytes) {
    Type type = spec.isFloat ? Type(code.f32()) : Type(code.i8());
    Type weightType = weightBytes == 4 ? Type(code.f32()) : Type(code.i8());
    auto row = [&](Value i, ValueRange sums) {
      Value line = code.at(from, code.mul(i, spec.dilationH * spec.x.row * bytes));
      Value lineWeights = code.at(w, code.mul(i, spec.kernelW * blockChannels * weightBytes));
      Expr total = scalar.wrap(sums[0]);
      for (int64_t j = 0; j < spec.kernelW; ++j) {
        Expr a = load(scalar, code.at(line, j * spec.dilationW * spec.x.pixel * bytes), type);
        Expr b = load(scalar, code.at(lineWeights, j * blockChannels * weightBytes), weightType);
        if (weightBytes == 1)
          b = resizeInteger(b, code.i32(), false);
        if (spec.byteWeights)
          b = toFloat(b);
        total = spec.isFloat ? mulAdd(a, b, total) : total + resizeInteger(a, code.i32(), true) * b;
      }
      return target::Values{total.value};
    };
    return scalar.wrap(code.forLoop(code.i64(0), code.i64(spec.kernelH), 1, sum.value, row)[0]);
  }
};
} // namespace

Launch gpu::directLaunch(int64_t elements) {
  constexpr int64_t threads = 128, mostBlocks = 1 << 16;
  return {std::clamp<int64_t>((elements + threads - 1) / threads, 1, mostBlocks), threads};
}

void gpu::emitDirectGemm(OpBuilder &builder, func::FuncOp function, const GemmSpec &spec,
                         const Variant &variant) {
  DirectGemm(builder, function, spec, variant).emit();
}

void gpu::emitDirectDepthwise(OpBuilder &builder, func::FuncOp function, const DepthwiseSpec &spec,
                              const Variant &variant) {
  DirectDepthwise(builder, function, spec, variant).emit();
}
