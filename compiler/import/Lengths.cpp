//===- Lengths.cpp - What depends on lengths that callers choose ----------===//
//
// The model was imported at several lengths, and shape arithmetic is gone from all
// of the modules. Whatever differs between them depends on a length, and how is
// seen from the numbers: sizes and numbers must grow by the same amount with each
// step of the length, larger constants must begin with the shorter ones.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Lengths.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/IRMapping.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

SmallVector<int64_t> qcc::import::shorterLengths(int64_t least, int64_t most) {
  SmallVector<int64_t> lengths{most - 1};
  for (int64_t value : {(least + most) / 2, least})
    if (value < lengths.back())
      lengths.push_back(value);
  return lengths;
}

namespace {
/// Numbers of a constant that grow are few: sizes, positions.
constexpr int64_t mostGrowing = 64;

class Comparison {
public:
  Comparison(func::FuncOp longest, ArrayRef<Shorter> shorter, ArrayRef<std::string> names,
             ArrayRef<int64_t> most)
      : longest(longest), shorter(shorter), names(names), most(most) {}

  /// Whether the modules have the same operations on the same values in the same order.
  bool isOneGraph(bool explain);
  LogicalResult run();

private:
  using Others = ArrayRef<Operation *>; ///< the same operation in each of `shorter`

  std::string where(const Shorter &other) const {
    return "with '" + names[other.length] + "' = " + std::to_string(other.value);
  }
  /// How a number that is `atMost` in the longest depends on lengths.
  FailureOr<Extent> fit(Operation *op, const Twine &what, int64_t atMost,
                        llvm::function_ref<int64_t(size_t)> inShorter);
  LogicalResult compare(Operation *op, Others others);
  LogicalResult compareTypes(Operation *op, Others others);
  LogicalResult compareAttributes(Operation *op, Others others);
  LogicalResult compareStarts(SliceOp op, Others others);
  LogicalResult compareNumbers(ConstantOp op, Others others);
  LogicalResult compareGrowing(ConstantOp op, ArrayRef<reference::Tensor> tensors,
                               const reference::Tensor &whole);

  func::FuncOp longest;
  ArrayRef<Shorter> shorter;
  ArrayRef<std::string> names;
  ArrayRef<int64_t> most;
};

/// Whether `part` is what `whole` begins with along every axis.
bool isBeginning(const reference::Tensor &part, const reference::Tensor &whole) {
  if (part.size() == 0)
    return true;
  size_t rank = part.shape.size();
  int64_t element = reference::byteSize(part.type), row = rank ? part.shape.back() : 1;
  int64_t rows = part.size() / row;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t at = 0, rest = r, stride = rank ? whole.shape.back() : 1;
    for (size_t axis = rank; axis-- > 1;) {
      at += rest % part.shape[axis - 1] * stride;
      rest /= part.shape[axis - 1];
      stride *= whole.shape[axis - 1];
    }
    if (std::memcmp(part.bytes.data() + r * row * element, whole.bytes.data() + at * element,
                    static_cast<size_t>(row * element)) != 0)
      return false;
  }
  return true;
}

/// Whether `b` is what `a` is in another module, on the same values.
bool isTwin(Operation &a, Operation &b, IRMapping &twins) {
  bool isAlike = a.getName() == b.getName() && a.getNumOperands() == b.getNumOperands() &&
                 a.getNumResults() == b.getNumResults();
  if (!isAlike || !llvm::equal(a.getOperands(), b.getOperands(),
                               [&](Value x, Value y) { return twins.lookupOrNull(x) == y; }))
    return false;
  twins.map(a.getResults(), b.getResults());
  return true;
}

/// Weights are in the file once.
bool areSame(ElementsAttr a, ElementsAttr b) {
  auto first = dyn_cast<DenseResourceElementsAttr>(a), second = dyn_cast<DenseResourceElementsAttr>(b);
  return a == b || (first && second && first.getType() == second.getType() &&
                    first.getData().data() == second.getData().data());
}

/// Attributes that the types of operand and result say again.
bool followsFromTypes(Operation *op, StringRef name) {
  return (isa<ReshapeOp, ExpandOp>(op) && name == "shape") || (isa<TileOp>(op) && name == "repeats") ||
         (isa<SliceOp>(op) && name == "ends") || (isa<ResizeOp>(op) && name == "sizes");
}
} // namespace

bool Comparison::isOneGraph(bool explain) {
  for (const Shorter &other : shorter) {
    Block &first = longest.front(), &second = func::FuncOp(other.function).front();
    auto a = first.begin(), b = second.begin(), endA = first.end(), endB = second.end();
    IRMapping twins;
    twins.map(first.getArguments(), second.getArguments());
    for (; a != endA && b != endB && isTwin(*a, *b, twins); ++a, ++b)
      ;
    if (a == endA && b == endB)
      continue;
    if (explain)
      emitError(a == endA ? longest->getLoc() : a->getLoc())
          << "is another graph " << where(other) << " than with '" << names[other.length]
          << "' = " << most[other.length] << ": bounded lengths need one graph for all of them";
    return false;
  }
  return true;
}

FailureOr<Extent> Comparison::fit(Operation *op, const Twine &what, int64_t atMost,
                                  llvm::function_ref<int64_t(size_t)> inShorter) {
  Extent extent;
  for (size_t i = 0; i < shorter.size(); ++i)
    if (const Shorter &other = shorter[i]; inShorter(i) != atMost && extent.length != other.length) {
      // The first of a length's is one less than the most.
      int64_t scale = 0;
      for (size_t k = 0; k < shorter.size(); ++k)
        if (shorter[k].length == other.length && shorter[k].value == most[other.length] - 1)
          scale = atMost - inShorter(k);
      if (!extent.isFixed())
        return op->emitError() << "has " << what.str() << " that depends on '" << names[extent.length]
                               << "' and on '" << names[other.length]
                               << "': bounded lengths are not supported there";
      extent = {other.length, scale, atMost - scale * most[other.length]};
    }
  for (size_t i = 0; !extent.isFixed() && i < shorter.size(); ++i) {
    int64_t wanted = shorter[i].length == extent.length ? extent.at(shorter[i].value) : atMost;
    if (inShorter(i) != wanted || extent.scale <= 0)
      return op->emitError() << "has " << what.str() << " that does not grow evenly with '"
                             << names[extent.length] << "': it is " << atMost << " for "
                             << most[extent.length] << ", but " << inShorter(i) << " for " << shorter[i].value
                             << "; bounded lengths are not supported there";
  }
  return extent;
}

LogicalResult Comparison::compareTypes(Operation *op, Others others) {
  SmallVector<Extents> all;
  for (auto [r, result] : llvm::enumerate(op->getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    Extents extents;
    auto typeIn = [&](size_t i) { return cast<RankedTensorType>(others[i]->getResult(r).getType()); };
    for (size_t i = 0; i < others.size(); ++i)
      if (typeIn(i).getRank() != type.getRank() || typeIn(i).getElementType() != type.getElementType())
        return op->emitError() << "gives a " << type << ", but " << where(shorter[i]) << " a " << typeIn(i)
                               << ": bounded lengths are not supported there";
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      auto extent =
          fit(op, "a size", type.getDimSize(axis), [&](size_t i) { return typeIn(i).getDimSize(axis); });
      if (failed(extent))
        return failure();
      extents.push_back(*extent);
    }
    all.push_back(extents);
  }
  if (llvm::any_of(all, anyBounded))
    setExtents(op, extentsAttr, all);
  return success();
}

LogicalResult Comparison::compareAttributes(Operation *op, Others others) {
  NamedAttrList attributes(op->getPropertiesAsAttribute()
                               ? cast<DictionaryAttr>(op->getPropertiesAsAttribute())
                               : DictionaryAttr::get(op->getContext()));
  for (auto [i, other] : llvm::enumerate(others)) {
    auto properties = dyn_cast_or_null<DictionaryAttr>(other->getPropertiesAsAttribute());
    for (NamedAttribute attribute : attributes) {
      if ((properties && properties.get(attribute.getName()) == attribute.getValue()) ||
          followsFromTypes(op, attribute.getName()))
        continue;
      if (isa<SliceOp>(op) && attribute.getName() == "starts")
        return compareStarts(cast<SliceOp>(op), others);
      return op->emitError() << "has another '" << attribute.getName().getValue() << "' " << where(shorter[i])
                             << ": bounded lengths are not supported there";
    }
  }
  return success();
}

LogicalResult Comparison::compareStarts(SliceOp op, Others others) {
  Extents starts;
  for (size_t axis = 0; axis < op.getStarts().size(); ++axis) {
    auto start = fit(op, "a beginning", op.getStarts()[axis],
                     [&](size_t i) { return cast<SliceOp>(others[i]).getStarts()[axis]; });
    if (failed(start))
      return failure();
    starts.push_back(*start);
  }
  op->setAttr(startsAttr, toAttr(op.getContext(), starts));
  return success();
}

LogicalResult Comparison::compareNumbers(ConstantOp op, Others others) {
  auto same = [&](Operation *other) { return areSame(cast<ConstantOp>(other).getValue(), op.getValue()); };
  if (llvm::all_of(others, same))
    return success();
  reference::Tensor whole = toTensor(op.getValue());
  SmallVector<reference::Tensor> tensors;
  bool begins = true;
  for (Operation *other : others) {
    tensors.push_back(toTensor(cast<ConstantOp>(other).getValue()));
    begins &= isBeginning(tensors.back(), whole);
  }
  return begins ? success() : compareGrowing(op, tensors, whole);
}

/// Numbers that grow with a length, such as the length itself.
LogicalResult Comparison::compareGrowing(ConstantOp op, ArrayRef<reference::Tensor> tensors,
                                         const reference::Tensor &whole) {
  SmallVector<int64_t> growth{-1};
  bool exact = whole.size() <= mostGrowing;
  for (const reference::Tensor &tensor : tensors)
    exact &= tensor.shape == whole.shape;
  auto numberOf = [&](const reference::Tensor &tensor, int64_t i) {
    double real = tensor.getDouble(i);
    exact &= real == std::floor(real) && std::abs(real) < 1e15;
    return exact ? static_cast<int64_t>(real) : 0;
  };
  for (int64_t i = 0; exact && i < whole.size(); ++i) {
    auto fitted = fit(op, "a number", numberOf(whole, i), [&](size_t k) { return numberOf(tensors[k], i); });
    if (failed(fitted))
      return failure();
    if (!fitted->isFixed() && growth[0] >= 0 && growth[0] != fitted->length)
      exact = false;
    growth[0] = fitted->isFixed() ? growth[0] : fitted->length;
    growth.push_back(fitted->scale);
  }
  if (!exact)
    return op.emitError() << "holds other numbers for other lengths, which do not grow evenly with them: "
                             "bounded lengths are not supported there";
  op->setAttr(growthAttr, DenseI64ArrayAttr::get(op.getContext(), growth));
  return success();
}

LogicalResult Comparison::compare(Operation *op, Others others) {
  if (failed(compareTypes(op, others)))
    return failure();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return compareNumbers(constant, others);
  return compareAttributes(op, others);
}

LogicalResult Comparison::run() {
  SmallVector<Block::iterator> at;
  for (const Shorter &other : shorter)
    at.push_back(func::FuncOp(other.function).front().begin());
  LogicalResult result = success();
  for (Operation &op : longest.front()) {
    SmallVector<Operation *> others;
    for (Block::iterator &iterator : at)
      others.push_back(&*iterator++);
    if (!isa<func::ReturnOp>(op) && failed(compare(&op, others)))
      result = failure();
  }
  return result;
}

LogicalResult qcc::import::compareLengths(func::FuncOp longest, ArrayRef<Shorter> shorter,
                                          ArrayRef<std::string> names, ArrayRef<int64_t> most) {
  Comparison comparison(longest, shorter, names, most);
  if (!comparison.isOneGraph(/*explain=*/false)) {
    // What is cheap to compute on import is a question of its size: compute the rest, too.
    if (failed(foldConstants(longest)))
      return failure();
    for (const Shorter &other : shorter)
      if (failed(foldConstants(other.function)))
        return failure();
    if (!comparison.isOneGraph(/*explain=*/true))
      return failure();
  }
  return comparison.run();
}
