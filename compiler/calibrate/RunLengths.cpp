//===- RunLengths.cpp - How much of each tensor a sample has --------------===//

#include "compiler/calibrate/RunLengths.h"

#include "compiler/support/KnownExtents.h"

#include <algorithm>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

RunLengths::RunLengths(func::FuncOp main)
    : lengths(lengthsOf(main)), shapeInputs(shapesAmong(main, shapeInputsAttr)),
      shapeOutputs(shapesAmong(main, shapeOutputsAttr)) {}

std::vector<int64_t> RunLengths::of(const std::vector<Tensor> &inputs) const {
  std::vector<int64_t> values;
  for (const Length &length : lengths) {
    auto place = llvm::find(shapeInputs, length.input) - shapeInputs.begin();
    const Tensor &shape = inputs[inputs.size() - shapeInputs.size() + static_cast<size_t>(place)];
    values.push_back(shape.getInt(length.axis) / length.step);
  }
  return values;
}

std::vector<int64_t> RunLengths::countsAt(DictionaryAttr mark, ArrayRef<int64_t> shape,
                                          const std::vector<int64_t> &values) const {
  std::vector<int64_t> counts(shape.begin(), shape.end());
  bool isLongest = llvm::all_of(llvm::zip(lengths, values),
                                [](const auto &pair) { return std::get<0>(pair).most == std::get<1>(pair); });
  if (isLongest)
    return counts;
  if (mark.contains(unknownExtentsAttr))
    return {};
  if (auto extents = mark.getAs<ArrayAttr>(extentsAttr))
    for (auto [axis, extent] : llvm::enumerate(extentsFromAttr(extents[0], int64_t(shape.size()))))
      if (!extent.isFixed())
        counts[axis] = std::clamp<int64_t>(extent.at(values), 0, shape[axis]);
  return counts;
}

void RunLengths::trim(std::vector<Tensor> &results) const {
  for (auto [i, output] : llvm::enumerate(shapeOutputs)) {
    const Tensor &shape = results[results.size() - shapeOutputs.size() + i];
    Tensor own(results[static_cast<size_t>(output)].type,
               std::vector<int64_t>(shape.data<int64_t>(), shape.data<int64_t>() + shape.size()));
    std::copy_n(results[static_cast<size_t>(output)].bytes.begin(), own.bytes.size(), own.bytes.begin());
    results[static_cast<size_t>(output)] = std::move(own);
  }
}
