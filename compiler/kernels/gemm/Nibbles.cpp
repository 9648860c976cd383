//===- Nibbles.cpp - Weights of 4 bits in groups ----------------------------===//
#include "compiler/kernels/gemm/Nibbles.h"

#include "dialects/reference/Groups.h"
#include "dialects/reference/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace mlir;
using namespace qcc;
using namespace qcc::kernels;

ArrayAttr NibbleForm::toAttr(MLIRContext *context) const {
  SmallVector<Attribute> words;
  Builder builder(context);
  if (wideScales)
    words.push_back(builder.getStringAttr("wide_scales"));
  if (zeros)
    words.push_back(builder.getStringAttr("zeros"));
  return builder.getArrayAttr(words);
}

NibbleForm NibbleForm::fromAttr(ArrayAttr attr) {
  NibbleForm form;
  for (StringRef word : attr.getAsValueRange<StringAttr>()) {
    form.wideScales |= word == "wide_scales";
    form.zeros |= word == "zeros";
  }
  return form;
}

static bool isBf16(float value) { return reference::bfloatToFloat(reference::floatToBfloat(value)) == value; }

NibbleWeights NibbleWeights::spread(int64_t columns) const {
  NibbleWeights wide;
  wide.depth = depth;
  wide.values.assign(columns * depth, 0);
  wide.scales.assign(columns * groups(), 1);
  wide.zeros.assign(columns * groups(), 0);
  return wide;
}

void NibbleWeights::setColumn(int64_t column, const NibbleWeights &from, int64_t fromColumn) {
  std::copy_n(&from.values[fromColumn * depth], depth, &values[column * depth]);
  std::copy_n(&from.scales[fromColumn * groups()], groups(), &scales[column * groups()]);
  for (int64_t group = 0; group < groups(); ++group)
    zeros[column * groups() + group] = from.zero(fromColumn, group);
}

NibbleForm NibbleWeights::form() const {
  NibbleForm form;
  form.wideScales = !llvm::all_of(scales, isBf16);
  form.zeros = llvm::any_of(zeros, [](int8_t zero) { return zero != 0; });
  return form;
}

namespace {
/// Appends to the packed bytes.
class Packer {
public:
  Packer(const NibbleForm &form, const NibbleWeights &weights) : form(form), weights(weights) {}
  std::vector<uint8_t> bytes;

  void group(int64_t group, ArrayRef<int64_t> columns) {
    for (int64_t first = group * groupDepth; first < (group + 1) * groupDepth; first += 8)
      for (int64_t column : columns)
        for (int64_t k = first; k < first + 4; ++k)
          bytes.push_back(static_cast<uint8_t>(half(column, k) | half(column, k + 4) << 4));
    for (int64_t column : columns)
      scale(column < 0 ? 0 : weights.scales[column * weights.groups() + group]);
    for (int64_t column : columns)
      if (form.zeros)
        append<int16_t>(column < 0 ? 0 : weights.zero(column, group));
  }

private:
  const NibbleForm &form;
  const NibbleWeights &weights;

  uint8_t half(int64_t column, int64_t k) const {
    if (column < 0)
      return 0;
    int8_t value =
        k < weights.depth ? weights.values[column * weights.depth + k] : weights.zero(column, k / groupDepth);
    return static_cast<uint8_t>(value & 15);
  }
  template <typename T> void append(T value) {
    const auto *begin = reinterpret_cast<const uint8_t *>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof(T));
  }
  void scale(float value) {
    value = form.isFloat ? value : value / 16;
    form.wideScales ? append<float>(value) : append<uint16_t>(reference::floatToBfloat(value));
  }
};
} // namespace

std::vector<uint8_t> qcc::kernels::packNibbles(const NibbleForm &form, const NibbleWeights &weights,
                                               int64_t blocks,
                                               llvm::function_ref<int64_t(int64_t, int64_t)> columnAt) {
  Packer packer(form, weights);
  packer.bytes.reserve(blocks * weights.groups() * form.groupBytes());
  SmallVector<int64_t> columns(form.panels * 32);
  for (int64_t block = 0; block < blocks; ++block) {
    for (auto [i, column] : llvm::enumerate(columns))
      column = columnAt(block, int64_t(i));
    for (int64_t group = 0; group < weights.groups(); ++group)
      packer.group(group, columns);
  }
  return std::move(packer.bytes);
}

std::vector<float> qcc::kernels::nibbleColumnSums(const NibbleWeights &weights) {
  std::vector<float> sums;
  int64_t depth = weights.depth;
  for (int64_t column = 0; column < weights.columns(); ++column)
    sums.push_back(reference::sumOfGroups(
        depth,
        [&](int64_t k) -> int64_t {
          return weights.values[column * depth + k] - weights.zero(column, k / groupDepth);
        },
        [&](int64_t k) { return weights.scales[column * weights.groups() + k / groupDepth]; }));
  return sums;
}
