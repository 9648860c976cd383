//===- Spec.cpp - Reading the specification of a general kernel -------------===//
#include "compiler/kernels/Spec.h"

using namespace mlir;

namespace qcc::kernels {

Spec::Spec(DictionaryAttr attr) : kind(attr.getAs<StringAttr>("kind").getValue()) {
  for (Attribute view : attr.getAs<ArrayAttr>("views"))
    views.push_back(View::fromAttr(cast<DictionaryAttr>(view)));
  if (auto list = attr.getAs<ArrayAttr>("types"))
    for (Attribute type : list)
      types.push_back(getElementTypeOrSelf(cast<TypeAttr>(type).getValue()));
  for (size_t i = types.size(); i < views.size(); ++i)
    types.push_back(views[i].element);
  if (auto list = attr.getAs<DenseI64ArrayAttr>("operands"))
    present.append(list.asArrayRef().begin(), list.asArrayRef().end());
  else if (auto array = attr.getAs<ArrayAttr>("operands"))
    for (Attribute entry : array)
      present.push_back(cast<IntegerAttr>(entry).getInt());
  attrs = attr.getAs<DictionaryAttr>("attrs");
}

std::optional<size_t> Spec::operand(size_t position, size_t results) const {
  if (present.empty())
    return position + results < views.size() ? std::optional<size_t>(position) : std::nullopt;
  if (position >= present.size() || !present[position])
    return std::nullopt;
  size_t before = 0;
  for (size_t i = 0; i < position; ++i)
    before += static_cast<size_t>(present[i]);
  return before;
}

int64_t Spec::integer(StringRef name, int64_t missing) const {
  auto attr = attrs ? attrs.getAs<IntegerAttr>(name) : IntegerAttr();
  return attr ? attr.getInt() : missing;
}

double Spec::real(StringRef name, double missing) const {
  auto attr = attrs ? attrs.getAs<FloatAttr>(name) : FloatAttr();
  return attr ? attr.getValueAsDouble() : missing;
}

StringRef Spec::string(StringRef name, StringRef missing) const {
  auto attr = attrs ? attrs.getAs<StringAttr>(name) : StringAttr();
  return attr ? attr.getValue() : missing;
}

SmallVector<int64_t> Spec::list(StringRef name) const {
  auto attr = attrs ? attrs.getAs<DenseI64ArrayAttr>(name) : DenseI64ArrayAttr();
  return attr ? SmallVector<int64_t>(attr.asArrayRef()) : SmallVector<int64_t>();
}

SmallVector<double> Spec::reals(StringRef name) const {
  SmallVector<double> result;
  if (auto attr = attrs ? attrs.getAs<DenseF32ArrayAttr>(name) : DenseF32ArrayAttr())
    for (float value : attr.asArrayRef())
      result.push_back(value);
  return result;
}

bool Spec::anyQuantized() const {
  return llvm::any_of(types, [](Type type) { return isa<quant::QuantizedType>(type); });
}

std::optional<Quantization> perTensor(Type type) {
  auto uniform = dyn_cast<quant::UniformQuantizedType>(type);
  if (!uniform)
    return std::nullopt;
  return Quantization{static_cast<float>(uniform.getScale()), uniform.getZeroPoint(),
                      uniform.getStorageTypeMin(), uniform.getStorageTypeMax()};
}

void storageLimits(Type storage, int64_t &minimum, int64_t &maximum) {
  unsigned width = storage.getIntOrFloatBitWidth();
  minimum = isUnsigned(storage) ? 0 : -(int64_t(1) << (width - 1));
  maximum = isUnsigned(storage) ? int64_t((uint64_t(1) << (width - 1)) * 2 - 1) : ~minimum;
}

Arguments argumentsOf(func::FuncOp function, const Spec &spec) {
  auto arguments = function.getBody().getArguments();
  return {ValueRange(arguments.take_front(spec.views.size())), arguments[spec.views.size()],
          arguments[spec.views.size() + 1]};
}

} // namespace qcc::kernels
