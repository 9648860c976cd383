//===- RecurrentCell.h - One step of a recurrent layer ----------*- C++ -*-===//
//
// What the kernels of CPUs and GPUs have in common: the specification, read, and how
// the gates of some hidden units make their next state.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_RECURRENTCELL_H
#define QCC_COMPILER_KERNELS_RECURRENTCELL_H

#include "compiler/kernels/Expr.h"
#include "compiler/kernels/Spec.h"
#include "compiler/kernels/recurrent/Recurrent.h"

namespace qcc::kernels {

/// A specification, read.
struct RecurrentLayer : RecurrentSlots {
  Spec spec;
  reference::Cell cell;
  int64_t hidden, padded, steps;
  bool isFloat, reversed, linear, together;
  llvm::SmallVector<Pass, 2> passes;
  target::Half half; ///< of floats: what the recurrence is stored as
  std::optional<NibbleForm> nibbles;

  explicit RecurrentLayer(mlir::DictionaryAttr attr);

  size_t results() const { return cell == reference::Cell::Lstm ? 4 : 3; }
  bool has(Slot slot) const { return spec.operand(slot, 0).has_value(); }
  size_t indexOf(Slot slot) const { return *spec.operand(slot, 0); }
  /// scratch, all, last state, last cell
  size_t result(size_t i) const { return spec.views.size() - results() + i; }
  int64_t batch() const { return spec.result().shape.front(); }
  int64_t words() const { return isFloat ? hidden : (hidden + 3) / 4; }
  int64_t unitBytes() const { return half == target::Half::None ? 4 : 2; } ///< of a word of the recurrence
  int64_t wordBytes(const Pass &pass) const { return int64_t(pass.size()) * blockUnits * unitBytes(); }
  int64_t groups() const { return (hidden + groupDepth - 1) / groupDepth; }
  NibbleForm formOf(const Pass &pass) const;
  int64_t blockBytes(const Pass &pass) const {
    return nibbles ? groups() * formOf(pass).groupBytes() : words() * wordBytes(pass);
  }
  /// Where the weights of a pass begin in the recurrence, in bytes.
  int64_t passOffset(size_t pass) const {
    return pass == 0 ? 0 : padded / blockUnits * blockBytes(passes[0]);
  }
};

/// Some hidden units in one step, once the sums of a pass are there.
class RecurrentCell {
public:
  RecurrentCell(const RecurrentLayer &layer, const Code &code) : layer(layer), code(code) {}
  virtual ~RecurrentCell();
  /// Fails, without a message, where an activation has no kernel.
  mlir::LogicalResult finish(size_t pass);

protected:
  /// What a sequence keeps of its units: the state, the next one, the cell, and of GRU the update gate and
  /// the state after the reset.
  enum Part { H, Next, C, Update, Reset };

  virtual Expr input(int64_t gate) = 0; ///< the part of a gate that the input gives, biases included
  virtual Expr state(int64_t gate) = 0; ///< the part that the state gives
  virtual Expr constant(RecurrentSlots::Slot slot, int64_t part) = 0;
  virtual Expr get(Part part) = 0;
  virtual void put(Part part, Expr value) = 0;

  const RecurrentLayer &layer;
  const Code &code;

private:
  bool hasFailed = false;

  Expr sum(int64_t gate) { return input(gate) + state(gate); }
  Expr peephole(Expr x, int64_t which, Expr c);
  Expr apply(int64_t function, Expr x);
  void mix(Expr z, Expr candidate);
  void lstm();
  void gruLinear();
  void gruGates();
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_RECURRENTCELL_H
