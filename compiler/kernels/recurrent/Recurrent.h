//===- Recurrent.h - What the recurrent kernel reads ------------*- C++ -*-===//
//
// Kind "recurrent": all steps of one direction of an RNN, GRU or LSTM. The part of
// the gates that the inputs give has been computed by a "gemm"; the kernel adds
// the part of the state, step by step. A unit is one sequence of the batch, or a
// block of hidden units: threads that share each step (`together`) wait for each
// other before they read the state that all have written, and walk some sequences
// at once, for which the recurrence is read once.
//
// Attributes: cell ("rnn", "gru", "lstm"), hidden, steps, reversed, functions (of
// this direction), clip, input_forget, linear_before_reset. Pointers, of which
// `operands` says which are there (Slot), then results:
//   scratch  f32 [1][scratchFloats], whose contents nobody reads
//   all      [steps][batch][hidden]; last state [batch][hidden]; LSTM: last cell
//
// Hidden units come in blocks of 32, the last one filled up with zeros: padded is
// the next multiple. Gates are [steps][batch][gate * padded + unit].
//
// The recurrence holds the matrices of each pass one after the other (GRU whose
// reset comes first needs two passes): for each block, for each k, for each gate
// of the pass, 32 units of 4 bytes: float32 of one k, or int8 of 4 neighbouring k; or of
// 2 bytes (attribute half_weights): float16 or bfloat16 of one k; or of 4 bits (attribute nibbles), as
// Nibbles.h says, with a panel for each gate of the pass. Columns (of int8): [gate * padded + unit] scales in
// f32, then sums over k in i32; of 4 bits: nibbleColumnSums alone.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_RECURRENT_H
#define QCC_COMPILER_KERNELS_RECURRENT_H

#include "compiler/kernels/gemm/Nibbles.h"
#include "compiler/kernels/gemm/Pack.h"
#include "dialects/reference/Recurrent.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qcc::kernels {

constexpr int64_t blockUnits = 32;
inline int64_t paddedUnits(int64_t hidden) { return (hidden + blockUnits - 1) / blockUnits * blockUnits; }

struct RecurrentSlots {
  enum Slot { Gates, Recurrence, Columns, Bias, Peepholes, Lengths, FirstH, FirstC, Count };
};

/// Gates that are computed from one state.
using Pass = llvm::SmallVector<int64_t, 4>;
llvm::SmallVector<Pass, 2> recurrentPasses(reference::Cell cell, bool linearBeforeReset);

/// From so many bytes of recurrence on, threads share each step: sooner a barrier takes longer than it saves.
constexpr int64_t sharedBytes = 128 << 10;

/// Of each sequence: two states, the cell, the gates of GRU's first pass.
constexpr int64_t partsOfSequence = 5;
/// So many sequences at most are walked at once.
constexpr int64_t mostAtOnce = 4;
/// Then, for each unit of the kernel, the states that are walked at once as bytes.
inline int64_t statesOfUnit(int64_t batch, bool together) {
  return together ? std::min(batch, mostAtOnce) : 1;
}
inline int64_t scratchFloats(int64_t hidden, int64_t batch, bool together) {
  int64_t padded = paddedUnits(hidden), units = together ? padded / blockUnits : batch;
  return padded * (partsOfSequence * batch + units * statesOfUnit(batch, together) / 4 + 1);
}

/// `at(row, k)` is an element of the direction's matrix (gates * hidden rows).
Bytes packRecurrence(reference::Cell cell, bool linearBeforeReset, int64_t hidden,
                     llvm::function_ref<float(int64_t row, int64_t k)> at);
/// The same, rounded to 16 bits.
Bytes packRecurrenceHalves(reference::Cell cell, bool linearBeforeReset, int64_t hidden, target::Half type,
                           llvm::function_ref<float(int64_t row, int64_t k)> at);
Bytes packRecurrenceBytes(reference::Cell cell, bool linearBeforeReset, int64_t hidden,
                          llvm::function_ref<int8_t(int64_t row, int64_t k)> at);
/// Scales and sums over k of an int8 matrix.
Bytes packRecurrentColumns(reference::Cell cell, int64_t hidden, llvm::ArrayRef<float> scales,
                           llvm::function_ref<int8_t(int64_t row, int64_t k)> at);

/// Weights of 4 bits: a column for each row of the matrix.
Bytes packRecurrenceNibbles(reference::Cell cell, bool linearBeforeReset, int64_t hidden,
                            const NibbleWeights &weights);
Bytes packRecurrentNibbleColumns(reference::Cell cell, int64_t hidden, const NibbleWeights &weights);

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_RECURRENT_H
