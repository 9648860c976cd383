//===- Lengths.cpp - Sizes that the caller chooses at each run ------------===//

#include "compiler/support/Lengths.h"

#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace qcc;

int64_t Extent::at(ArrayRef<int64_t> values) const {
  int64_t sum = offset;
  for (auto [length, scale] : terms)
    sum += scale * values[length];
  return llvm::divideFloorSigned(sum, divisor);
}

Extent Extent::plus(int64_t more) const {
  Extent result = *this;
  result.offset += isFixed() ? 0 : more * divisor;
  return result;
}

Extent Extent::over(int64_t number) const {
  Extent result = *this;
  if (isFixed())
    return result;
  result.divisor *= number;
  int64_t common = result.divisor;
  for (auto [length, scale] : terms)
    common = std::gcd(common, scale);
  for (auto &[length, scale] : result.terms)
    scale /= common;
  result.divisor /= common;
  result.offset = llvm::divideFloorSigned(offset, common);
  return result;
}

std::optional<Extent> Extent::times(int64_t number) const {
  if (divisor != 1 && number != 1)
    return std::nullopt;
  Extent result = *this;
  for (auto &[length, scale] : result.terms)
    scale *= number;
  result.offset *= number;
  return result;
}

std::optional<Extent> Extent::plus(const Extent &more) const {
  if (isFixed() || more.isFixed() || divisor != 1 || more.divisor != 1)
    return std::nullopt;
  Extent result = *this;
  for (const Term &term : more.terms) {
    auto at = llvm::lower_bound(result.terms, Term(term.first, 0));
    if (at != result.terms.end() && at->first == term.first)
      at->second += term.second;
    else
      result.terms.insert(at, term);
  }
  result.offset += more.offset;
  return result;
}

bool qcc::anyBounded(const Extents &extents) {
  return llvm::any_of(extents, [](const Extent &extent) { return !extent.isFixed(); });
}

Attribute qcc::toAttr(MLIRContext *context, const Extents &extents) {
  SmallVector<int64_t> list;
  for (auto [index, extent] : llvm::enumerate(extents)) {
    auto axis = static_cast<int64_t>(index);
    int64_t offset = extent.offset;
    for (auto [length, scale] : extent.terms)
      list.append({axis, length, scale, std::exchange(offset, 0)});
    if (extent.divisor != 1)
      list.append({axis, -1, 0, extent.divisor});
  }
  return DenseI64ArrayAttr::get(context, list);
}

Extents qcc::extentsFromAttr(Attribute attr, int64_t rank) {
  Extents extents(rank);
  auto list = dyn_cast_or_null<DenseI64ArrayAttr>(attr);
  for (int64_t i = 0; list && i + 4 <= list.size(); i += 4) {
    if (list[i] < 0 || list[i] >= rank)
      continue;
    Extent &extent = extents[list[i]];
    if (list[i + 1] < 0)
      extent.divisor = list[i + 3];
    else
      extent.terms.emplace_back(list[i + 1], list[i + 2]), extent.offset += list[i + 3];
  }
  return extents;
}

SmallVector<Length> qcc::lengthsOf(func::FuncOp main) {
  SmallVector<Length> lengths;
  if (auto all = main->getAttrOfType<ArrayAttr>(lengthsAttr))
    for (auto one : all.getAsRange<DenseI64ArrayAttr>())
      lengths.push_back({one[0], one[1], one[2], one[3], one.size() > 4 ? one[4] : 1});
  return lengths;
}

void qcc::setLengths(func::FuncOp main, ArrayRef<Length> lengths) {
  SmallVector<Attribute> all;
  for (const Length &one : lengths) {
    SmallVector<int64_t> row{one.input, one.axis, one.least, one.most};
    if (one.step != 1)
      row.push_back(one.step);
    all.push_back(DenseI64ArrayAttr::get(main.getContext(), row));
  }
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
