//===- Recurrent.cpp - RNN, GRU and LSTM ----------------------------------===//

#include "dialects/reference/Recurrent.h"
#include "dialects/reference/Dynamic.h"

#include <algorithm>

namespace qcc::reference {

namespace {
using Row = std::vector<float>;

/// One sequence of the batch in one direction.
class Sequence {
public:
  Sequence(const Recurrent &spec, const RecurrentOperands &operands, int64_t direction)
      : spec(spec), operands(operands), direction(direction), n(spec.hidden), gates(gatesOf(spec.cell)) {}

  Row h, c;
  void step(const Row &x);

private:
  const Recurrent &spec;
  const RecurrentOperands &operands;
  int64_t direction, n, gates;

  Row product(const Row &row, const Tensor &matrix, const std::vector<float> &scales,
              const Groups &groups) const;
  Row states(const Row &row) const {
    return product(row, *operands.recurrence, spec.recurrenceScales, spec.recurrenceGroups);
  }
  float bias(int64_t which, int64_t gate, int64_t j) const {
    return operands.bias ? at(*operands.bias, (direction * 2 + which) * gates * n + gate * n + j) : 0;
  }
  float peephole(int64_t which, int64_t j) const {
    return operands.peepholes ? at(*operands.peepholes, (direction * 3 + which) * n + j) : 0;
  }
  static float at(const Tensor &tensor, int64_t i) { return static_cast<float>(tensor.getDouble(i)); }
  float apply(int64_t function, float x) const {
    x = std::min(std::max(x, -spec.clip), spec.clip);
    return applyPointwise(spec.functions[direction * functionsOf(spec.cell) + function], x);
  }
  void stepRnn(const Row &in, const Row &back);
  void stepGru(const Row &in, const Row &back);
  void stepLstm(const Row &in, const Row &back);
};
} // namespace

/// The direction's matrix times a row.
Row Sequence::product(const Row &row, const Tensor &matrix, const std::vector<float> &scales,
                      const Groups &groups) const {
  int64_t rows = matrix.shape[1], depth = matrix.shape[2];
  Row result(static_cast<size_t>(rows));
  RowParams params = measureRow(row.data(), depth);
  for (int64_t i = 0; i < rows; ++i) {
    int64_t first = (direction * rows + i) * depth, exact = 0;
    if (!groups.index.empty()) {
      result[i] = productInGroups(
          depth, [&](int64_t k) -> int64_t { return quantizeInRow(row[k], params); }, params.zero,
          params.scale, matrix, groups, [&](int64_t k) { return first + k; });
      continue;
    }
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      if (scales.empty())
        sum += static_cast<double>(row[k]) * matrix.getDouble(first + k);
      else
        exact += (quantizeInRow(row[k], params) - params.zero) * matrix.getInt(first + k);
    }
    result[i] = scales.empty() ? static_cast<float>(sum)
                               : static_cast<float>(exact) * scales[i % scales.size()] * params.scale;
  }
  return result;
}

void Sequence::step(const Row &x) {
  Row in = product(x, *operands.weights, spec.weightScales, spec.weightGroups);
  Row back = states(h);
  switch (spec.cell) {
  case Cell::Rnn:
    return stepRnn(in, back);
  case Cell::Gru:
    return stepGru(in, back);
  case Cell::Lstm:
    return stepLstm(in, back);
  }
}

void Sequence::stepRnn(const Row &in, const Row &back) {
  for (int64_t j = 0; j < n; ++j)
    h[j] = apply(0, in[j] + back[j] + bias(0, 0, j) + bias(1, 0, j));
}

void Sequence::stepGru(const Row &in, const Row &back) {
  Row z(h.size()), r(h.size()), reset(h.size());
  for (int64_t j = 0; j < n; ++j) {
    z[j] = apply(0, in[j] + back[j] + bias(0, 0, j) + bias(1, 0, j));
    r[j] = apply(0, in[n + j] + back[n + j] + bias(0, 1, j) + bias(1, 1, j));
    reset[j] = r[j] * h[j];
  }
  Row candidate = spec.linearBeforeReset ? back : states(reset);
  for (int64_t j = 0; j < n; ++j) {
    float recurrent = candidate[2 * n + j] + bias(1, 2, j);
    float t = in[2 * n + j] + bias(0, 2, j) + (spec.linearBeforeReset ? r[j] * recurrent : recurrent);
    h[j] = (1 - z[j]) * apply(1, t) + z[j] * h[j];
  }
}

void Sequence::stepLstm(const Row &in, const Row &back) {
  for (int64_t j = 0; j < n; ++j) {
    auto gate = [&](int64_t g) { return in[g * n + j] + back[g * n + j] + bias(0, g, j) + bias(1, g, j); };
    float i = apply(0, gate(0) + peephole(0, j) * c[j]);
    float f = spec.inputForget ? 1 - i : apply(0, gate(2) + peephole(2, j) * c[j]);
    c[j] = f * c[j] + i * apply(1, gate(3));
    float o = apply(0, gate(1) + peephole(1, j) * c[j]);
    h[j] = o * apply(2, c[j]);
  }
}

namespace {
/// Where the elements of inputs and results lie, in either layout.
struct Places {
  int64_t steps, batch, inputs, directions, hidden;
  bool batchFirst;

  int64_t input(int64_t t, int64_t b) const { return (batchFirst ? b * steps + t : t * batch + b) * inputs; }
  int64_t state(int64_t d, int64_t b) const {
    return (batchFirst ? b * directions + d : d * batch + b) * hidden;
  }
  int64_t all(int64_t t, int64_t d, int64_t b) const {
    return batchFirst ? ((b * steps + t) * directions + d) * hidden
                      : ((t * directions + d) * batch + b) * hidden;
  }
};

Row rowOf(const Tensor *tensor, int64_t first, int64_t count) {
  Row row(static_cast<size_t>(count), 0.0f);
  for (int64_t i = 0; tensor && i < count; ++i)
    row[i] = static_cast<float>(tensor->getDouble(first + i));
  return row;
}

void write(const Row &row, Tensor &tensor, int64_t first) {
  for (size_t i = 0; i < row.size(); ++i)
    tensor.setDouble(first + static_cast<int64_t>(i), row[i]);
}
} // namespace

RecurrentResults recurrent(const Recurrent &spec, const RecurrentOperands &operands) {
  const Tensor &input = *operands.input;
  bool batchFirst = spec.batchFirst;
  auto directions = static_cast<int64_t>(spec.reversed.size());
  Places at{input.shape[batchFirst ? 1 : 0],
            input.shape[batchFirst ? 0 : 1],
            input.shape[2],
            directions,
            spec.hidden,
            batchFirst};
  auto state = batchFirst ? std::vector<int64_t>{at.batch, directions, at.hidden}
                          : std::vector<int64_t>{directions, at.batch, at.hidden};
  auto all = batchFirst ? std::vector<int64_t>{at.batch, at.steps, directions, at.hidden}
                        : std::vector<int64_t>{at.steps, directions, at.batch, at.hidden};
  RecurrentResults results{Tensor(input.type, all), Tensor(input.type, state), Tensor(input.type, state)};
  for (int64_t d = 0; d < directions; ++d)
    for (int64_t b = 0; b < at.batch; ++b) {
      Sequence sequence(spec, operands, d);
      sequence.h = rowOf(operands.initialH, at.state(d, b), at.hidden);
      sequence.c = rowOf(operands.initialC, at.state(d, b), at.hidden);
      int64_t length = operands.lengths ? operands.lengths->getInt(b) : at.steps;
      length = std::clamp<int64_t>(length, 0, at.steps);
      for (int64_t s = 0; s < length; ++s) { // later outputs stay 0
        int64_t t = spec.reversed[d] ? length - 1 - s : s;
        sequence.step(rowOf(&input, at.input(t, b), at.inputs));
        write(sequence.h, results.all, at.all(t, d, b));
      }
      write(sequence.h, results.lastH, at.state(d, b));
      write(sequence.c, results.lastC, at.state(d, b));
    }
  return results;
}

} // namespace qcc::reference
