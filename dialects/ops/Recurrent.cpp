//===- Recurrent.cpp - RNN, GRU and LSTM ----------------------------------===//

#include "dialects/reference/Recurrent.h"
#include "dialects/Chain.h"
#include "dialects/QuantTypes.h"
#include "dialects/ops/Families.h"
#include "dialects/ops/Groups.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Cell;
using reference::Recurrent;

namespace {
/// Operands by their position in the record; null where absent.
enum Slot { Input, Weights, Recurrence, Bias, Lengths, InitialH, InitialC, Peepholes, SlotCount };

std::array<Value, SlotCount> slotsOf(Operation *op) {
  std::array<Value, SlotCount> slots;
  auto segments = cast<DenseI32ArrayAttr>(*op->getInherentAttr("operandSegmentSizes"));
  unsigned next = 0;
  for (auto [slot, size] : llvm::enumerate(segments.asArrayRef()))
    if (size)
      slots[slot] = op->getOperand(next++);
  return slots;
}

Cell cellOf(Operation *op) { return isa<RnnOp>(op) ? Cell::Rnn : isa<GruOp>(op) ? Cell::Gru : Cell::Lstm; }

int64_t intAttr(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}

/// Which directions run, by whether each runs backwards.
FailureOr<std::vector<bool>> directionsOf(Operation *op) {
  auto attr = op->getAttrOfType<StringAttr>("direction");
  StringRef direction = attr ? attr.getValue() : "forward";
  if (direction == "bidirectional")
    return std::vector<bool>{false, true};
  if (direction == "forward" || direction == "reverse")
    return std::vector<bool>{direction == "reverse"};
  return op->emitOpError("direction is '") << direction << "' but must be forward, reverse or bidirectional";
}

/// "HardSigmoid" is the step hard_sigmoid. Exporters differ in the case of names.
std::string stepName(StringRef onnxName) {
  std::string name;
  for (char c : onnxName) {
    if (llvm::isUpper(c) && !name.empty())
      name += '_';
    name += llvm::toLower(c);
  }
  return name;
}

/// ONNX's lists of parameters have entries for those functions only that have one.
class Parameters {
public:
  explicit Parameters(DenseF32ArrayAttr list) : left(list ? list.asArrayRef() : ArrayRef<float>()) {}
  float next(float otherwise) {
    if (left.empty())
      return otherwise;
    float value = left.front();
    left = left.drop_front();
    return value;
  }

private:
  ArrayRef<float> left;
};

SmallVector<StringRef> defaultFunctions(Cell cell) {
  if (cell == Cell::Lstm)
    return {"Sigmoid", "Tanh", "Tanh"};
  return cell == Cell::Gru ? SmallVector<StringRef>{"Sigmoid", "Tanh"} : SmallVector<StringRef>{"Tanh"};
}

/// Those that ONNX allows.
bool isActivation(StringRef step) {
  return llvm::is_contained({"relu", "tanh", "sigmoid", "affine", "leaky_relu", "thresholded_relu",
                             "scaled_tanh", "hard_sigmoid", "elu", "softsign", "softplus"},
                            step);
}
} // namespace

//===----------------------------------------------------------------------===//
// Normal form
//===----------------------------------------------------------------------===//

LogicalResult ops::normalizeRecurrent(Operation *op) {
  FailureOr<std::vector<bool>> directions = directionsOf(op);
  if (failed(directions))
    return failure();
  Cell cell = cellOf(op);
  SmallVector<StringRef> names;
  if (auto given = op->getAttrOfType<ArrayAttr>("activations"))
    for (auto name : given.getAsValueRange<StringAttr>())
      names.push_back(name);
  if (!op->getAttr("activations"))
    for (size_t i = 0; i < directions->size(); ++i)
      names.append(defaultFunctions(cell));
  size_t expected = directions->size() * static_cast<size_t>(reference::functionsOf(cell));
  if (names.size() != expected)
    return op->emitOpError("activations has ") << names.size() << " names but should have " << expected;
  Parameters alphas(op->getAttrOfType<DenseF32ArrayAttr>("activation_alpha")),
      betas(op->getAttrOfType<DenseF32ArrayAttr>("activation_beta"));
  Builder builder(op->getContext());
  SmallVector<Attribute> functions;
  for (StringRef name : names) {
    std::string step = stepName(name);
    const reference::PointwiseFunction *function = reference::findPointwise(step);
    if (!function || !isActivation(step))
      return op->emitOpError("activations has '") << name << "', which is none of ONNX's";
    NamedAttrList entry;
    entry.append("op", builder.getStringAttr(step));
    Parameters *lists[] = {&alphas, &betas};
    for (int i = 0; i < 2; ++i)
      if (function->parameters[i])
        entry.append(function->parameters[i], builder.getF32FloatAttr(lists[i]->next(function->defaults[i])));
    functions.push_back(entry.getDictionary(op->getContext()));
  }
  op->setAttr("functions", builder.getArrayAttr(functions));
  for (StringRef name : {"activations", "activation_alpha", "activation_beta"})
    op->removeAttr(name);
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
/// Sizes that the operands give.
struct Sizes {
  int64_t steps, batch, inputs, directions, hidden;
  bool batchFirst;
  Shape states() const {
    return batchFirst ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  }
};

FailureOr<Sizes> sizesOf(Operation *op, ArrayRef<Value> slots) {
  if (int64_t layout = intAttr(op, "layout"); layout != 0 && layout != 1)
    return op->emitOpError("layout is ") << layout << " but must be 0 or 1";
  for (auto [name, slot] :
       {std::pair("input", Input), std::pair("weights", Weights), std::pair("recurrence", Recurrence)})
    if (failed(requireRank(op, name, slots[slot], 3, 3)))
      return failure();
  FailureOr<std::vector<bool>> directions = directionsOf(op);
  if (failed(directions))
    return failure();
  bool batchFirst = intAttr(op, "layout") == 1;
  ArrayRef<int64_t> input = shapeOf(slots[Input]);
  Sizes sizes{input[batchFirst ? 1 : 0],
              input[batchFirst ? 0 : 1],
              input[2],
              static_cast<int64_t>(directions->size()),
              shapeOf(slots[Recurrence])[2],
              batchFirst};
  if (auto given = op->getAttrOfType<IntegerAttr>("hidden_size"); given && given.getInt() != sizes.hidden)
    return op->emitOpError("hidden_size is ")
           << given.getInt() << " but operand 'recurrence' has " << sizes.hidden;
  return sizes;
}

LogicalResult requireShape(Operation *op, StringRef name, Value value, ArrayRef<int64_t> shape) {
  if (!value || shapeOf(value) == shape)
    return success();
  return op->emitOpError("operand '")
         << name << "' has shape " << shapeText(shapeOf(value)) << " but should have " << shapeText(shape);
}

LogicalResult checkShapes(Operation *op, ArrayRef<Value> slots, const Sizes &sizes) {
  int64_t rows = reference::gatesOf(cellOf(op)) * sizes.hidden, d = sizes.directions;
  return success(succeeded(requireShape(op, "weights", slots[Weights], {d, rows, sizes.inputs})) &&
                 succeeded(requireShape(op, "recurrence", slots[Recurrence], {d, rows, sizes.hidden})) &&
                 succeeded(requireShape(op, "bias", slots[Bias], {d, 2 * rows})) &&
                 succeeded(requireShape(op, "sequence_lens", slots[Lengths], {sizes.batch})) &&
                 succeeded(requireShape(op, "initial_h", slots[InitialH], sizes.states())) &&
                 succeeded(requireShape(op, "initial_c", slots[InitialC], sizes.states())) &&
                 succeeded(requireShape(op, "peepholes", slots[Peepholes], {d, 3 * sizes.hidden})));
}

/// Floats that are stored in fewer bits than the input has.
bool isWidened(Value input, Value weights) {
  return elementOf(input).isF32() && (elementOf(weights).isF16() || elementOf(weights).isBF16());
}

LogicalResult checkElements(Operation *op, ArrayRef<Value> slots) {
  if (failed(requireFloat(op, "input", slots[Input])))
    return failure();
  if (slots[Lengths] && !elementOf(slots[Lengths]).isInteger(32))
    return op->emitOpError("operand 'sequence_lens' has element type ")
           << elementOf(slots[Lengths]) << " but should be i32";
  if (isQuantized(slots[Weights]) != isQuantized(slots[Recurrence]))
    return op->emitOpError("has weights of ")
           << elementOf(slots[Weights]) << " but a recurrence of " << elementOf(slots[Recurrence]);
  if (isQuantized(slots[Weights]) && !elementOf(slots[Input]).isF32())
    return op->emitOpError("has quantised weights and an input of ") << elementOf(slots[Input]);
  for (auto [slot, value] : llvm::enumerate(slots)) {
    bool weights = slot == Weights || slot == Recurrence;
    if (value && slot != Lengths && !(weights && (isQuantized(value) || isWidened(slots[Input], value))) &&
        failed(requireSameElement(op, {slots[Input], value})))
      return failure();
  }
  return success();
}

/// One scale for each row of a direction's matrix; none for floats and for groups.
FailureOr<std::vector<float>> rowScales(Operation *op, StringRef name, Value matrix) {
  std::vector<float> scales;
  if (hasGroups(matrix) && failed(checkGroups(op, name, matrix, 2)))
    return failure();
  if (!isQuantized(matrix) || hasGroups(matrix))
    return scales;
  auto emitError = [&] { return op->emitOpError("operand '") << name << "' "; };
  auto params = channelParams(elementOf(matrix), 1, shapeOf(matrix)[1], emitError);
  if (failed(params))
    return failure();
  for (const reference::QuantParams &row : *params) {
    if (row.zeroPoint != 0)
      return emitError() << "has zero point " << row.zeroPoint << " but it must be 0";
    scales.push_back(row.scale);
  }
  return scales;
}

FailureOr<Recurrent> recurrentOf(Operation *op, ArrayRef<Value> slots) {
  Recurrent spec;
  spec.cell = cellOf(op);
  spec.hidden = shapeOf(slots[Recurrence])[2];
  spec.batchFirst = intAttr(op, "layout") == 1;
  spec.inputForget = intAttr(op, "input_forget") != 0;
  spec.linearBeforeReset = intAttr(op, "linear_before_reset") != 0;
  if (auto clip = op->getAttrOfType<FloatAttr>("clip"))
    spec.clip = static_cast<float>(clip.getValueAsDouble());
  FailureOr<std::vector<bool>> directions = directionsOf(op);
  FailureOr<std::vector<float>> weights = rowScales(op, "weights", slots[Weights]),
                                recurrence = rowScales(op, "recurrence", slots[Recurrence]);
  if (failed(directions) || failed(weights) || failed(recurrence))
    return failure();
  spec.reversed = *directions;
  spec.weightScales = *weights;
  spec.recurrenceScales = *recurrence;
  if (hasGroups(slots[Weights]) != hasGroups(slots[Recurrence]))
    return op->emitOpError("has groups of scales in one of its matrices only");
  auto functions = op->getAttrOfType<ArrayAttr>("functions");
  size_t expected = spec.reversed.size() * static_cast<size_t>(reference::functionsOf(spec.cell));
  if (!functions || functions.size() != expected)
    return op->emitOpError("functions has ")
           << (functions ? functions.size() : 0) << " steps but should have " << expected;
  auto steps = parseChain(functions, op);
  if (failed(steps))
    return failure();
  spec.functions.assign(steps->begin(), steps->end());
  return spec;
}
} // namespace

LogicalResult ops::inferRecurrent(Operation *op, Results &results) {
  auto slots = slotsOf(op);
  FailureOr<Sizes> sizes = sizesOf(op, slots);
  if (failed(sizes) || failed(checkShapes(op, slots, *sizes)) || failed(checkElements(op, slots)) ||
      failed(recurrentOf(op, slots)))
    return failure();
  Shape all = sizes->batchFirst ? Shape{sizes->batch, sizes->steps, sizes->directions, sizes->hidden}
                                : Shape{sizes->steps, sizes->directions, sizes->batch, sizes->hidden};
  if (failed(addResult(op, results, all, elementOf(slots[Input]))))
    return failure();
  for (int64_t i = 0; i < (isa<LstmOp>(op) ? 2 : 1); ++i)
    if (failed(addResult(op, results, sizes->states(), elementOf(slots[Input]))))
      return failure();
  return success();
}

LogicalResult ops::evaluateRecurrent(Operation *op, Operands operands, Tensors &results) {
  auto slots = slotsOf(op);
  FailureOr<Recurrent> spec = recurrentOf(op, slots);
  if (failed(spec))
    return failure();
  spec->weightGroups = groupsOf(slots[Weights]);
  spec->recurrenceGroups = groupsOf(slots[Recurrence]);
  auto at = [&](size_t slot) { return optional(operands, slot); };
  reference::RecurrentResults computed =
      reference::recurrent(*spec, {at(Input), at(Weights), at(Recurrence), at(Bias), at(Lengths),
                                   at(InitialH), at(InitialC), at(Peepholes)});
  results.append({std::move(computed.all), std::move(computed.lastH)});
  if (isa<LstmOp>(op))
    results.push_back(std::move(computed.lastC));
  return success();
}
