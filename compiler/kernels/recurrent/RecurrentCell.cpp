//===- RecurrentCell.cpp - One step of a recurrent layer --------------------===//
#include "compiler/kernels/recurrent/RecurrentCell.h"
#include "compiler/kernels/Steps.h"

using namespace mlir;
using qcc::reference::Cell;

namespace qcc::kernels {

static Cell cellOf(const Spec &spec) {
  StringRef name = spec.string("cell", "");
  return name == "lstm" ? Cell::Lstm : name == "gru" ? Cell::Gru : Cell::Rnn;
}

RecurrentLayer::RecurrentLayer(DictionaryAttr attr)
    : spec(attr), cell(cellOf(spec)), hidden(spec.integer("hidden", 0)), padded(paddedUnits(hidden)),
      steps(spec.integer("steps", 0)), isFloat(!has(Columns)), reversed(spec.integer("reversed", 0)),
      linear(spec.integer("linear_before_reset", 0)), together(worksTogether(attr)),
      passes(recurrentPasses(cell, linear)), half(halfNamed(spec.attrs)) {
  if (auto form = spec.attrs.getAs<ArrayAttr>("nibbles"))
    nibbles = NibbleForm::fromAttr(form);
}

NibbleForm RecurrentLayer::formOf(const Pass &pass) const {
  NibbleForm form = *nibbles;
  form.panels = int64_t(pass.size());
  return form;
}

RecurrentCell::~RecurrentCell() = default;

Expr RecurrentCell::apply(int64_t function, Expr x) {
  if (layer.spec.has("clip")) {
    auto bound = static_cast<float>(layer.spec.real("clip", 0));
    x = select(compare(Order::Greater, x, code.f32(bound)), code.f32(bound), x);
    x = select(compare(Order::Less, x, code.f32(-bound)), code.f32(-bound), x);
  }
  auto step = cast<DictionaryAttr>(layer.spec.attrs.getAs<ArrayAttr>("functions")[function]);
  FailureOr<Expr> result = applyStep(step.getAs<StringAttr>("op").getValue(), step, x);
  hasFailed |= failed(result);
  return succeeded(result) ? *result : x;
}

Expr RecurrentCell::peephole(Expr x, int64_t which, Expr c) {
  return layer.has(RecurrentSlots::Peepholes) ? x + constant(RecurrentSlots::Peepholes, which) * c : x;
}

void RecurrentCell::lstm() {
  Expr c = get(C);
  Expr i = apply(0, peephole(sum(0), 0, c));
  Expr f = layer.spec.integer("input_forget", 0) ? code.f32(1) - i : apply(0, peephole(sum(2), 2, c));
  c = f * c + i * apply(1, sum(3));
  put(C, c);
  put(Next, apply(0, peephole(sum(1), 1, c)) * apply(2, c));
}

void RecurrentCell::mix(Expr z, Expr candidate) {
  Expr h = get(H);
  put(Next, (code.f32(1) - z) * apply(1, candidate) + z * h);
}

void RecurrentCell::gruLinear() {
  Expr bias = constant(RecurrentSlots::Bias, 0);
  Expr r = apply(0, sum(1));
  mix(apply(0, sum(0)), input(2) + r * (state(2) + bias));
}

void RecurrentCell::gruGates() {
  put(Update, apply(0, sum(0)));
  put(Reset, apply(0, sum(1)) * get(H));
}

LogicalResult RecurrentCell::finish(size_t pass) {
  if (layer.cell == Cell::Rnn)
    put(Next, apply(0, sum(0)));
  else if (layer.cell == Cell::Lstm)
    lstm();
  else if (layer.linear)
    gruLinear();
  else if (pass == 0)
    gruGates();
  else
    mix(get(Update), sum(2));
  return success(!hasFailed);
}

} // namespace qcc::kernels
