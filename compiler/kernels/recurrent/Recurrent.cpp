//===- Recurrent.cpp - The kernel of RNN, GRU and LSTM ----------------------===//
//
// Bound by how fast the recurrence streams from the cache: all gates of two
// vectors of hidden units are summed over the state at once, then finished. Every
// other step walks the units backwards, and so begins with the weights that the
// step before has read last and left in the second level.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/recurrent/Recurrent.h"
#include "compiler/kernels/gemm/NibbleTile.h"
#include "compiler/kernels/quantize/Dynamic.h"
#include "compiler/kernels/recurrent/RecurrentCell.h"
#include "compiler/target/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using qcc::reference::Cell;
using qcc::target::CodeBuilder;
using qcc::target::Values;
using qcc::target::VectorOps;

namespace qcc::kernels {

/// Of hidden units, where registers hold the sums.
constexpr int64_t mostVectors = 2;

namespace {
/// What fits into the registers of a variant.
struct Together {
  const RecurrentLayer &layer;
  const target::Variant &variant;

  int64_t mostSums() const { return variant.registers >= 32 ? 24 : 8; }
  /// Registers of sums; those of 4 bits sum groups apart.
  int64_t sumsOf(const Pass &pass, int64_t sequences) const {
    return int64_t(pass.size()) * sequences * (layer.nibbles ? 2 : 1);
  }
  /// How many vectors of hidden units, for so many sequences; at least 1.
  int64_t vectors(const Pass &pass, int64_t sequences) const {
    return sequences == 1 || sumsOf(pass, sequences) * mostVectors <= mostSums() ? mostVectors : 1;
  }
  /// How many sequences are walked at once.
  int64_t sequences() const {
    bool alike = layer.together && !layer.has(RecurrentSlots::Lengths);
    int64_t count = alike ? std::min(layer.batch(), mostAtOnce) : 1;
    auto fits = [&](const Pass &pass) { return sumsOf(pass, count) <= mostSums(); };
    while (count > 1 && !llvm::all_of(layer.passes, fits))
      --count;
    return std::max<int64_t>(count, 1);
  }
};

class Writer {
public:
  Writer(OpBuilder &builder, func::FuncOp function, const RecurrentLayer &layer,
         const target::Variant &variant)
      : layer(layer), together{layer, variant}, function(function), code(builder, function.getLoc()),
        ops(VectorOps::create(code, variant, variant.vectorBytes)),
        scalar(builder, function.getLoc(), variant), lanes(scalar.withLanes(ops->count())) {}
  void write();
  bool failedStep = false;

private:
  const RecurrentLayer &layer;
  Together together;
  func::FuncOp function;
  CodeBuilder code;
  std::unique_ptr<VectorOps> ops;
  Code scalar, lanes;
  Value first, last; ///< hidden units of this thread: [first, last)
  Value bytes;       ///< its quantised states

  /// Where a step reads and writes of one sequence.
  struct Sequence {
    Value index, bytes;
    Value cell, gate;     ///< c; z and r * h of GRU
    Value gates, h, next; ///< of the step
  };
  using Sequences = SmallVector<Sequence, mostAtOnce>;
  struct Step {
    Sequences sequences;
    Value backward; ///< i1
  };
  /// What a pass multiplies, and how its sums become numbers.
  struct Source {
    Value pointer;
    RowParams params; ///< of bytes
  };

  Value element(size_t view, Value step, Value sequence);
  Value constants(RecurrentSlots::Slot slot) {
    return function.getArgument(static_cast<unsigned>(layer.indexOf(slot)));
  }
  Sequence startSequence(Value index, int64_t place);
  Value lengthOf(const Sequence &sequence);
  void writeSequences(Value firstIndex, int64_t count);
  void waitForOthers();
  // Of the first `count` elements, or of [from, count), those of this thread.
  void copy(Value from, Value to, int64_t count);
  void clear(Value to, int64_t from, int64_t count);
  void writeStep(const Step &step);
  Source sourceOf(Value state, Value to);
  void writePass(size_t index, const Step &step);
  void writeUnits(size_t index, const Step &step);
  Values sums(const Pass &pass, Value block, Value unit, ArrayRef<Source> sources, int64_t vectors);
  Value loadWeights(Value pointer, int64_t offset);

  Expr vector(Value pointer, Value unit, int64_t offset) {
    return lanes.wrap(code.load(ops->f32s(), code.at(pointer, code.mul(unit, 4)), offset));
  }
  void put(Expr value, Value pointer, Value unit) {
    code.store(value.value, code.at(pointer, code.mul(unit, 4)));
  }
  struct Finish; // the gates of one vector of units
};
} // namespace

/// The address of a view's element [step][sequence][0], or [sequence][0].
Value Writer::element(size_t view, Value step, Value sequence) {
  const View &at = layer.spec.views[view];
  int64_t size = storageBytes(at.element);
  Value address = code.at(function.getArgument(static_cast<unsigned>(view)), at.offset * size);
  size_t axis = at.shape.size() - 2;
  if (step)
    address = code.at(address, code.mul(step, at.strides[axis - 1] * size));
  return code.at(address, code.mul(sequence, at.strides[axis] * size));
}

void Writer::write() {
  auto views = static_cast<unsigned>(layer.spec.views.size());
  Value begin = function.getArgument(views), end = function.getArgument(views + 1);
  bool shared = layer.together;
  first = shared ? code.mul(begin, blockUnits) : code.i64(0);
  last = shared ? code.mul(end, blockUnits) : code.i64(layer.padded);
  Value scratch = element(layer.result(0), Value(), code.i64(0));
  Value states = code.at(scratch, layer.batch() * partsOfSequence * layer.padded * 4);
  bytes = code.at(states, code.mul(begin, layer.padded * statesOfUnit(layer.batch(), shared)));
  if (!shared)
    return code.forLoop(begin, end, [&](Value index) { writeSequences(index, 1); });
  // Like numbers at once, the larger ones first.
  int64_t batch = layer.batch(), parts = llvm::divideCeil(batch, together.sequences());
  int64_t count = parts ? batch / parts : 0, larger = parts ? batch % parts : 0;
  auto write = [&](int64_t from, int64_t to, int64_t count) {
    if (from < to)
      code.forLoop(code.i64(from), code.i64(to), count, {}, [&](Value index, ValueRange) {
        writeSequences(index, count);
        return Values();
      });
  };
  write(0, larger * (count + 1), count + 1);
  write(larger * (count + 1), batch, count);
}

/// Until all threads have written their units of a state.
void Writer::waitForOthers() {
  if (!layer.together)
    return;
  auto next = static_cast<unsigned>(layer.spec.views.size()) + 2;
  Value barrier = function.getArgument(next), team = function.getArgument(next + 1),
        thread = function.getArgument(next + 2);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(code.b.getContext()),
                                          {code.pointerType(), code.i32()});
  code.ifElse(
      code.isNull(barrier), [] {},
      [&] { LLVM::CallOp::create(code.b, code.loc, type, ValueRange{barrier, team, thread}); });
}

void Writer::copy(Value from, Value to, int64_t count) {
  int64_t width = ops->count(), whole = count / width * width;
  auto range = [&](int64_t begin, int64_t end, int64_t step, Type type) {
    if (begin == end)
      return;
    Value low = code.max(first, code.i64(begin)), high = code.min(last, code.i64(end));
    code.forLoop(code.mul(low, 4), code.mul(high, 4), step * 4, {}, [&](Value at, ValueRange) {
      code.store(code.load(type, code.at(from, at)), code.at(to, at));
      return Values();
    });
  };
  range(0, whole, width, ops->f32s());
  range(whole, count, 1, code.f32());
}

void Writer::clear(Value to, int64_t from, int64_t count) {
  if (from == count)
    return;
  Value zero = scalar.f32(0).value;
  Value low = code.max(first, code.i64(from)), high = code.min(last, code.i64(count));
  code.forLoop(code.mul(low, 4), code.mul(high, 4), 4, {}, [&](Value at, ValueRange) {
    code.store(zero, code.at(to, at));
    return Values();
  });
}

/// With its first states.
Writer::Sequence Writer::startSequence(Value index, int64_t place) {
  using S = RecurrentSlots;
  Value scratch = element(layer.result(0), Value(), code.i64(0));
  scratch = code.at(scratch, code.mul(index, partsOfSequence * layer.padded * 4));
  auto part = [&](int64_t i) { return code.at(scratch, i * layer.padded * 4); };
  auto start = [&](S::Slot slot, Value state) {
    int64_t known = layer.has(slot) ? layer.hidden : 0;
    if (known)
      copy(element(layer.indexOf(slot), Value(), index), state, known);
    clear(state, known, layer.padded);
  };
  Sequence sequence{index, code.at(bytes, place * layer.padded), part(2), part(3), Value(), part(0), part(1)};
  start(S::FirstH, sequence.h);
  if (layer.cell == Cell::Lstm)
    start(S::FirstC, sequence.cell);
  return sequence;
}

Value Writer::lengthOf(const Sequence &sequence) {
  Value steps = code.i64(layer.steps);
  if (!layer.has(RecurrentSlots::Lengths))
    return steps;
  const View &view = layer.spec.views[layer.indexOf(RecurrentSlots::Lengths)];
  Value at = code.at(constants(RecurrentSlots::Lengths), view.offset * 4);
  Value given = code.load(code.i32(), code.at(at, code.mul(sequence.index, view.strides[0] * 4)));
  given = arith::ExtSIOp::create(code.b, code.loc, code.b.getI64Type(), given);
  return code.min(code.max(given, code.i64(0)), steps);
}

/// More than one only where all have one length.
void Writer::writeSequences(Value firstIndex, int64_t count) {
  Sequences sequences;
  Values states;
  for (int64_t i = 0; i < count; ++i) {
    sequences.push_back(startSequence(code.add(firstIndex, code.i64(i)), i));
    states.append({sequences[i].h, sequences[i].next});
  }
  Value length = lengthOf(sequences[0]);
  states = code.forLoop(code.i64(0), length, 1, states, [&](Value s, ValueRange carried) {
    Value t = layer.reversed ? code.sub(code.sub(length, code.i64(1)), s) : s;
    Step step{sequences, arith::TruncIOp::create(code.b, code.loc, code.b.getI1Type(), s)};
    Values swapped;
    for (auto [i, sequence] : llvm::enumerate(step.sequences)) {
      sequence.gates = element(RecurrentSlots::Gates, t, sequence.index);
      sequence.h = carried[2 * i];
      sequence.next = carried[2 * i + 1];
      swapped.append({sequence.next, sequence.h});
    }
    writeStep(step);
    for (const Sequence &sequence : step.sequences)
      copy(sequence.next, element(layer.result(1), t, sequence.index), layer.hidden);
    return swapped;
  });
  for (auto [i, sequence] : llvm::enumerate(sequences)) {
    if (layer.has(RecurrentSlots::Lengths))
      code.forLoop(length, code.i64(layer.steps),
                   [&](Value t) { clear(element(layer.result(1), t, sequence.index), 0, layer.hidden); });
    copy(states[2 * i], element(layer.result(2), Value(), sequence.index), layer.hidden);
    if (layer.cell == Cell::Lstm)
      copy(sequence.cell, element(layer.result(3), Value(), sequence.index), layer.hidden);
  }
}

void Writer::writeStep(const Step &step) {
  for (size_t i = 0; i < layer.passes.size(); ++i)
    writePass(i, step);
  for (const Sequence &sequence : step.sequences)
    clear(sequence.next, layer.hidden, layer.padded); // functions need not map 0 to 0
}

/// The state as the products take it; int8 weights want bytes.
Writer::Source Writer::sourceOf(Value state, Value to) {
  if (layer.isFloat)
    return {state, {}};
  int64_t width = ops->count(), count = layer.padded;
  Value zero = lanes.f32(0).value;
  Values range = code.forLoop(code.i64(0), code.i64(count), width, {zero, zero}, [&](Value i, ValueRange r) {
    Expr x = vector(state, i, 0);
    return Values{minimum(x, lanes.wrap(r[0])).value, maximum(x, lanes.wrap(r[1])).value};
  });
  Value low = reduceLanes(lanes.wrap(range[0]), [](Expr a, Expr b) { return minimum(a, b); });
  Value high = reduceLanes(lanes.wrap(range[1]), [](Expr a, Expr b) { return maximum(a, b); });
  Source source{to, rowParams(scalar.wrap(low), scalar.wrap(high))};
  code.forLoop(code.i64(0), code.i64(count), width, {}, [&](Value i, ValueRange) {
    Expr byte = resizeInteger(quantizeInRow(vector(state, i, 0), source.params), code.i8(), true);
    code.store(byte.value, code.at(to, i));
    return Values();
  });
  return source;
}

Value Writer::loadWeights(Value pointer, int64_t offset) {
  if (layer.half != target::Half::None)
    return ops->halvesAsFloats(layer.half, pointer, offset);
  return code.load(layer.isFloat ? ops->f32s() : ops->i8s(), pointer, offset, ops->bytes);
}

/// For each source and each gate of the pass, `vectors` vectors from a block's `unit` on: sums of products in
/// f32 or i32.
Values Writer::sums(const Pass &pass, Value block, Value unit, ArrayRef<Source> sources, int64_t vectors) {
  if (layer.nibbles) {
    NibbleTile::Source source{{}, block, unit, code.i64(layer.groups()), 0, {}, {}};
    for (const Source &one : sources)
      source.rows.push_back(one.pointer);
    return NibbleTile(*ops, layer.formOf(pass), vectors).sums(source);
  }
  Value zero = layer.isFloat ? code.splatFloat(ops->f32s(), 0) : code.splatInt(ops->i32s(), 0);
  size_t each = pass.size() * vectors;
  Values carried(each * sources.size(), zero);
  carried.push_back(code.at(block, code.mul(unit, layer.unitBytes())));
  Value end = code.i64(layer.words() * 4);
  carried = code.forLoop(code.i64(0), end, 4, carried, [&](Value k, ValueRange values) {
    Values next(values);
    SmallVector<VectorOps::Operand> words;
    for (const Source &source : sources) {
      Value word = code.load(layer.isFloat ? code.f32() : code.i32(), code.at(source.pointer, k), 0, 4);
      Value spread = code.splat(ops->count(), word);
      words.push_back(layer.isFloat ? VectorOps::Operand{spread} : ops->activations(spread));
    }
    for (size_t i = 0; i < each; ++i) {
      int64_t column = int64_t(i) / vectors * blockUnits + int64_t(i) % vectors * ops->count();
      Value loaded = loadWeights(next.back(), column * layer.unitBytes());
      VectorOps::Operand weights = layer.isFloat ? VectorOps::Operand{loaded} : ops->weights(loaded);
      for (size_t j = 0; j < sources.size(); ++j) {
        Value &sum = next[j * each + i];
        sum = layer.isFloat ? ops->multiplyAdd(words[j][0], loaded, sum) : ops->dot(sum, words[j], weights);
      }
    }
    next.back() = code.at(next.back(), layer.wordBytes(pass));
    return next;
  });
  carried.pop_back();
  return carried;
}

/// One vector of hidden units from `unit` on, once its sums are there.
struct Writer::Finish : RecurrentCell {
  Finish(Writer &w, const Sequence &sequence, const Pass &pass, const Source &source, ValueRange sums,
         Value unit)
      : RecurrentCell(w.layer, w.lanes), w(w), sequence(sequence), pass(pass), source(source), sums(sums),
        unit(unit) {}

  Writer &w;
  const Sequence &sequence;
  const Pass &pass;
  const Source &source;
  ValueRange sums; ///< one for each gate of the pass
  Value unit;

  Value placeOf(Part part) {
    const Sequence &s = sequence;
    Value places[] = {s.h, s.next, s.cell, s.gate, Value()}; // in the order of Part
    return part == Reset ? w.code.at(s.gate, layer.padded * 4) : places[part];
  }
  Expr get(Part part) override { return w.vector(placeOf(part), unit, 0); }
  void put(Part part, Expr value) override { w.put(value, placeOf(part), unit); }
  Expr constant(RecurrentSlots::Slot slot, int64_t part) override {
    return w.vector(w.constants(slot), unit, part * layer.padded * 4);
  }
  Expr input(int64_t gate) override { return w.vector(sequence.gates, unit, gate * layer.padded * 4); }
  Expr state(int64_t gate) override {
    Value sum = sums[llvm::find(pass, gate) - pass.begin()];
    if (layer.isFloat)
      return w.lanes.wrap(sum);
    Value columns = w.constants(RecurrentSlots::Columns);
    int64_t at = gate * layer.padded * 4, half = reference::gatesOf(layer.cell) * layer.padded * 4;
    if (layer.nibbles) {
      Expr shift = w.lanes.splat(toFloat(source.params.zero).value) * w.vector(columns, unit, at);
      return (w.lanes.wrap(sum) - shift) * w.lanes.splat(source.params.scale.value);
    }
    Value ofColumn = w.code.load(w.ops->i32s(), w.code.at(columns, w.code.mul(unit, 4)), half + at);
    Expr zero = w.lanes.splat(source.params.zero.value);
    if (w.ops->shiftsActivations())
      zero = zero - w.lanes.i32(128);
    Expr exact = w.lanes.wrap(sum) - zero * w.lanes.wrap(ofColumn);
    return toFloat(exact) * w.vector(columns, unit, at) * w.lanes.splat(source.params.scale.value);
  }
};

void Writer::writePass(size_t index, const Step &step) {
  waitForOthers();
  code.ifElse(code.lessThan(first, last), [&] { writeUnits(index, step); });
  if (layer.passes.size() == 2 && index == 0)
    for (const Sequence &sequence : step.sequences)
      clear(code.at(sequence.gate, layer.padded * 4), layer.hidden, layer.padded);
}

void Writer::writeUnits(size_t index, const Step &step) {
  const Pass &pass = layer.passes[index];
  Value weights = code.at(constants(RecurrentSlots::Recurrence), layer.passOffset(index));
  SmallVector<Source> sources;
  for (const Sequence &sequence : step.sequences) {
    Value state = index == 0 ? sequence.h : code.at(sequence.gate, layer.padded * 4);
    sources.push_back(sourceOf(state, sequence.bytes));
  }
  auto count = int64_t(sources.size()), vectors = together.vectors(pass, count), gates = int64_t(pass.size());
  int64_t width = ops->count() * vectors;
  Value end = code.sub(code.add(first, last), code.i64(width));
  code.forLoop(first, last, width, {}, [&](Value i, ValueRange) {
    Value mirrored = code.sub(end, i);
    Value unit = arith::SelectOp::create(code.b, code.loc, step.backward, mirrored, i);
    Value block = code.at(weights, code.mul(code.div(unit, blockUnits), layer.blockBytes(pass)));
    Values all = sums(pass, block, code.rem(unit, blockUnits), sources, vectors);
    for (int64_t s = 0; s < count; ++s)
      for (int64_t j = 0; j < vectors; ++j) {
        Values mine;
        for (int64_t gate = 0; gate < gates; ++gate)
          mine.push_back(all[(s * gates + gate) * vectors + j]);
        Value at = code.add(unit, code.i64(j * ops->count()));
        Finish cell(*this, step.sequences[s], pass, sources[s], mine, at);
        failedStep |= failed(cell.finish(index));
      }
    return Values();
  });
}

int64_t recurrentUnits(DictionaryAttr attr) {
  RecurrentLayer layer(attr);
  return layer.together ? layer.padded / blockUnits : layer.batch();
}

LogicalResult emitRecurrent(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const target::Variant &variant) {
  RecurrentLayer layer(attr);
  Writer writer(builder, function, layer, variant);
  writer.write();
  if (writer.failedStep)
    return emitError(function.getLoc(), "no kernel for an activation of '")
           << layer.spec.string("cell", "") << "'";
  return success();
}

} // namespace qcc::kernels
