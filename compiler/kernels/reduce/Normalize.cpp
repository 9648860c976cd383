//===- Normalize.cpp - Kernels of softmax and batch normalisation -----------===//
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Functions.h"
#include "compiler/kernels/Map.h"
#include "compiler/target/Target.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

namespace {
/// The loops around the lines that are normalised.
struct Lines {
  Spec spec;
  int64_t axis;
  FoldedAxes input, output;
  LoopNest nest;

  explicit Lines(DictionaryAttr attr)
      : spec(attr), axis(spec.integer("axis", -1)), input(spec.views[0], resolvedAxis()),
        output(spec.result(), resolvedAxis()),
        nest(input.keptShape, {input.kept, output.kept}, 0, false, std::max<int64_t>(input.count, 1)) {}

  ArrayRef<int64_t> resolvedAxis() {
    if (axis < 0)
      axis += static_cast<int64_t>(spec.result().shape.size());
    return axis;
  }
  int64_t size() const { return spec.result().shape[axis]; }
  int64_t inputBytes() const { return spec.views[0].strides[axis] * storageBytes(spec.views[0].element); }
  int64_t outputBytes() const { return spec.result().strides[axis] * storageBytes(spec.result().element); }
  bool isContiguous() const { return spec.views[0].strides[axis] == 1 && spec.result().strides[axis] == 1; }
};
} // namespace

int64_t softmaxUnits(DictionaryAttr attr) { return Lines(attr).nest.units(); }

/// Three passes: the maximum; exp(x - max), kept in the result, and its sum; the
/// quotient. The numerators of narrow floats are computed again instead, since
/// storing them would round twice.
static void emitLine(const Lines &lines, const Point &point) {
  const Code &code = point.code;
  Type in = lines.spec.views[0].element, out = lines.spec.result().element, type = computeType(in);
  bool keeps = storageBytes(out) >= 4;
  int64_t lanes =
      lanesOfLine(code, lines.isContiguous(), lines.size(), std::max<int64_t>(storageBytes(type), 4));
  auto inputAt = [&](const Code &inner, Value i) {
    return load(inner, inner.offset(point.addresses[0], inner.mulIndex(i, lines.inputBytes())), in);
  };
  auto outputAt = [&](const Code &inner, Value i) {
    return inner.offset(point.addresses[1], inner.mulIndex(i, lines.outputBytes()));
  };
  auto all = [&](const Code &inner, Expr scalar) {
    return inner.lanes == code.lanes ? scalar : inner.splat(scalar.value);
  };
  double infinity = std::numeric_limits<double>::infinity();
  auto lowest = [&](const Code &inner) { return inner.constant(type, -infinity); };
  auto higher = [&](const Code &inner, Value i, Expr most) { return maximumOrNan(inputAt(inner, i), most); };
  Expr most = foldLine(code, lines.size(), lanes, Fold{lowest, higher, maximumOrNan});
  most = code.wrap(most.value);

  auto numerator = [&](const Code &inner, Value i) {
    return exponential(inputAt(inner, i) - all(inner, most));
  };
  auto zero = [&](const Code &inner) { return inner.constant(type, int64_t(0)); };
  auto add = [&](const Code &inner, Value i, Expr sum) {
    Expr value = numerator(inner, i);
    if (keeps)
      store(value, outputAt(inner, i), out);
    return sum + value;
  };
  Expr sum = foldLine(code, lines.size(), lanes, Fold{zero, add, [](Expr a, Expr b) { return a + b; }});
  Expr factor = code.constant(type, int64_t(1)) / code.wrap(sum.value);
  forLine(code, lines.size(), lanes, [&](const Code &inner, Value i) {
    Expr value = keeps ? load(inner, outputAt(inner, i), out) : numerator(inner, i);
    store(value * all(inner, factor), outputAt(inner, i), out);
  });
}

LogicalResult emitSoftmax(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                          const target::Variant &variant) {
  Lines lines(attr);
  Code code(builder, function.getLoc(), variant);
  if (lines.spec.anyQuantized() || lines.spec.views[0].element != lines.spec.result().element ||
      !isa<FloatType>(lines.spec.result().element))
    return emitError(code.loc, "no kernel for 'softmax' on ") << lines.spec.types.front();
  Arguments arguments = argumentsOf(function, lines.spec);
  lines.nest.emit(code, arguments.pointers, arguments.begin, arguments.end,
                  [&](const Point &point) { emitLine(lines, point); });
  return success();
}

//===----------------------------------------------------------------------===//
// Batch normalisation
//===----------------------------------------------------------------------===//

/// The input, four vectors along the channels, the result.
static Map normalizationMap(const Spec &spec) {
  ArrayRef<int64_t> shape = spec.result().shape;
  bool last = spec.string("layout", "nchw") == "nhwc" && shape.size() > 2;
  size_t channels = last ? shape.size() - 1 : 1;
  SmallVector<View> views(spec.views);
  for (size_t i = 1; i <= 4; ++i) {
    View line{views[i].element, SmallVector<int64_t>(shape), SmallVector<int64_t>(shape.size(), 0),
              views[i].offset};
    line.strides[channels] = views[i].strides[0];
    views[i] = line;
  }
  return Map(shape, views);
}

int64_t batchNormalizationUnits(DictionaryAttr attr) { return normalizationMap(Spec(attr)).units(); }

LogicalResult emitBatchNormalization(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                     const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  if (spec.anyQuantized())
    return emitError(code.loc, "no kernel for 'batch_normalization' on ") << spec.types.front();
  Arguments arguments = argumentsOf(function, spec);
  float epsilon = static_cast<float>(spec.real("epsilon", 1e-5));
  normalizationMap(spec).emit(code, arguments.pointers, arguments.begin, arguments.end,
                              [&](const Point &point) {
                                Type type = computeType(spec.result().element);
                                auto value = [&](size_t i) { return changeFloat(point.load(i), type); };
                                Expr deviation = squareRoot(value(4) + epsilon);
                                return (value(0) - value(3)) / deviation * value(1) + value(2);
                              });
  return success();
}

} // namespace qcc::kernels
