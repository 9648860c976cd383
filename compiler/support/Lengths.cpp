//===- Lengths.cpp - Sizes that the caller chooses at each run ------------===//

#include "compiler/support/Lengths.h"

using namespace mlir;
using namespace qcc;

bool qcc::anyBounded(const Extents &extents) {
  return llvm::any_of(extents, [](const Extent &extent) { return !extent.isFixed(); });
}

Attribute qcc::toAttr(MLIRContext *context, const Extents &extents) {
  SmallVector<int64_t> list;
  for (auto [axis, extent] : llvm::enumerate(extents))
    if (!extent.isFixed())
      list.append({static_cast<int64_t>(axis), extent.length, extent.scale, extent.offset});
  return DenseI64ArrayAttr::get(context, list);
}

Extents qcc::extentsFromAttr(Attribute attr, int64_t rank) {
  Extents extents(rank);
  auto list = dyn_cast_or_null<DenseI64ArrayAttr>(attr);
  for (int64_t i = 0; list && i + 4 <= list.size(); i += 4)
    if (list[i] >= 0 && list[i] < rank)
      extents[list[i]] = {list[i + 1], list[i + 2], list[i + 3]};
  return extents;
}

SmallVector<Length> qcc::lengthsOf(func::FuncOp main) {
  SmallVector<Length> lengths;
  if (auto all = main->getAttrOfType<ArrayAttr>(lengthsAttr))
    for (auto one : all.getAsRange<DenseI64ArrayAttr>())
      lengths.push_back({one[0], one[1], one[2], one[3]});
  return lengths;
}

void qcc::setLengths(func::FuncOp main, ArrayRef<Length> lengths) {
  SmallVector<Attribute> all;
  for (const Length &one : lengths)
    all.push_back(DenseI64ArrayAttr::get(main.getContext(), {one.input, one.axis, one.least, one.most}));
  main->setAttr(lengthsAttr, ArrayAttr::get(main.getContext(), all));
}

SmallVector<Extents> qcc::extentsOf(func::FuncOp main, StringRef name, TypeRange types) {
  auto all = main->getAttrOfType<ArrayAttr>(name);
  SmallVector<Extents> extents;
  for (auto [i, type] : llvm::enumerate(types))
    extents.push_back(extentsFromAttr(all && i < all.size() ? all[i] : Attribute(),
                                      cast<RankedTensorType>(type).getRank()));
  return extents;
}

void qcc::setExtents(Operation *op, StringRef name, ArrayRef<Extents> extents) {
  SmallVector<Attribute> all;
  for (const Extents &one : extents)
    all.push_back(toAttr(op->getContext(), one));
  op->setAttr(name, ArrayAttr::get(op->getContext(), all));
}

ArrayRef<int64_t> qcc::shapesAmong(func::FuncOp main, StringRef name) {
  auto list = main->getAttrOfType<DenseI64ArrayAttr>(name);
  return list ? list.asArrayRef() : ArrayRef<int64_t>();
}
