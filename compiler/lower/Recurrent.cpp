//===- Recurrent.cpp - RNN, GRU and LSTM as kernels -----------------------===//
//
// The input's part of all gates of all steps is one product; then each direction
// is one kernel that walks the steps.
//
//===----------------------------------------------------------------------===//

#include "compiler/kernels/recurrent/Recurrent.h"
#include "compiler/lower/Product.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include <cstring>

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;
using kernels::RecurrentSlots;
using reference::Cell;
using reference::Tensor;

namespace {
/// Operands by their position in the record (dialects/QccOps.td); null where absent.
enum Slot { Input, Matrix, Recurrence, Bias, Lengths, InitialH, InitialC, Peepholes, SlotCount };

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

class RecurrentLowering {
public:
  RecurrentLowering(Lowering &lowering, Operation *op) : lowering(lowering), op(op) {}
  LogicalResult run();

private:
  Lowering &lowering;
  Operation *op;
  std::array<OpOperand *, SlotCount> slots = {};
  std::optional<Tensor> matrix, recurrence, bias, peepholes;
  std::vector<float> columnScales, rowScales; ///< of int8 weights and recurrence; else empty
  bool hasNibbles = false;                    ///< weights and recurrence of 4 bits
  /// The recurrence of 4 bits of each direction, a column for each row of its matrix.
  std::vector<kernels::NibbleWeights> recurrenceNibbles;
  Cell cell = Cell::Lstm;
  bool batchFirst = false, linear = false;
  int64_t steps = 0, batch = 0, inputs = 0, directions = 0, hidden = 0, padded = 0, gates = 0;

  LogicalResult readOperands();
  void readSizes();
  int64_t integer(StringRef name) const {
    auto attr = op->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : 0;
  }
  double biasAt(int64_t direction, int64_t which, int64_t gate, int64_t unit) const {
    return bias ? bias->getDouble(((direction * 2 + which) * gates + gate) * hidden + unit) : 0;
  }
  bool isFloat() const { return rowScales.empty() && !hasNibbles; }
  target::Half half() const { return isFloat() ? halfTypeOf(slots[Recurrence]->get()) : target::Half::None; }
  int64_t weightBytes() const { return !isFloat() ? 1 : half() == target::Half::None ? 4 : 2; }
  std::vector<float> scalesOf(Value matrix) const;
  Weights inputWeights();
  FailureOr<Place> inputProduct();
  FailureOr<Rest> invokeInputs(kernels::GemmSpec spec, const Weights &weights, const Place &input,
                               const Place &product);
  Place constant(const kernels::Bytes &bytes, Type element);
  Place statesOf(const Place &whole, int64_t direction) const;
  Place allOf(const Place &whole, int64_t direction) const;
  Place gatesOf(const Place &product, int64_t direction) const;
  Place ofUnits(int64_t parts, llvm::function_ref<double(int64_t part, int64_t unit)> value);
  using Places = std::array<std::optional<Place>, RecurrentSlots::Count>;
  Places placesOf(int64_t direction, const Place &product);
  NamedAttrList specOf(int64_t direction) const;
  void invokeDirection(int64_t direction, const Place &product);
};
} // namespace

LogicalResult RecurrentLowering::readOperands() {
  auto segments = cast<DenseI32ArrayAttr>(*op->getInherentAttr("operandSegmentSizes"));
  unsigned next = 0;
  for (auto [slot, size] : llvm::enumerate(segments.asArrayRef()))
    if (size)
      slots[slot] = &op->getOpOperand(next++);
  if (!typeOf(op->getResult(0)).getElementType().isF32())
    return op->emitOpError("computes in ")
           << typeOf(op->getResult(0)).getElementType() << "; only f32 has a kernel";
  for (auto [slot, name, value] :
       {std::tuple(Matrix, "weights", &matrix), std::tuple(Recurrence, "recurrence", &recurrence),
        std::tuple(Bias, "bias", &bias), std::tuple(Peepholes, "peepholes", &peepholes)}) {
    if (!slots[slot])
      continue;
    ElementsAttr known = constantValue(slots[slot]->get());
    if (!known)
      return op->emitOpError("has a ") << name << " that is no constant; such layers have no kernel yet";
    *value = toTensor(known);
  }
  hasNibbles = isa<quant::UniformQuantizedSubChannelType>(typeOf(slots[Matrix]->get()).getElementType());
  columnScales = scalesOf(slots[Matrix]->get());
  rowScales = scalesOf(slots[Recurrence]->get());
  return success();
}

/// One scale for each row of a direction's matrix; none for floats.
std::vector<float> RecurrentLowering::scalesOf(Value value) const {
  std::vector<float> scales;
  if (hasNibbles || !isa<quant::QuantizedType>(typeOf(value).getElementType()))
    return scales;
  auto rows = channelParams(typeOf(value).getElementType(), 1, typeOf(value).getDimSize(1),
                            [&] { return op->emitOpError("weights "); });
  for (const reference::QuantParams &row : *rows) // inferTypes has checked them
    scales.push_back(row.scale);
  return scales;
}

void RecurrentLowering::readSizes() {
  cell = isa<RnnOp>(op) ? Cell::Rnn : isa<GruOp>(op) ? Cell::Gru : Cell::Lstm;
  batchFirst = integer("layout") == 1;
  linear = integer("linear_before_reset") != 0;
  ArrayRef<int64_t> input = typeOf(slots[Input]->get()).getShape();
  steps = input[batchFirst ? 1 : 0];
  batch = input[batchFirst ? 0 : 1];
  inputs = input[2];
  directions = recurrence->shape[0];
  hidden = recurrence->shape[2];
  padded = kernels::paddedUnits(hidden);
  gates = reference::gatesOf(cell);
  int64_t rows = gates * hidden;
  for (int64_t first = 0; hasNibbles && first < directions * rows * hidden; first += rows * hidden)
    recurrenceNibbles.push_back(
        readNibbles(slots[Recurrence]->get(), rows, hidden, [=](int64_t i) { return first + i; }));
}

/// The matrices of all directions, a column for each [direction][gate][padded], and their biases.
Weights RecurrentLowering::inputWeights() {
  int64_t columns = directions * gates * padded;
  Weights weights;
  weights.bias.assign(columns, 0);
  if (isFloat())
    weights.floats.assign(columns * inputs, 0), weights.half = half();
  else if (!hasNibbles)
    weights.bytes.assign(columns * inputs, 0), weights.scales.assign(columns, 1);
  kernels::NibbleWeights rows;
  if (hasNibbles) {
    rows =
        readNibbles(slots[Matrix]->get(), directions * gates * hidden, inputs, [](int64_t i) { return i; });
    weights.nibbles = rows.spread(columns);
  }
  for (int64_t d = 0; d < directions; ++d)
    for (int64_t row = 0; row < gates * hidden; ++row) {
      int64_t gate = row / hidden, unit = row % hidden, column = (d * gates + gate) * padded + unit;
      // What is reset after the product keeps its bias apart.
      bool apart = cell == Cell::Gru && linear && gate == 2;
      weights.bias[column] = float(biasAt(d, 0, gate, unit) + (apart ? 0 : biasAt(d, 1, gate, unit)));
      int64_t from = d * gates * hidden + row;
      if (hasNibbles) {
        weights.nibbles->setColumn(column, rows, from);
        continue;
      }
      if (!isFloat())
        weights.scales[column] = columnScales[row];
      for (int64_t k = 0; k < inputs; ++k) {
        if (isFloat())
          weights.floats[column * inputs + k] = float(matrix->getDouble(from * inputs + k));
        else
          weights.bytes[column * inputs + k] = int8_t(matrix->getInt(from * inputs + k));
      }
    }
  return weights;
}

/// [steps * batch, or batch * steps][direction][gate][padded].
FailureOr<Place> RecurrentLowering::inputProduct() {
  int64_t columns = directions * gates * padded;
  Weights weights = inputWeights();
  Place input = lowering.readable(*slots[Input], {});
  if (!input.isDense()) {
    Place dense = lowering.storage().scratch(input.view.element, input.view.shape, {}, "input");
    lowering.copy(op, input, dense);
    input = dense;
  }
  Place product = lowering.storage().scratch(input.view.element, {steps * batch, columns}, {}, "gates");
  kernels::GemmSpec spec;
  spec.outW = steps * batch;
  spec.c = inputs;
  spec.n = columns;
  spec.x.offset = input.view.offset;
  spec.x.pixel = inputs;
  spec.out.pixel = columns;
  if (failed(invokeInputs(spec, weights, input.reshaped({steps * batch, inputs}), product)))
    return failure();
  return product;
}

FailureOr<Rest> RecurrentLowering::invokeInputs(kernels::GemmSpec spec, const Weights &weights,
                                                const Place &input, const Place &product) {
  ProductOperands operands{op, slots[Input]->get(), Value(), Value(), ArrayAttr(), op->getResult(0)};
  if (isFloat())
    return invokeProduct(lowering, spec, operands, weights, input, product, nullptr, inputs,
                         spec.outW * spec.n * inputs);
  MeasuredRows rows = measureRows(lowering, op, input);
  spec.x.offset = 0;
  return invokeMeasured(lowering, spec, operands, weights, rows, product, nullptr);
}

Place RecurrentLowering::constant(const kernels::Bytes &bytes, Type element) {
  Place place;
  place.pointer = lowering.storage().weights(lowering.blob().add(bytes));
  place.view = kernels::View::rowMajor(element, {int64_t(bytes.size()) / storageBytes(element)});
  place.isOwn = true;
  return place;
}

/// A direction's part [batch][hidden] of a state, in either layout.
Place RecurrentLowering::statesOf(const Place &whole, int64_t direction) const {
  size_t d = batchFirst ? 1 : 0, b = batchFirst ? 0 : 1;
  Place part = whole;
  part.view.offset += direction * whole.view.strides[d];
  part.view.shape = {batch, hidden};
  part.view.strides = {whole.view.strides[b], whole.view.strides[2]};
  return part;
}

/// A direction's part [steps][batch][hidden] of all states.
Place RecurrentLowering::allOf(const Place &whole, int64_t direction) const {
  ArrayRef<int64_t> s = whole.view.strides; // (steps, directions, batch) or (batch, steps, directions)
  Place part = whole;
  part.view.offset += direction * s[batchFirst ? 2 : 1];
  part.view.shape = {steps, batch, hidden};
  part.view.strides = {s[batchFirst ? 1 : 0], s[batchFirst ? 0 : 2], s[3]};
  return part;
}

/// A direction's part [steps][batch][gate * padded] of what the inputs give.
Place RecurrentLowering::gatesOf(const Place &product, int64_t direction) const {
  int64_t row = gates * padded, whole = directions * row;
  Place part = product;
  part.view.offset += direction * row;
  part.view.shape = {steps, batch, row};
  part.view.strides = {batchFirst ? whole : batch * whole, batchFirst ? steps * whole : whole, 1};
  return part;
}

/// Numbers of each hidden unit, [part][padded].
Place RecurrentLowering::ofUnits(int64_t parts,
                                 llvm::function_ref<double(int64_t part, int64_t unit)> value) {
  std::vector<float> numbers(parts * padded, 0.0f);
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t unit = 0; unit < hidden; ++unit)
      numbers[part * padded + unit] = float(value(part, unit));
  kernels::Bytes bytes(numbers.size() * 4);
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return constant(bytes, Float32Type::get(op->getContext()));
}

RecurrentLowering::Places RecurrentLowering::placesOf(int64_t direction, const Place &product) {
  Type f32 = Float32Type::get(op->getContext()), i8 = IntegerType::get(op->getContext(), 8);
  Places at;
  at[RecurrentSlots::Gates] = gatesOf(product, direction);
  auto index = [&](int64_t r, int64_t k) { return (direction * gates * hidden + r) * hidden + k; };
  auto real = [&](int64_t r, int64_t k) { return float(recurrence->getDouble(index(r, k))); };
  auto byte = [&](int64_t r, int64_t k) { return int8_t(recurrence->getInt(index(r, k))); };
  if (hasNibbles) {
    const kernels::NibbleWeights &rows = recurrenceNibbles[direction];
    at[RecurrentSlots::Recurrence] = constant(kernels::packRecurrenceNibbles(cell, linear, hidden, rows), i8);
    at[RecurrentSlots::Columns] = constant(kernels::packRecurrentNibbleColumns(cell, hidden, rows), i8);
  } else if (half() != target::Half::None) {
    at[RecurrentSlots::Recurrence] =
        constant(kernels::packRecurrenceHalves(cell, linear, hidden, half(), real), i8);
  } else if (isFloat()) {
    at[RecurrentSlots::Recurrence] = constant(kernels::packRecurrence(cell, linear, hidden, real), f32);
  } else {
    at[RecurrentSlots::Recurrence] = constant(kernels::packRecurrenceBytes(cell, linear, hidden, byte), i8);
    at[RecurrentSlots::Columns] = constant(kernels::packRecurrentColumns(cell, hidden, rowScales, byte), i8);
  }
  if (cell == Cell::Gru && linear)
    at[RecurrentSlots::Bias] =
        ofUnits(1, [&](int64_t, int64_t unit) { return biasAt(direction, 1, 2, unit); });
  if (peepholes)
    at[RecurrentSlots::Peepholes] = ofUnits(3, [&](int64_t part, int64_t unit) {
      return peepholes->getDouble((direction * 3 + part) * hidden + unit);
    });
  Storage &storage = lowering.storage();
  if (slots[Lengths])
    at[RecurrentSlots::Lengths] = storage.place(slots[Lengths]->get());
  if (slots[InitialH])
    at[RecurrentSlots::FirstH] = statesOf(storage.place(slots[InitialH]->get()), direction);
  if (slots[InitialC])
    at[RecurrentSlots::FirstC] = statesOf(storage.place(slots[InitialC]->get()), direction);
  return at;
}

NamedAttrList RecurrentLowering::specOf(int64_t direction) const {
  Builder builder(op->getContext());
  auto ways = op->getAttrOfType<StringAttr>("direction");
  bool reversed = direction == 1 || (ways && ways.getValue() == "reverse");
  auto count = reference::functionsOf(cell);
  auto functions = op->getAttrOfType<ArrayAttr>("functions").getValue().slice(direction * count, count);
  NamedAttrList attrs;
  attrs.set("cell", builder.getStringAttr(op->getName().stripDialect()));
  attrs.set("hidden", builder.getI64IntegerAttr(hidden));
  attrs.set("steps", builder.getI64IntegerAttr(steps));
  attrs.set("reversed", builder.getI64IntegerAttr(reversed));
  attrs.set("functions", builder.getArrayAttr(functions));
  for (StringRef name : {"clip", "input_forget", "linear_before_reset"})
    if (Attribute value = op->getAttr(name))
      attrs.set(name, value);
  if (half() != target::Half::None)
    attrs.set("half_weights", builder.getStringAttr(kernels::halfName(half())));
  if (hasNibbles)
    attrs.set("nibbles", recurrenceNibbles[direction].form().toAttr(op->getContext()));
  NamedAttrList spec;
  spec.set("kind", builder.getStringAttr("recurrent"));
  spec.set("attrs", attrs.getDictionary(op->getContext()));
  return spec;
}

void RecurrentLowering::invokeDirection(int64_t direction, const Place &product) {
  SmallVector<Place> places;
  SmallVector<int64_t> present;
  for (const std::optional<Place> &place : placesOf(direction, product)) {
    present.push_back(place.has_value());
    if (place)
      places.push_back(*place);
  }
  Storage &storage = lowering.storage();
  Type f32 = Float32Type::get(op->getContext());
  // A GPU's threads wait for each other inside a block.
  bool together = lowering.packing() != target::Packing::Rows &&
                  gates * padded * padded * weightBytes() >= kernels::sharedBytes;
  int64_t floats = kernels::scratchFloats(hidden, batch, together);
  places.push_back(storage.scratch(f32, {1, floats}, {}, "state"));
  places.push_back(allOf(storage.place(op->getResult(0)), direction));
  for (unsigned i = 1; i < op->getNumResults(); ++i)
    places.push_back(statesOf(storage.place(op->getResult(i)), direction));
  NamedAttrList spec = specOf(direction);
  spec.set("operands", DenseI64ArrayAttr::get(op->getContext(), present));
  if (together)
    spec.set("together", UnitAttr::get(op->getContext()));
  lowering.invoke(op, spec, places, int64_t(op->getNumResults()) + 1,
                  steps * batch * gates * hidden * hidden);
}

LogicalResult RecurrentLowering::run() {
  if (failed(readOperands()))
    return failure();
  readSizes();
  FailureOr<Place> product = inputProduct();
  if (failed(product))
    return failure();
  for (int64_t direction = 0; direction < directions; ++direction)
    invokeDirection(direction, *product);
  return success();
}

LogicalResult lower::lowerRecurrent(Lowering &lowering, Operation *op) {
  return RecurrentLowering(lowering, op).run();
}
