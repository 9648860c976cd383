//===- Recurrent.h - RNN, GRU and LSTM --------------------------*- C++ -*-===//
//
// ONNX's operators, with its names for gates: (i, o, f, c) of LSTM, (z, r, h) of GRU.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECTS_REFERENCE_RECURRENT_H
#define QCC_DIALECTS_REFERENCE_RECURRENT_H

#include "dialects/reference/Groups.h"
#include "dialects/reference/Pointwise.h"

#include <limits>

namespace qcc::reference {

enum class Cell { Rnn, Gru, Lstm };
inline int64_t gatesOf(Cell cell) { return cell == Cell::Rnn ? 1 : cell == Cell::Gru ? 3 : 4; }
/// How many activation functions a direction has: f, g, h.
inline int64_t functionsOf(Cell cell) { return gatesOf(cell) == 4 ? 3 : cell == Cell::Gru ? 2 : 1; }

struct Recurrent {
  Cell cell = Cell::Lstm;
  int64_t hidden = 0;
  std::vector<bool> reversed;           ///< one for each direction
  std::vector<PointwiseStep> functions; ///< of all directions, one after the other
  float clip = std::numeric_limits<float>::infinity();
  bool inputForget = false, linearBeforeReset = false;
  bool batchFirst = false; ///< ONNX's layout 1
  /// Of quantised weights (q11): one for each row of a direction's matrix; else empty.
  std::vector<float> weightScales, recurrenceScales;
  Groups weightGroups, recurrenceGroups; ///< of weights in groups along the depth (q13); else empty
};

/// Null where absent. ONNX's shapes: weights (directions, gates * hidden, inputs) and so on.
struct RecurrentOperands {
  const Tensor *input, *weights, *recurrence, *bias, *lengths, *initialH, *initialC, *peepholes;
};

/// Every step's state, the last state, and LSTM's last cell.
struct RecurrentResults {
  Tensor all, lastH, lastC;
};

/// Sums in double, states and gates in float32.
RecurrentResults recurrent(const Recurrent &spec, const RecurrentOperands &operands);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_RECURRENT_H
