//===- Balance.cpp - Inputs of a concat as fine as their readers need -----===//
//
// With the step s that all inputs share and weights w_i of the root mean square W_i for input i, that
// input's rounding adds noise in proportion to W_i * s. Its own range is narrower than the
// whole's by a factor r_i: so much finer it could be stored. A factor f_i brings
// its noise to W_i * s / f_i, and its weights to W_i / f_i; beyond f_i = W_i / W, where W is
// of the input that fills the range, there is nothing to gain any more, but bits of the weights to lose.
//
//===----------------------------------------------------------------------===//

#include "compiler/quantize/Balance.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::quantize;
using reference::Tensor;

namespace {

/// Smaller factors are not worth a multiplication.
constexpr double worthwhile = 4;

/// A product behind a concat.
struct Reader {
  Operation *op;
  Tensor weights;
  bool grouped; ///< each result reads one group of channels

  /// The input channel of a weight.
  int64_t channelOf(int64_t element) const;
};

int64_t innerSize(const Tensor &tensor, int64_t axis) {
  int64_t size = 1;
  for (int64_t i = axis + 1; i < tensor.rank(); ++i)
    size *= tensor.shape[i];
  return size;
}

int64_t Reader::channelOf(int64_t element) const {
  if (auto conv = dyn_cast<ConvOp>(op)) { // (M, C / group, kernel...)
    int64_t perGroup = weights.shape[1], row = element / innerSize(weights, 0);
    int64_t group = row / (weights.shape[0] / static_cast<int64_t>(conv.getGroup()));
    return group * perGroup + element / innerSize(weights, 1) % perGroup;
  }
  auto gemm = dyn_cast<GemmOp>(op);
  return gemm && gemm.getTransB() ? element % weights.shape[1] : element / innerSize(weights, 0);
}

/// The axis of a product's input that it sums over.
int64_t summedAxis(Operation *op) {
  return isa<MatMulOp>(op) ? tensorType(op->getOperand(0)).getRank() - 1 : 1;
}

std::optional<Reader> readerAt(OpOperand &use, int64_t axis) {
  Operation *op = use.getOwner();
  std::optional<Weighted> weighted = describeWeighted(op);
  if (!weighted || weighted->input != &use || !isPlain(op) || summedAxis(op) != axis)
    return std::nullopt;
  if (auto gemm = dyn_cast<GemmOp>(op); gemm && gemm.getTransA())
    return std::nullopt;
  std::optional<Tensor> weights = constantOf(weighted->weights->get());
  if (!weights || weights->type != reference::DType::F32 || (isa<MatMulOp>(op) && weights->rank() != 2))
    return std::nullopt;
  auto group = op->getAttrOfType<IntegerAttr>("group");
  return Reader{op, std::move(*weights), group && group.getInt() > 1};
}

/// The products that read `value`, which may have been selected from on the way; false if others read it.
bool findReaders(Value value, int64_t axis, SmallVectorImpl<Reader> &readers) {
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<MaxPoolOp, ResizeOp>(user) && axis == 1 && roleOf(user).form == Form::Move)
      return findReaders(user->getResult(0), axis, readers);
    std::optional<Reader> reader = readerAt(use, axis);
    if (reader)
      readers.push_back(std::move(*reader));
    return reader.has_value();
  });
}

/// One input of the concat.
struct Part {
  int64_t end;      ///< of its channels in the whole
  ObserveOp mark;   ///< may be null
  double room = 1;  ///< its range times this is as wide as the whole's
  double ratio = 0; ///< of its weights to those of what fills the range, in the reader where it is largest
  double factor = 1;
};

class Balance {
public:
  Balance(ConcatOp concat, ObserveOp whole) : concat(concat), whole(whole) {}
  bool run();

private:
  ConcatOp concat;
  ObserveOp whole;
  SmallVector<Reader> readers;
  SmallVector<Part> parts;

  void describeParts();
  size_t partOf(int64_t channel) const;
  void compareWeights(const Reader &reader);
  void scaleInput(size_t index);
  void widen(Part &part);
  void scaleWeights(const Reader &reader);
};

double widthOf(ObserveOp mark) { return double((*mark.getRange())[1]) - double((*mark.getRange())[0]); }

void Balance::describeParts() {
  int64_t end = 0;
  for (Value input : concat.getInputs()) {
    end += tensorType(input).getDimSize(concat.getAxis());
    Part part{end, markOf(input)};
    if (part.mark && part.mark.getRange() && widthOf(part.mark) > 0)
      part.room = widthOf(whole) / widthOf(part.mark);
    parts.push_back(part);
  }
}

size_t Balance::partOf(int64_t channel) const {
  return llvm::find_if(parts, [&](const Part &part) { return channel < part.end; }) - parts.begin();
}

void Balance::compareWeights(const Reader &reader) {
  SmallVector<double> squares(parts.size(), 0), counts(parts.size(), 0);
  for (int64_t i = 0, size = reader.weights.size(); i < size; ++i) {
    size_t part = partOf(reader.channelOf(i));
    double weight = reader.weights.data<float>()[i];
    squares[part] += weight * weight;
    counts[part] += 1;
  }
  double filling = 0;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].room < worthwhile && counts[i] > 0)
      filling = std::max(filling, squares[i] / counts[i]);
  for (size_t i = 0; i < parts.size(); ++i)
    if (squares[i] > 0) // of a grouped reader each result has one input's noise alone
      parts[i].ratio = reader.grouped ? std::numeric_limits<double>::infinity()
                                      : std::max(parts[i].ratio, std::sqrt(squares[i] / counts[i] / filling));
}

/// Only sums and additions take a multiplication as a step; other values get it as a table, behind their
/// mark.
bool takesStep(Value value) {
  Operation *op = value.getDefiningOp();
  for (; op; op = value.getDefiningOp()) {
    if (auto mark = dyn_cast<ObserveOp>(op); mark && !isRange(mark)) { // a product's mean
      value = mark.getInput();
      continue;
    }
    Role role = roleOf(op);
    if (role.form == Form::Product || (role.form == Form::Binary && isa<AddOp>(op)))
      return true;
    if (role.form != Form::Step)
      return false;
    value = role.inputs[0];
  }
  return true; // an input of the model
}

/// As wide as the whole's, a part's range need not lie within it: at most one bit is lost.
void Balance::widen(Part &part) {
  auto factor = static_cast<float>(part.factor);
  ArrayRef<float> all = *whole.getRange(), own = *part.mark.getRange();
  float lo = std::min(all[0], own[0] * factor), hi = std::max(all[1], own[1] * factor);
  whole.setRangeAttr(Builder(whole.getContext()).getDenseF32ArrayAttr({lo, hi}));
}

void Balance::scaleInput(size_t index) {
  Part &part = parts[index];
  OpBuilder builder(concat);
  auto scaled = [&](Value value) -> Value {
    Value factor = createScalar(builder, part.mark.getLoc(), part.factor, value);
    return MulOp::create(builder, part.mark.getLoc(), value.getType(), value, factor, /*chain=*/nullptr);
  };
  bool once = llvm::count_if(parts, [&](const Part &other) { return other.mark == part.mark; }) == 1;
  if (!once || !goOnlyTo(part.mark.getResult(), concat) || !takesStep(part.mark.getInput())) {
    concat->setOperand(index, scaled(concat->getOperand(index)));
    return;
  }
  builder.setInsertionPoint(part.mark);
  part.mark.getInputMutable().assign(scaled(part.mark.getInput()));
  auto factor = static_cast<float>(part.factor);
  ArrayRef<float> range = *part.mark.getRange();
  part.mark.setRangeAttr(builder.getDenseF32ArrayAttr({range[0] * factor, range[1] * factor}));
}

void Balance::scaleWeights(const Reader &reader) {
  Tensor weights = reader.weights;
  for (int64_t i = 0, size = weights.size(); i < size; ++i)
    weights.data<float>()[i] /= static_cast<float>(parts[partOf(reader.channelOf(i))].factor);
  OpOperand &operand = *describeWeighted(reader.op)->weights;
  OpBuilder builder(reader.op);
  operand.set(createConstant(builder, operand.get().getLoc(), weights, tensorType(operand.get())));
}

bool Balance::run() {
  if (!findReaders(whole.getResult(), concat.getAxis(), readers))
    return false;
  describeParts();
  for (const Reader &reader : readers)
    compareWeights(reader);
  bool any = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    Part &part = parts[i];
    double useful = std::min(part.room, part.ratio);
    if (useful < worthwhile)
      continue;
    part.factor = std::exp2(std::floor(std::log2(useful)));
    widen(part);
    scaleInput(i);
    any = true;
  }
  for (const Reader &reader : readers)
    if (any)
      scaleWeights(reader);
  return true;
}

} // namespace

ObserveOp quantize::markOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto observe = dyn_cast<ObserveOp>(op))
      return isRange(observe) ? observe : ObserveOp();
    Role role = roleOf(op);
    if (role.form != Form::Move)
      return {};
    value = role.inputs[0];
  }
  return {};
}

bool quantize::goOnlyTo(Value value, Operation *reader) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (user == reader)
      return true;
    return roleOf(user).form == Form::Move &&
           llvm::all_of(user->getResults(), [&](Value result) { return goOnlyTo(result, reader); });
  });
}

bool quantize::balanceConcat(ConcatOp concat, ObserveOp whole) { return Balance(concat, whole).run(); }
