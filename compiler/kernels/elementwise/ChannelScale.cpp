//===- ChannelScale.cpp - A quantised image times one factor a channel ------===//
#include "compiler/kernels/elementwise/ChannelScale.h"
#include "compiler/kernels/Rounding.h"
#include "compiler/target/VectorOps.h"

using namespace mlir;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::VectorOps;

namespace qcc::kernels {

constexpr int64_t smallestPart = 8; ///< channels

struct ChannelScale::Part {
  Value first;          ///< channel
  int64_t count;        ///< 8, or as many as vectors of this size hold
  Quantization bounds;  ///< of the result
  unsigned vectorBytes; ///< at least 16
};

std::optional<ChannelScale> ChannelScale::of(const Spec &spec) {
  auto isByte = [](Type type) { return type.isUnsignedInteger(8); };
  if (spec.kind != "mul" || spec.views.size() != 3 || spec.views[0].shape.size() < 2 ||
      !llvm::all_of(spec.views, [&](const View &view) { return isByte(view.element); }))
    return std::nullopt;
  const View &x = spec.views[0], &factor = spec.views[1], &result = spec.views[2];
  int64_t channels = result.shape.back();
  bool isPerChannel =
      !factor.shape.empty() && factor.shape.back() == channels &&
      llvm::all_of(ArrayRef(factor.shape).drop_back(), [](int64_t size) { return size == 1; });
  bool isContiguous = llvm::all_of(spec.views, [](const View &view) { return view.strides.back() == 1; });
  if (x.shape != result.shape || !isPerChannel || !isContiguous || channels % smallestPart ||
      !llvm::all_of(llvm::seq<size_t>(0, 3), [&](size_t i) { return perTensor(spec.types[i]).has_value(); }))
    return std::nullopt;
  // Conversion and packs saturate rightly below 2^30.
  float scale =
      (perTensor(spec.types[0])->scale * perTensor(spec.types[1])->scale) / perTensor(spec.types[2])->scale;
  if (!(1.01f * byteRange * byteRange * scale < 0x1p30f))
    return std::nullopt;
  SmallVector<View> pixelViews = {x, result};
  for (View &view : pixelViews) {
    view.shape.pop_back();
    view.strides.pop_back();
  }
  return ChannelScale(spec, pixelViews);
}

ChannelScale::ChannelScale(const Spec &spec, ArrayRef<View> pixelViews)
    : channels(spec.result().shape.back()), factorOffset(spec.views[1].offset), x(*perTensor(spec.types[0])),
      factor(*perTensor(spec.types[1])),
      pixels(pixelViews[0].shape, pixelViews, 0, /*scalar=*/true, /*work=*/channels) {}

void ChannelScale::emit(const Code &code, const Arguments &arguments, const Quantization &bounds) const {
  int64_t whole = code.variant.vectorBytes, blocks = channels / whole * whole;
  code.loop(code.index(0), code.index(blocks), whole, [&](Value first) {
    emitPart(code, arguments, {first, whole, bounds, code.variant.vectorBytes});
  });
  for (int64_t done = blocks, count = whole / 2; count >= smallestPart; count /= 2)
    if (channels - done >= count) {
      emitPart(code, arguments, {code.index(done), count, bounds, unsigned(std::max<int64_t>(count, 16))});
      done += count;
    }
}

/// q - z as floats, for `count` bytes; the rest of the vector is zeros before.
static Values centredFloats(VectorOps &ops, Value pointer, int64_t count, int64_t zeroPoint) {
  CodeBuilder &code = ops.code;
  Value bytes = code.load(code.vec(count, code.i8()), pointer);
  if (count < ops.bytes) {
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < ops.bytes; ++i)
      order.push_back(std::min(i, count));
    bytes = code.shuffle(bytes, code.splatInt(code.vec(count, code.i8()), 0), order);
  }
  Value offset = code.splatFloat(ops.f32s(), VectorOps::byteOffset + float(zeroPoint));
  Values floats = ops.bytesToFloats(bytes);
  for (Value &value : floats)
    value = arith::SubFOp::create(code.b, code.loc, value, offset);
  return floats;
}

void ChannelScale::emitPart(const Code &code, const Arguments &arguments, const Part &part) const {
  CodeBuilder builder(code.builder, code.loc);
  auto ops = VectorOps::create(builder, code.variant, part.vectorBytes);
  Value factorPointer = code.offset(code.offset(arguments.pointers[1], factorOffset), part.first);
  Values factors = centredFloats(*ops, factorPointer, part.count, factor.zeroPoint);
  Value scale = builder.splatFloat(ops->f32s(), (x.scale * factor.scale) / part.bounds.scale);
  Value zeroPoint = builder.splatInt(ops->i16s(), part.bounds.zeroPoint);
  auto product = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(code.builder, code.loc, a, b);
  };
  auto words = [&](Value a, Value b) {
    return ops->addSaturated(ops->packI16(ops->roundToInt(a), ops->roundToInt(b)), zeroPoint);
  };
  Value ends[] = {arguments.pointers.front(), arguments.pointers.back()};
  pixels.emit(code, ends, arguments.begin, arguments.end, [&](const Point &point) {
    Values t = centredFloats(*ops, code.offset(point.addresses[0], part.first), part.count, x.zeroPoint);
    for (auto [value, factor] : llvm::zip_equal(t, factors))
      value = product(product(value, factor), scale); // the first one is exact
    Value bytes = ops->packU8(words(t[0], t[1]), words(t[2], t[3]));
    if (part.bounds.minimum > 0)
      bytes = ops->maxU8(bytes, builder.splatInt(ops->i8s(), part.bounds.minimum));
    if (part.bounds.maximum < 255)
      bytes = ops->minU8(bytes, builder.splatInt(ops->i8s(), part.bounds.maximum));
    if (part.count < part.vectorBytes)
      bytes = builder.half(bytes, /*high=*/false);
    builder.store(bytes, code.offset(point.addresses[1], part.first));
  });
}

} // namespace qcc::kernels
