//===- Reduce.cpp - Kernels of reductions and global pooling ----------------===//
//
// Floats are summed (or multiplied) in their own compute type, in an order that depends on the
// variant's lanes only; integers exactly in 64 bits; quantised values in 32 (q8).
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/target/Target.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

namespace {
enum class Kind { Mean, Max, Min, Sum, L2, Prod };

/// One reduction: its axes, loops and types.
struct Reduction {
  Spec spec;
  Kind kind = Kind::Sum;
  SmallVector<int64_t> axes;
  FoldedAxes folded;
  LoopNest nest;
  bool quantizedMean;

  explicit Reduction(DictionaryAttr attr)
      : spec(attr), axes(axesOf(spec)), folded(spec.views[0], axes),
        nest(folded.keptShape, nestViews(), 0, false, std::max<int64_t>(folded.count, 1)) {
    kind = kindOf(spec.kind);
    quantizedMean = kind == Kind::Mean && spec.anyQuantized();
  }

  Type element() const { return spec.views[0].element; }
  bool isUnsignedType() const { return isUnsigned(element()); }
  bool isSelection() const { return kind == Kind::Max || kind == Kind::Min; }
  Type sumType() const;

  Expr start(const Code &code) const;
  Expr combine(Expr sum, Expr x) const;
  Expr lift(Expr x) const;
  Expr finish(Expr sum) const;
  Expr foldAxes(const Code &code, Value address, size_t axis, Expr sum) const;
  Expr sumBytes(const Code &code, Value address, size_t axis, Expr sum) const;

private:
  static SmallVector<int64_t> axesOf(const Spec &spec);
  static Kind kindOf(StringRef name);
  SmallVector<View> nestViews() const {
    return {folded.kept, dropFolded(spec.result(), axes, spec.views[0].shape.size())};
  }
};
} // namespace

SmallVector<int64_t> Reduction::axesOf(const Spec &spec) {
  if (!spec.kind.starts_with("global"))
    return spec.list("axes");
  int64_t first = spec.string("layout", "nchw") == "nhwc" ? 1 : 2;
  auto rank = static_cast<int64_t>(spec.views[0].shape.size());
  auto spatial = llvm::seq<int64_t>(first, first + rank - 2);
  return SmallVector<int64_t>(spatial.begin(), spatial.end());
}

Kind Reduction::kindOf(StringRef name) {
  if (name == "reduce_mean" || name == "global_average_pool")
    return Kind::Mean;
  if (name == "reduce_max" || name == "global_max_pool")
    return Kind::Max;
  if (name == "reduce_prod")
    return Kind::Prod;
  return name == "reduce_min" ? Kind::Min : name == "reduce_sum" ? Kind::Sum : Kind::L2;
}

Type Reduction::sumType() const {
  Type type = computeType(element());
  if (isSelection() || isa<FloatType>(type))
    return type;
  return IntegerType::get(type.getContext(), quantizedMean ? 32 : 64);
}

Expr Reduction::start(const Code &code) const {
  Type type = sumType();
  if (!isSelection())
    return code.constant(type, int64_t(kind == Kind::Prod ? 1 : 0));
  double infinity = std::numeric_limits<double>::infinity();
  if (isa<FloatType>(type))
    return code.constant(type, kind == Kind::Max ? -infinity : infinity);
  int64_t low, high;
  storageLimits(element(), low, high);
  return code.constant(type, kind == Kind::Max ? low : high);
}

Expr Reduction::combine(Expr sum, Expr x) const {
  if (!isSelection())
    return kind == Kind::Prod ? sum * x : sum + x;
  if (x.isFloat())
    return kind == Kind::Max ? maximumOrNan(x, sum) : minimumOrNan(x, sum);
  return kind == Kind::Max ? maximum(x, sum, isUnsignedType()) : minimum(x, sum, isUnsignedType());
}

/// An element as it enters the sum.
Expr Reduction::lift(Expr x) const {
  if (isSelection())
    return x;
  if (!x.isFloat())
    x = resizeInteger(x, sumType(), isUnsignedType());
  return kind == Kind::L2 ? x * x : x;
}

/// From the complete sum to the result's compute type.
Expr Reduction::finish(Expr sum) const {
  if (isSelection() || kind == Kind::Sum || kind == Kind::Prod)
    return sum.isFloat() || isSelection() ? sum : resizeInteger(sum, computeType(element()), false);
  const Code &code = *sum.code;
  if (quantizedMean) {
    Quantization from = *perTensor(spec.types.front());
    std::optional<Quantization> to = perTensor(spec.types.back());
    Expr centredSum = toFloat(sum - code.i32(from.zeroPoint * folded.count));
    auto count = static_cast<float>(std::max<int64_t>(folded.count, 1));
    if (!to)
      return centredSum * code.f32(from.scale / count);
    return roundAndSaturate(centredSum * code.f32(from.scale / (to->scale * count)), *to,
                            spec.result().element, 1.01f * byteRange * from.scale / to->scale);
  }
  Type f64 = code.builder.getF64Type(), type = computeType(element());
  if (kind == Kind::L2)
    return sum.isFloat()
               ? squareRoot(sum)
               : truncateToInteger(squareRoot(toFloat(sum, f64, isUnsignedType())), type, isUnsignedType());
  if (sum.isFloat())
    return sum / code.constant(type, folded.count);
  Expr count = code.constant(sum.scalarType(), std::max<int64_t>(folded.count, 1));
  return resizeInteger(divideIntegers(sum, count, isUnsignedType()), type, false);
}

Expr Reduction::foldAxes(const Code &code, Value address, size_t axis, Expr sum) const {
  if (folded.shape.empty())
    return combine(sum, lift(load(code, address, element())));
  int64_t bytes = folded.strides[axis] * storageBytes(element());
  if (axis + 1 < folded.shape.size()) {
    auto body = [&](Value index, ValueRange carried) {
      Value next = code.offset(address, code.mulIndex(index, bytes));
      return SmallVector<Value>{foldAxes(code, next, axis + 1, code.wrap(carried[0])).value};
    };
    return code.wrap(
        code.loop(code.index(0), code.index(folded.shape[axis]), 1, ValueRange(sum.value), body)[0]);
  }
  if (quantizedMean && code.lanes > 1 && storageBytes(element()) == 1)
    return sumBytes(code, address, axis, sum);
  int64_t widest = std::max<int64_t>(storageBytes(element()), sumType().getIntOrFloatBitWidth() / 8);
  int64_t lanes = lanesOfLine(code, folded.strides[axis] == 1, folded.shape[axis], widest);
  auto start = [&](const Code &inner) { return this->start(inner); };
  auto step = [&](const Code &inner, Value index, Expr partial) {
    Value at = code.offset(address, code.mulIndex(index, bytes));
    return combine(partial, lift(load(inner, at, element())));
  };
  auto merge = [&](Expr a, Expr b) { return combine(a, b); };
  Expr line = foldLine(code, folded.shape[axis], lanes, Fold{start, step, merge});
  return combine(sum, code.wrap(line.value));
}

/// `count` bytes in steps of `stride`, added up in 16 bits.
static Expr sumInWords(const Code &code, Value address, int64_t count, int64_t stride, Type element) {
  constexpr int64_t unrolled = 4; // more than one, to hide the loop itself
  Type i16 = code.builder.getI16Type();
  auto add = [&](Value from, int64_t steps, Expr sum) {
    for (int64_t i = 0; i < steps; ++i)
      sum = sum + resizeInteger(load(code, code.offset(from, i * stride), element), i16, isUnsigned(element));
    return sum;
  };
  int64_t whole = count / unrolled * unrolled;
  auto body = [&](Value index, ValueRange carried) {
    Value from = code.offset(address, code.mulIndex(index, stride));
    return SmallVector<Value>{add(from, unrolled, code.wrap(carried[0])).value};
  };
  Expr zero = code.constant(i16, int64_t(0));
  Expr sum =
      code.wrap(code.loop(code.index(0), code.index(whole), unrolled, ValueRange(zero.value), body)[0]);
  return add(code.offset(address, whole * stride), count - whole, sum);
}

/// Bytes are added up in 16 bits, 256 at a time: twice the lanes of a 32-bit sum.
Expr Reduction::sumBytes(const Code &code, Value address, size_t axis, Expr sum) const {
  constexpr int64_t atOnce = 256; // 256 * 255 < 2^16
  int64_t stride = folded.strides[axis], whole = folded.shape[axis] / atOnce * atOnce;
  auto addBlock = [&](Value from, int64_t count, Expr total) {
    Expr part = sumInWords(code, from, count, stride, element());
    return total + resizeInteger(part, sumType(), isUnsignedType());
  };
  auto body = [&](Value index, ValueRange carried) {
    Value from = code.offset(address, code.mulIndex(index, stride));
    return SmallVector<Value>{addBlock(from, atOnce, code.wrap(carried[0])).value};
  };
  if (whole)
    sum = code.wrap(code.loop(code.index(0), code.index(whole), atOnce, ValueRange(sum.value), body)[0]);
  int64_t rest = folded.shape[axis] - whole;
  return rest ? addBlock(code.offset(address, whole * stride), rest, sum) : sum;
}

int64_t reduceUnits(DictionaryAttr attr) { return Reduction(attr).nest.units(); }

LogicalResult emitReduce(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                         const target::Variant &variant) {
  Reduction reduction(attr);
  const Spec &spec = reduction.spec;
  Code code(builder, function.getLoc(), variant);
  if (spec.anyQuantized() && !reduction.isSelection() &&
      !(reduction.quantizedMean && perTensor(spec.types.front()) &&
        (perTensor(spec.types.back()) || spec.types.back().isF32()) &&
        storageBytes(reduction.element()) == 1))
    return emitError(code.loc, "no kernel for '")
           << spec.kind << "' from " << spec.types.front() << " to " << spec.types.back();
  // 2^23 bytes add up to less than 2^31.
  if (reduction.quantizedMean && reduction.folded.count > (int64_t(1) << 22))
    return emitError(code.loc, "average of ")
           << reduction.folded.count << " quantised values; at most 4194304";
  Arguments arguments = argumentsOf(function, spec);
  reduction.nest.emit(code, arguments.pointers, arguments.begin, arguments.end, [&](const Point &point) {
    Expr sum = reduction.foldAxes(point.code, point.addresses[0], 0, reduction.start(point.code));
    point.store(1, reduction.finish(sum));
  });
  return success();
}

} // namespace qcc::kernels
