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

SmallVector<SmallVector<int64_t>> qcc::import::shorterLengths(ArrayRef<std::pair<int64_t, int64_t>> bounds) {
  SmallVector<int64_t> most;
  for (auto [least, greatest] : bounds)
    most.push_back(greatest);
  SmallVector<SmallVector<int64_t>> samples;
  auto add = [&](SmallVector<int64_t> sample) {
    if (sample != most && !llvm::is_contained(samples, sample))
      samples.push_back(std::move(sample));
  };
  for (auto [i, bound] : llvm::enumerate(bounds))
    for (int64_t value : {bound.second - 1, (bound.first + bound.second) / 2, bound.first}) {
      SmallVector<int64_t> sample = most;
      sample[i] = value;
      add(sample);
    }
  for (int64_t parts : {1, 0}) { // what grows with the product of two looks even as long as one stands still
    SmallVector<int64_t> sample;
    for (auto [least, greatest] : bounds)
      sample.push_back(least + (greatest - least) * parts / 2);
    add(sample);
  }
  return samples;
}

namespace {
/// Numbers of a constant that grow are few: sizes, positions.
constexpr int64_t mostGrowing = 1024;
/// In place of a number that shorter runs do not have.
constexpr int64_t isMissing = std::numeric_limits<int64_t>::min();

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

  /// "with 'ids' = 7", of those that are not the most.
  std::string where(const Shorter &other) const;
  /// Whether of all lengths `other` has just `length` one less.
  bool isOneLess(const Shorter &other, size_t length) const;
  /// How a number that is `atMost` in the longest depends on lengths; nothing where it does not grow evenly.
  std::optional<Extent> fit(int64_t atMost, llvm::function_ref<int64_t(size_t)> inShorter) const;
  /// The same, or an error about `what`.
  FailureOr<Extent> fitOrFail(Operation *op, const Twine &what, int64_t atMost,
                              llvm::function_ref<int64_t(size_t)> inShorter) const;
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
          << "is another graph " << where(other) << " than with the most"
          << ": bounded lengths need one graph for all of them";
    return false;
  }
  return true;
}

std::string Comparison::where(const Shorter &other) const {
  std::string text;
  for (auto [name, value, atMost] : llvm::zip(names, other.values, most))
    if (value != atMost)
      text += (text.empty() ? "with '" : " and '") + name + "' = " + std::to_string(value);
  return text;
}

bool Comparison::isOneLess(const Shorter &other, size_t length) const {
  for (auto [i, value] : llvm::enumerate(other.values))
    if (value != most[i] - (i == length))
      return false;
  return true;
}

std::optional<Extent> Comparison::fit(int64_t atMost, llvm::function_ref<int64_t(size_t)> inShorter) const {
  Extent extent;
  extent.offset = atMost;
  for (size_t length = 0; length < most.size(); ++length)
    for (auto [i, other] : llvm::enumerate(shorter))
      if (int64_t scale = inShorter(i) == isMissing ? 0 : atMost - inShorter(i);
          scale != 0 && isOneLess(other, length)) {
        if (scale < 0)
          return std::nullopt;
        extent.terms.emplace_back(length, scale);
        extent.offset -= scale * most[length];
      }
  for (auto [i, other] : llvm::enumerate(shorter))
    if (inShorter(i) != isMissing && inShorter(i) != extent.at(other.values))
      return std::nullopt;
  return extent.isFixed() ? Extent() : extent;
}

FailureOr<Extent> Comparison::fitOrFail(Operation *op, const Twine &what, int64_t atMost,
                                        llvm::function_ref<int64_t(size_t)> inShorter) const {
  if (std::optional<Extent> extent = fit(atMost, inShorter))
    return *extent;
  InFlightDiagnostic error = op->emitError() << "has " << what.str() << " that does not grow evenly: it is "
                                             << atMost << " for the most";
  for (auto [i, other] : llvm::enumerate(shorter))
    if (inShorter(i) != atMost && inShorter(i) != isMissing)
      error << ", " << inShorter(i) << " " << where(other);
  return error << "; bounded lengths are not supported there";
}

LogicalResult Comparison::compareTypes(Operation *op, Others others) {
  SmallVector<Extents> all;
  SmallVector<Attribute> uneven;
  for (auto [r, result] : llvm::enumerate(op->getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    Extents extents;
    auto typeIn = [&](size_t i) { return cast<RankedTensorType>(others[i]->getResult(r).getType()); };
    for (size_t i = 0; i < others.size(); ++i)
      if (typeIn(i).getRank() != type.getRank() || typeIn(i).getElementType() != type.getElementType())
        return op->emitError() << "gives a " << type << ", but " << where(shorter[i]) << " a " << typeIn(i)
                               << ": bounded lengths are not supported there";
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      auto extent = fit(type.getDimSize(axis), [&](size_t i) { return typeIn(i).getDimSize(axis); });
      extents.push_back(extent.value_or(Extent()));
      if (extent)
        continue;
      SmallVector<int64_t> row{static_cast<int64_t>(r), axis};
      for (size_t i = 0; i < others.size(); ++i)
        row.push_back(typeIn(i).getDimSize(axis));
      uneven.push_back(DenseI64ArrayAttr::get(op->getContext(), row));
    }
    all.push_back(extents);
  }
  if (llvm::any_of(all, anyBounded))
    setExtents(op, extentsAttr, all);
  if (!uneven.empty()) // what has such sizes is for the rule of the operation to know
    op->setAttr(sizesAttr, ArrayAttr::get(op->getContext(), uneven));
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
    auto start = fitOrFail(op, "a beginning", op.getStarts()[axis],
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

/// Where element `i` of a tensor of shape `whole` lies in one of shape `part`; nothing where it does not.
static std::optional<int64_t> placeWithin(ArrayRef<int64_t> whole, ArrayRef<int64_t> part, int64_t i) {
  int64_t place = 0, stride = 1;
  for (size_t axis = whole.size(); axis-- > 0; i /= whole[axis], stride *= part[axis]) {
    if (i % whole[axis] >= part[axis])
      return std::nullopt;
    place += i % whole[axis] * stride;
  }
  return place;
}

/// Numbers that grow with a length, such as the length itself.
LogicalResult Comparison::compareGrowing(ConstantOp op, ArrayRef<reference::Tensor> tensors,
                                         const reference::Tensor &whole) {
  SmallVector<int64_t> growth{-1};
  bool exact = whole.size() <= mostGrowing;
  auto numberOf = [&](const reference::Tensor &tensor, int64_t i) {
    double real = tensor.getDouble(i);
    exact &= real == std::floor(real) && std::abs(real) < 1e15;
    return exact ? static_cast<int64_t>(real) : 0;
  };
  for (int64_t i = 0; exact && i < whole.size(); ++i) {
    auto fitted = fitOrFail(op, "a number", numberOf(whole, i), [&](size_t k) {
      std::optional<int64_t> place = placeWithin(whole.shape, tensors[k].shape, i);
      return place ? numberOf(tensors[k], *place) : isMissing;
    });
    if (failed(fitted))
      return failure();
    growth.push_back(0);
    if (fitted->isFixed())
      continue;
    auto [length, scale] = fitted->terms.front();
    exact &= fitted->terms.size() == 1 && (growth[0] < 0 || growth[0] == length);
    growth[0] = length;
    growth.back() = scale;
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
  SmallVector<Attribute> samples;
  for (const Shorter &other : shorter)
    samples.push_back(DenseI64ArrayAttr::get(longest.getContext(), other.values));
  longest->setAttr(samplesAttr, ArrayAttr::get(longest.getContext(), samples));
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
