//===- Convert.cpp - Kernels of casts and of scales known at run time -------===//
#include "compiler/kernels/Fold.h"
#include "compiler/kernels/Map.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/kernels/quantize/Dynamic.h"

using namespace mlir;

namespace qcc::kernels {

/// ONNX's 8-bit and 4-bit floats have no code.
static bool isSupported(Type type) {
  return type.isF32() || type.isF64() || type.isF16() || type.isBF16() || isa<IntegerType>(type);
}

static LogicalResult checkTypes(const Code &code, const Spec &spec) {
  for (const View &view : spec.views)
    if (!isSupported(view.element))
      return emitError(code.loc, "no kernel for '") << spec.kind << "' with element type " << view.element;
  return success();
}

//===----------------------------------------------------------------------===//
// Cast: floats truncate to integers, integers wrap
//===----------------------------------------------------------------------===//

/// 4-bit integers keep their four bits, extended in the byte.
static Expr wrapNibble(Expr x, Type to) {
  if (to.getIntOrFloatBitWidth() != 4)
    return x;
  Expr high = x << 4;
  return isUnsigned(to) ? shiftRightLogical(high, 4) : shiftRightArithmetic(high, 4);
}

static Expr toInteger(Expr x, Type from, Type to) {
  const Code &code = *x.code;
  Type type = computeType(to);
  if (to.isInteger(1))
    return compare(Order::NotEqual, x, code.constant(x.scalarType(), int64_t(0)));
  if (!x.isFloat())
    return wrapNibble(resizeInteger(x, type, isUnsigned(from)), to);
  // Through 64 bits, of which narrower types keep the low ones.
  bool isWideUnsigned = isUnsigned(to) && to.getIntOrFloatBitWidth() == 64;
  Expr wide = truncateToInteger(x, code.builder.getI64Type(), /*isUnsigned=*/false);
  if (isWideUnsigned) {
    Expr unsignedWide = truncateToInteger(x, code.builder.getI64Type(), /*isUnsigned=*/true);
    wide = select(compare(Order::Less, x, code.constant(x.scalarType(), int64_t(0))), wide, unsignedWide);
  }
  return wrapNibble(resizeInteger(wide, type, false), to);
}

/// float64 to the float32 next to it on the side of zero, the last bit set if it is not exact: stored
/// in fewer bits it has been rounded once.
static Expr toOddFloat(Expr x) {
  const Code &code = *x.code;
  Type f32 = code.builder.getF32Type(), i32 = code.builder.getI32Type();
  Expr nearest = changeFloat(x, f32), back = changeFloat(nearest, code.builder.getF64Type());
  Expr bits = bitcast(nearest, i32), one = code.constant(i32, int64_t(1));
  bits = select(compare(Order::Greater, absolute(back), absolute(x)), bits - one, bits);
  return bitcast(select(compare(Order::NotEqual, back, x), bits | one, bits), f32);
}

static Expr convert(Expr x, Type from, Type to) {
  if (isa<IntegerType>(to))
    return toInteger(x, from, to);
  // Narrow floats are stored from float32.
  Type type = computeType(to);
  if (from.isF64() && !to.isF64() && !to.isF32())
    return toOddFloat(x);
  if (x.isFloat())
    return changeFloat(x, type);
  Type f64 = x.code->builder.getF64Type();
  bool isWide = from.getIntOrFloatBitWidth() > 32;
  return changeFloat(toFloat(x, isWide ? f64 : type, isUnsigned(from)), type);
}

LogicalResult emitCast(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                       const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  if (failed(checkTypes(code, spec)))
    return failure();
  emitMap(code, spec, argumentsOf(function, spec), [&](const Point &point) {
    return convert(point.load(0), spec.views[0].element, spec.result().element);
  });
  return success();
}

//===----------------------------------------------------------------------===//
// QuantizeLinear, DequantizeLinear
//===----------------------------------------------------------------------===//

/// A scale or zero point as seen from the whole tensor. A blocked axis becomes two.
static View spread(const View &scale, const View &tensor, int64_t axis, int64_t block) {
  View view{scale.element, tensor.shape, SmallVector<int64_t>(tensor.shape.size(), 0), scale.offset};
  if (block)
    view.strides = scale.strides;
  else if (scale.shape.size() == 1 && scale.shape[0] != 1)
    view.strides[axis] = scale.strides[0];
  return view;
}

/// Cuts `axis` into whole blocks: (blocks, block).
static void cutAxis(View &view, int64_t axis, int64_t block, bool isScale) {
  int64_t stride = view.strides[axis];
  view.shape[axis] /= block;
  view.strides[axis] = isScale ? stride : stride * block;
  view.shape.insert(view.shape.begin() + axis + 1, block);
  view.strides.insert(view.strides.begin() + axis + 1, isScale ? 0 : stride);
}

/// The loops over input, scale, zero point if there is one, and result; two where
/// the last block is cut short.
static SmallVector<Map, 0> scaledMaps(const Spec &spec) {
  int64_t axis = spec.integer("axis", 1), block = spec.integer("block_size", 0);
  const View &input = spec.views[0];
  axis += axis < 0 ? static_cast<int64_t>(input.shape.size()) : 0;
  SmallVector<View> views{input};
  for (size_t i = 1; i + 1 < spec.views.size(); ++i)
    views.push_back(spread(spec.views[i], input, axis, block));
  views.push_back(spec.result());
  SmallVector<Map, 0> maps;
  if (!block) {
    maps.emplace_back(input.shape, views);
    return maps;
  }
  int64_t size = input.shape[axis], whole = size / block, rest = size % block;
  auto add = [&](int64_t first, int64_t length, int64_t width) {
    SmallVector<View> part(views);
    for (auto [i, view] : llvm::enumerate(part)) {
      bool isScale = i != 0 && i + 1 != part.size();
      view.offset += view.strides[axis] * (isScale ? first / block : first);
      view.shape[axis] = length;
      cutAxis(view, axis, width, isScale);
    }
    maps.emplace_back(part.front().shape, part);
  };
  if (whole)
    add(0, whole * block, block);
  if (rest)
    add(whole * block, rest, rest);
  return maps;
}

int64_t scaledUnits(DictionaryAttr attr) {
  int64_t units = 0;
  for (const Map &map : scaledMaps(Spec(attr)))
    units = std::max(units, map.units());
  return units;
}

static LogicalResult emitScaled(const Code &code, const Spec &spec, const Arguments &arguments,
                                Map::Compute compute) {
  if (failed(checkTypes(code, spec)))
    return failure();
  int64_t units = 0;
  SmallVector<Map, 0> maps = scaledMaps(spec);
  for (const Map &map : maps)
    units = std::max(units, map.units());
  for (const Map &map : maps)
    if (map.units() != 0)
      map.emit(code, arguments.pointers, shareOf(code, arguments.begin, map.units(), units),
               shareOf(code, arguments.end, map.units(), units), compute);
  return success();
}

static Expr asFloat32(Expr x, bool isUnsignedType) {
  Type f32 = x.code->builder.getF32Type();
  return x.isFloat() ? changeFloat(x, f32) : toFloat(x, f32, isUnsignedType);
}

LogicalResult emitQuantizeLinear(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                 const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  // Rounding the quotient to 16 bits (opset 25) is left to float32 models.
  Type scale = spec.views[1].element;
  int64_t precision = spec.integer("precision", 0);
  if ((precision != 0 && precision != 1) || (precision == 0 && !scale.isF32()))
    return emitError(code.loc, "no kernel for 'quantize_linear' that divides in less than float32");
  bool hasZero = spec.views.size() == 4;
  return emitScaled(code, spec, argumentsOf(function, spec), [&](const Point &point) {
    Type storage = spec.result().element, i64 = builder.getI64Type();
    Expr x = asFloat32(point.load(0), false);
    Expr zero = hasZero ? resizeInteger(point.load(2), i64, isUnsigned(storage))
                        : point.code.constant(i64, int64_t(0));
    return roundAndSaturate(x / point.load(1), zero, storage);
  });
}

LogicalResult emitDequantizeLinear(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                   const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  bool hasZero = spec.views.size() == 4;
  return emitScaled(code, spec, argumentsOf(function, spec), [&](const Point &point) {
    bool isUnsignedType = isUnsigned(spec.views[0].element);
    Type i64 = builder.getI64Type(), f64 = builder.getF64Type();
    Expr q = resizeInteger(point.load(0), i64, isUnsignedType);
    if (hasZero)
      q = q - resizeInteger(point.load(2), i64, isUnsignedType);
    // Through float64, which holds every 32-bit difference.
    Expr difference = changeFloat(toFloat(q, f64, false), builder.getF32Type());
    return changeFloat(difference * asFloat32(point.load(1), false), computeType(spec.result().element));
  });
}

//===----------------------------------------------------------------------===//
// DynamicQuantizeLinear: one unit, since the range is needed first
//===----------------------------------------------------------------------===//

int64_t oneUnit(DictionaryAttr) { return 1; }

/// The smallest or largest element, and 0.
static Expr extreme(const Code &code, const View &input, Value pointer, bool largest) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, input.shape.size()));
  FoldedAxes folded(input, axes);
  auto join = [&](Expr a, Expr b) { return largest ? maximum(a, b) : minimum(a, b); };
  std::function<Expr(Value, size_t, Expr)> walk = [&](Value address, size_t axis, Expr sum) -> Expr {
    if (axis == folded.shape.size())
      return join(load(code, address, input.element), sum);
    auto body = [&](Value index, ValueRange carried) {
      Value next = code.offset(address, code.mulIndex(index, folded.strides[axis] * 4));
      return SmallVector<Value>{walk(next, axis + 1, code.wrap(carried[0])).value};
    };
    if (axis + 1 < folded.shape.size() || folded.strides[axis] != 1)
      return code.wrap(code.loop(code.index(0), code.index(folded.shape[axis]), 1, sum.value, body)[0]);
    auto start = [&](const Code &inner) { return inner.f32(0); };
    auto step = [&](const Code &inner, Value index, Expr partial) {
      return join(load(inner, inner.offset(address, inner.mulIndex(index, 4)), input.element), partial);
    };
    return join(code.wrap(foldLine(code, folded.shape[axis], 16, Fold{start, step, join}).value), sum);
  };
  return walk(code.offset(pointer, input.offset * 4), 0, code.f32(0));
}

LogicalResult emitDynamicQuantizeLinear(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                                        const target::Variant &variant) {
  Spec spec(attr);
  Code code(builder, function.getLoc(), variant);
  Arguments arguments = argumentsOf(function, spec);
  const View &input = spec.views[0];
  Type i8 = builder.getI8Type();
  code.loop(arguments.begin, arguments.end, 1, [&](Value) {
    Expr zero = code.f32(0);
    bool isEmpty = llvm::is_contained(input.shape, 0);
    Expr low = isEmpty ? zero : extreme(code, input, arguments.pointers[0], false);
    Expr high = isEmpty ? zero : extreme(code, input, arguments.pointers[0], true);
    RowParams params = paramsOfRun(low, high);
    store(params.scale, code.offset(arguments.pointers[2], spec.views[2].offset * 4), spec.views[2].element);
    store(resizeInteger(params.zero, i8, true), code.offset(arguments.pointers[3], spec.views[3].offset), i8);
    Map map(input.shape, {input, spec.views[1]});
    Value pointers[] = {arguments.pointers[0], arguments.pointers[1]};
    map.emit(code, pointers, code.index(0), code.index(map.units()), [&](const Point &here) {
      return resizeInteger(quantizeByScale(here.load(0), params), i8, /*isUnsigned=*/true);
    });
  });
  return success();
}

} // namespace qcc::kernels
