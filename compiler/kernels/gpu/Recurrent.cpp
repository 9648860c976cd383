//===- Recurrent.cpp - RNN, GRU and LSTM, one block a sequence --------------===//
//
// A thread has some hidden units and goes through all steps with them. The state of
// the others is read from the scratch buffer, which the block's threads write between
// two barriers. Warps have 32 neighbouring units, whose weights lie side by side.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/kernels/gpu/NibbleColumn.h"
#include "compiler/kernels/quantize/Dynamic.h"
#include "compiler/kernels/recurrent/RecurrentCell.h"
#include "compiler/target/nvptx/BlockOps.h"

using namespace mlir;
using qcc::reference::Cell;
using qcc::target::BlockOps;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::Variant;

namespace qcc::kernels {

namespace {
/// More leave a thread too few registers.
constexpr int64_t mostThreads = 512;
int64_t threadsOf(const RecurrentLayer &layer) { return std::min(layer.padded, mostThreads); }

/// Registers: the range of a state of bytes, then its parameters; one to exchange through.
enum Slot { Low, High, Other, Scale, Zero, Slots };

class Kernel : RecurrentSlots {
public:
  Kernel(OpBuilder &builder, func::FuncOp function, const RecurrentLayer &layer, const Variant &variant);
  LogicalResult emit();

private:
  const RecurrentLayer &layer;
  func::FuncOp function;
  CodeBuilder code;
  Code scalar;
  const Variant &variant;
  int64_t threads;
  std::unique_ptr<BlockOps> ops;
  Value sequence, cell, update, reset, bytes;
  bool hasFailed = false;

  /// Where a step reads and writes.
  struct Step {
    Value gates, h, next, all;
  };
  struct Units;

  Value constant(int64_t value) { return arith::ConstantIntOp::create(code.b, code.loc, value, 32); }
  Value pointer(size_t view) { return function.getArgument(static_cast<unsigned>(view)); }
  Value element(size_t view, Value step);
  Value numberAt(Value pointer, Value unit) { return code.at(pointer, code.mul(unit, 4)); }
  Expr number(Value pointer, Value unit) { return load(scalar, numberAt(pointer, unit), code.f32()); }
  void put(Expr value, Value pointer, Value unit) { store(value, numberAt(pointer, unit), code.f32()); }
  void putInside(Expr value, Value pointer, Value unit) {
    code.ifElse(isInside(unit), [&] { put(value, pointer, unit); });
  }
  Value isInside(Value unit) { return code.lessThan(unit, code.i64(layer.hidden)); }

  void eachUnit(llvm::function_ref<void(Value unit)> body);
  void forUnits(Value thread, llvm::function_ref<void(Value unit)> body);
  Value lengthOfSequence();
  void start(Slot slot, Value state);
  void writeStep(const Step &step);
  void measure(Value state);
  void combineWarps();
  Values sums(const Pass &pass, Value weights, Value unit, Value source);
  Values sumsOfNibbles(const Pass &pass, Value block, Value unit, Value source);
  void writePass(size_t index, const Step &step, Value state);
};

/// One hidden unit.
struct Kernel::Units : RecurrentCell {
  Units(Kernel &kernel, const Step &step, const Pass &pass, ValueRange sums, Value unit)
      : RecurrentCell(kernel.layer, kernel.scalar), kernel(kernel), step(step), pass(pass), sums(sums),
        unit(unit) {}

  Kernel &kernel;
  const Step &step;
  const Pass &pass;
  ValueRange sums; ///< one for each gate of the pass
  Value unit;

  Value placeOf(Part part) {
    Value places[] = {step.h, step.next, kernel.cell, kernel.update, kernel.reset}; // in the order of Part
    return places[part];
  }
  Value column(int64_t part) { return kernel.code.add(unit, kernel.code.i64(part * layer.padded)); }
  Expr get(Part part) override { return kernel.number(placeOf(part), unit); }
  Expr constant(RecurrentSlots::Slot slot, int64_t part) override {
    return kernel.number(kernel.pointer(layer.indexOf(slot)), column(part));
  }
  Expr input(int64_t gate) override { return kernel.number(step.gates, column(gate)); }

  Expr state(int64_t gate) override {
    Expr sum = code.wrap(sums[llvm::find(pass, gate) - pass.begin()]);
    if (layer.isFloat)
      return sum;
    Value columns = kernel.pointer(layer.indexOf(RecurrentSlots::Columns));
    Expr scale = code.wrap(kernel.ops->getFloat(Scale)), zero = code.wrap(kernel.ops->get(Zero));
    if (layer.nibbles)
      return (sum - toFloat(zero) * kernel.number(columns, column(gate))) * scale;
    int64_t gates = reference::gatesOf(layer.cell);
    Expr ofColumn = load(code, kernel.numberAt(columns, column(gates + gate)), code.builder.getI32Type());
    Expr exact = sum - zero * ofColumn;
    return toFloat(exact) * kernel.number(columns, column(gate)) * scale;
  }

  /// Units that only fill up the last block have the state 0.
  void put(Part part, Expr value) override {
    if (part == Next)
      kernel.putInside(value, step.all, unit);
    if (part == Next || part == Reset)
      value = select(code.wrap(kernel.isInside(unit)), value, code.f32(0));
    kernel.put(value, placeOf(part), unit);
  }
};
} // namespace

Kernel::Kernel(OpBuilder &builder, func::FuncOp function, const RecurrentLayer &layer, const Variant &variant)
    : layer(layer), function(function), code(builder, function.getLoc()),
      scalar(builder, function.getLoc(), variant), variant(variant), threads(threadsOf(layer)),
      // Shared memory: a range for each warp.
      ops(BlockOps::create(code, variant, {threads, threads / BlockOps::warpThreads * 8, Slots})),
      sequence(function.getArgument(function.getNumArguments() - 2)) {}

/// The address of this sequence's element [step][sequence][0], or [sequence][0].
Value Kernel::element(size_t view, Value step) {
  const View &at = layer.spec.views[view];
  int64_t size = storageBytes(at.element);
  Value address = code.at(pointer(view), at.offset * size);
  size_t axis = at.shape.size() - 2;
  if (step)
    address = code.at(address, code.mul(step, at.strides[axis - 1] * size));
  return code.at(address, code.mul(sequence, at.strides[axis] * size));
}

void Kernel::forUnits(Value thread, llvm::function_ref<void(Value unit)> body) {
  Value first = arith::ExtUIOp::create(code.b, code.loc, code.b.getI64Type(), thread);
  if (layer.padded == threads)
    return body(first);
  code.forLoop(first, code.i64(layer.padded), threads, {}, [&](Value unit, ValueRange) {
    body(unit);
    return Values();
  });
}

void Kernel::eachUnit(llvm::function_ref<void(Value unit)> body) {
  ops->eachThread([&](Value thread) { forUnits(thread, body); });
}

void Kernel::start(Slot slot, Value state) {
  eachUnit([&](Value unit) {
    put(scalar.f32(0), state, unit);
    if (layer.has(slot))
      code.ifElse(isInside(unit),
                  [&] { put(number(element(layer.indexOf(slot), Value()), unit), state, unit); });
  });
}

Value Kernel::lengthOfSequence() {
  Value steps = code.i64(layer.steps);
  if (!layer.has(Lengths))
    return steps;
  const View &view = layer.spec.views[layer.indexOf(Lengths)];
  Value at = code.at(pointer(layer.indexOf(Lengths)), view.offset * 4);
  Value given = code.load(code.i32(), code.at(at, code.mul(sequence, view.strides[0] * 4)), 0, 4);
  given = arith::ExtSIOp::create(code.b, code.loc, code.b.getI64Type(), given);
  return code.min(code.max(given, code.i64(0)), steps);
}

LogicalResult Kernel::emit() {
  size_t view = layer.result(0);
  Value scratch = code.at(pointer(view), layer.spec.views[view].offset * 4);
  Value states = code.at(scratch, layer.batch() * partsOfSequence * layer.padded * 4);
  bytes = code.at(states, code.mul(sequence, layer.padded));
  scratch = code.at(scratch, code.mul(sequence, partsOfSequence * layer.padded * 4));
  auto part = [&](int64_t i) { return code.at(scratch, i * layer.padded * 4); };
  cell = part(2);
  update = part(3);
  reset = part(4);
  start(FirstH, part(0));
  if (layer.cell == Cell::Lstm)
    start(FirstC, cell);
  Value steps = code.i64(layer.steps), length = lengthOfSequence();
  Values last = code.forLoop(code.i64(0), length, 1, {part(0), part(1)}, [&](Value s, ValueRange carried) {
    Value t = layer.reversed ? code.sub(code.sub(length, code.i64(1)), s) : s;
    Value gates = element(layer.indexOf(Gates), t), all = element(layer.result(1), t);
    writeStep({gates, carried[0], carried[1], all});
    return Values{carried[1], carried[0]};
  });
  eachUnit([&](Value unit) {
    if (layer.has(Lengths))
      code.forLoop(length, steps,
                   [&](Value t) { putInside(scalar.f32(0), element(layer.result(1), t), unit); });
    putInside(number(last[0], unit), element(layer.result(2), Value()), unit);
    if (layer.cell == Cell::Lstm)
      putInside(number(cell, unit), element(layer.result(3), Value()), unit);
  });
  return failure(hasFailed);
}

void Kernel::writeStep(const Step &step) {
  for (size_t i = 0; i < layer.passes.size(); ++i)
    writePass(i, step, i == 0 ? step.h : reset);
}

void Kernel::writePass(size_t index, const Step &step, Value state) {
  const Pass &pass = layer.passes[index];
  ops->barrier(); // all units of the state are there
  if (!layer.isFloat)
    measure(state);
  Value weights = code.at(pointer(layer.indexOf(Recurrence)), layer.passOffset(index));
  eachUnit([&](Value unit) {
    Values all = sums(pass, weights, unit, layer.isFloat ? state : bytes);
    hasFailed |= failed(Units(*this, step, pass, all, unit).finish(index));
  });
}

/// Products of int8 want the state in bytes, with its own scale and zero point.
void Kernel::measure(Value state) {
  ops->eachThread([&](Value thread) {
    ops->set(Low, scalar.f32(0).value);
    ops->set(High, scalar.f32(0).value);
    forUnits(thread, [&](Value unit) {
      Expr x = number(state, unit);
      ops->set(Low, minimum(x, scalar.wrap(ops->getFloat(Low))).value);
      ops->set(High, maximum(x, scalar.wrap(ops->getFloat(High))).value);
    });
  });
  auto lower = [&](Value a, Value b) { return minimum(scalar.wrap(a), scalar.wrap(b)).value; };
  auto higher = [&](Value a, Value b) { return maximum(scalar.wrap(a), scalar.wrap(b)).value; };
  ops->reduceWarp(Low, Other, lower);
  ops->reduceWarp(High, Other, higher);
  ops->eachThread([&](Value thread) {
    Value lane = code.rem(thread, BlockOps::warpThreads), warp = code.div(thread, BlockOps::warpThreads);
    code.ifElse(code.lessThan(lane, constant(1)), [&] {
      Value place = ops->sharedPointer(code.mul(warp, 8));
      store(scalar.wrap(ops->getFloat(Low)), place, code.f32());
      store(scalar.wrap(ops->getFloat(High)), code.at(place, 4), code.f32());
    });
  });
  ops->barrier();
  ops->eachThread([&](Value thread) {
    combineWarps();
    RowParams params = rowParams(scalar.wrap(ops->getFloat(Low)), scalar.wrap(ops->getFloat(High)));
    ops->set(Scale, params.scale.value);
    ops->set(Zero, params.zero.value);
    forUnits(thread, [&](Value unit) {
      Expr byte = quantizeInRow(number(state, unit), params);
      store(resizeInteger(byte, code.i8(), true), code.at(bytes, unit), code.i8());
    });
  });
  ops->barrier();
}

void Kernel::combineWarps() {
  for (int64_t warp = 0; warp < threads / BlockOps::warpThreads; ++warp) {
    Value place = ops->sharedPointer(constant(8 * warp));
    Expr low = load(scalar, place, code.f32()), high = load(scalar, code.at(place, 4), code.f32());
    ops->set(Low, warp ? minimum(low, scalar.wrap(ops->getFloat(Low))).value : low.value);
    ops->set(High, warp ? maximum(high, scalar.wrap(ops->getFloat(High))).value : high.value);
  }
}

Values Kernel::sumsOfNibbles(const Pass &pass, Value block, Value unit, Value source) {
  NibbleForm form = layer.formOf(pass);
  gpu::NibbleColumn product(code, scalar, variant, form);
  Values sums;
  for (size_t gate = 0; gate < pass.size(); ++gate) {
    Value column = code.add(code.rem(unit, blockUnits), code.i64(int64_t(gate) * blockUnits));
    auto wordAt = [&](Value pointer) { return code.load(code.i32(), pointer, 0, 4); };
    sums.push_back(product.sumOfBytes(source, wordAt, block, column, layer.hidden).value);
  }
  return sums;
}

/// For each gate of the pass: sums of products in f32 or i32.
Values Kernel::sums(const Pass &pass, Value weights, Value unit, Value source) {
  Value block = code.at(weights, code.mul(code.div(unit, blockUnits), layer.blockBytes(pass)));
  if (layer.nibbles)
    return sumsOfNibbles(pass, block, unit, source);
  block = code.at(block, code.mul(code.rem(unit, blockUnits), layer.unitBytes()));
  Type stored = storageOf(code.b.getContext(), layer.half);
  Type word = layer.isFloat ? Type(code.f32()) : Type(code.i32());
  Value zero = layer.isFloat ? scalar.f32(0).value : constant(0);
  Values start(pass.size(), zero);
  return code.forLoop(code.i64(0), code.i64(layer.words()), 1, start, [&](Value k, ValueRange carried) {
    Values next(carried);
    Value x = code.load(word, code.at(source, code.mul(k, 4)), 0, 4);
    Value line = code.at(block, code.mul(k, layer.wordBytes(pass)));
    for (auto [gate, sum] : llvm::enumerate(next)) {
      Value at = code.at(line, int64_t(gate) * blockUnits * layer.unitBytes());
      Value w = layer.isFloat ? load(scalar, at, stored).value : code.load(word, at, 0, 4);
      sum = layer.isFloat ? mulAdd(scalar.wrap(x), scalar.wrap(w), scalar.wrap(sum)).value
                          : target::dotBytes(code, variant, sum, x, w);
    }
    return next;
  });
}

gpu::Launch gpu::recurrentLaunch(DictionaryAttr spec) {
  RecurrentLayer layer(spec);
  return {std::max<int64_t>(layer.batch(), 1), threadsOf(layer)};
}

LogicalResult gpu::emitRecurrent(OpBuilder &builder, func::FuncOp function, DictionaryAttr spec,
                                 const Variant &variant) {
  RecurrentLayer layer(spec);
  if (succeeded(Kernel(builder, function, layer, variant).emit()))
    return success();
  return emitError(function.getLoc(), "no kernel for an activation of '")
         << layer.spec.string("cell", "") << "'";
}

} // namespace qcc::kernels
