//===- Plan.cpp - Which tensors become integers ---------------------------===//
//
// Two walks over the function, which is one block. Backwards: which tensors does
// integer arithmetic want? Forwards: which of them are ends of their chain?
//
//===----------------------------------------------------------------------===//

#include "compiler/quantize/ByRow.h"
#include "compiler/quantize/Groups.h"
#include "compiler/quantize/KeepFloat.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/quantize/Weights.h"
#include "compiler/support/KnownExtents.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "mlir/IR/BuiltinOps.h"

namespace qcc::quantize {
#define GEN_PASS_DEF_PLANQUANTIZATION
#include "compiler/quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// What is known of a tensor where it is made.
enum class State {
  Real,   ///< computed in float: any pointwise operation may follow in float
  Sums,   ///< of an integer product: steps and one residual addition may follow
  Added,  ///< of an addition or multiplication: steps may follow
  Mean,   ///< of an average: nothing may follow
  Table,  ///< a function of 8-bit values: more functions may follow
  Stored, ///< 8-bit integers
};

class Planner {
public:
  Planner(func::FuncOp function, llvm::function_ref<Role(Operation *)> roleFor) : block(function.front()) {
    for (Operation &op : block) {
      roles[&op] = roleFor(&op);
      order[&op] = order.size();
    }
  }

  /// Quantises `value` whoever reads it.
  void demand(Value value) { demanded.insert(value); }

  void run() {
    wanted = demanded;
    for (Operation &op : llvm::reverse(block))
      want(&op);
    for (Value argument : block.getArguments())
      decide(argument, State::Real);
    for (Operation &op : block)
      for (Value result : op.getResults())
        decide(result, stateAfter(&op));
  }

  /// Tensors to quantise, in program order.
  SmallVector<Value> ends;

  bool isInteger(Operation *op) const { return roles.at(op).form == Form::Product; }
  bool isNextToIntegers(Operation *op) const {
    auto stored = [&](Value value) { return states.lookup(value) == State::Stored; };
    return llvm::any_of(op->getOperands(), stored) || llvm::any_of(op->getResults(), stored);
  }
  const Role &roleAt(Operation *op) const { return roles.at(op); }

private:
  /// Marks the operands that `op` would take as integers.
  void want(Operation *op) {
    const Role &role = roles[op];
    bool asked = role.form == Form::Product ||
                 llvm::any_of(op->getResults(), [&](Value result) { return wanted.contains(result); });
    if (role.form == Form::Float || !asked)
      return;
    for (Value input : role.inputs)
      if (tensorType(input).getNumElements() > 0)
        wanted.insert(input);
  }

  State stateAfter(Operation *op) const {
    const Role &role = roles.at(op);
    State input = role.inputs.empty() ? State::Real : states.lookup(role.inputs[0]);
    switch (role.form) {
    case Form::Product:
      return State::Sums;
    case Form::Step:
    case Form::Function:
      return input == State::Stored ? State::Table : input;
    case Form::Binary:
      return isa<SubOp>(op) ? State::Mean : State::Added;
    case Form::Average:
      return State::Mean;
    case Form::Move:
      return input;
    case Form::Float:
    case Form::Elementwise:
    case Form::Join:
      return State::Real;
    }
    return State::Real;
  }

  void decide(Value value, State state) {
    bool taken = wanted.contains(value) && (demanded.contains(value) || !isAbsorbed(value, state));
    if (taken && state != State::Stored) {
      ends.push_back(value);
      state = State::Stored;
    }
    states[value] = state;
  }

  /// Whether the one operation that reads `value` takes it as it is computed.
  bool isAbsorbed(Value value, State state) const {
    if (!value.hasOneUse())
      return false;
    // A concat's own result has to be stored before anything else can be done.
    Operation *producer = value.getDefiningOp(), *user = *value.user_begin();
    if (producer && (roles.at(producer).form == Form::Join || roles.at(producer).form == Form::Move))
      return false;
    switch (roles.at(user).form) {
    case Form::Step:
      return state != State::Mean;
    case Form::Function:
      return state == State::Real || state == State::Table;
    case Form::Elementwise:
      return state == State::Real;
    case Form::Binary:
      return state == State::Sums && isa<AddOp>(user) && isFusedSum(value, user);
    default:
      return false;
    }
  }

  /// Of an addition's operands the last one to be computed is added unrounded.
  bool isFusedSum(Value value, Operation *add) const {
    Value other = add->getOperand(0) == value ? add->getOperand(1) : add->getOperand(0);
    if (other == value || other.getType() != value.getType())
      return false;
    Operation *rival = other.getDefiningOp();
    return !rival || !endsInSums(other) || order.lookup(rival) < order.lookup(value.getDefiningOp());
  }

  /// Whether `value` is what one product's steps lead to, for one user alone.
  bool endsInSums(Value value) const {
    while (Operation *op = value.hasOneUse() ? value.getDefiningOp() : nullptr) {
      if (roles.at(op).form == Form::Product)
        return true;
      if (roles.at(op).form != Form::Step)
        return false;
      value = roles.at(op).inputs[0];
    }
    return false;
  }

  Block &block;
  llvm::DenseMap<Operation *, Role> roles;
  llvm::DenseMap<Operation *, size_t> order;
  llvm::DenseSet<Value> wanted, demanded;
  llvm::DenseMap<Value, State> states;
};

struct PlanQuantization : impl::PlanQuantizationBase<PlanQuantization> {
  using PlanQuantizationBase::PlanQuantizationBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (failed(refuseQuantized(function)))
      return signalPassFailure();
    FailureOr<KeepFloat> keeps = KeepFloat::parse(function, llvm::to_vector(keepFloat));
    if (failed(keeps))
      return signalPassFailure();
    Planner planner(function, [&](Operation *op) { return roleFor(op, *keeps); });
    if (failed(keeps->checkUsed(function)))
      return signalPassFailure();
    for (const std::string &name : outer)
      if (std::optional<Port> port = findPort(function, name); port && !(outputsOnly && port->isInput))
        demand(planner, port->isInput ? function.getArgument(port->index)
                                      : function.front().getTerminator()->getOperand(port->index));
    planner.run();
    mark(function, planner);
  }

  Role roleFor(Operation *op, KeepFloat &keeps) {
    if (keeps.matches(op))
      return Role::floating(KeepFloat::reason);
    auto isNamed = [&](const auto &names) {
      return !names.empty() && isa<QccOpInterface>(op) && !isa<ConstantOp>(op) &&
             llvm::is_contained(names, nameOf(op->getLoc()));
    };
    if (isNamed(precise))
      return Role::floating("its noise costs more accuracy than --max-drop allows");
    if (!(rows && isAlwaysByRow(op)) && !((isNamed(byRow) || isForInt4(op)) && canBeByRow(op)))
      return roleOf(op);
    op->setAttr(byRowAttr, StringAttr::get(op->getContext(), int4 ? "int4" : "int8"));
    return {};
  }

  /// Kernels with weights of 4 bits take activations that are measured by row.
  bool isForInt4(Operation *op) const {
    return int4 && hasFloatWeights(op) && whyNotGrouped(op, leastGrouped).empty();
  }
  void noteInt8(Operation *op) const {
    std::string reason = int4 && hasFloatWeights(op) ? whyNotGrouped(op, leastGrouped) : "";
    if (!reason.empty())
      op->setAttr(int8ReasonAttr, StringAttr::get(op->getContext(), reason));
  }

  /// Other than f32 has no range that calibration could measure.
  static void demand(Planner &planner, Value value) {
    if (tensorType(value).getElementType().isF32() && tensorType(value).getNumElements() > 0 &&
        !isConstant(value))
      planner.demand(value);
  }

  /// Writes the decisions into the IR.
  void mark(func::FuncOp function, const Planner &planner) const {
    llvm::SmallPtrSet<void *, 32> ends;
    for (Value end : planner.ends)
      ends.insert(end.getAsOpaquePointer());
    SmallVector<Operation *> ops(llvm::make_pointer_range(function.front()));
    OpBuilder builder(function.getContext());
    int64_t id = 0;
    KnownExtents extents(function);
    auto observe = [&](Value value, IntegerAttr axis) {
      if (isa<BlockArgument>(value))
        builder.setInsertionPoint(ops.front());
      else
        builder.setInsertionPointAfterValue(value);
      auto mark =
          ObserveOp::create(builder, value.getLoc(), value.getType(), value, builder.getI64IntegerAttr(id++),
                            /*range=*/nullptr, axis, /*correction=*/nullptr);
      setObservedExtents(mark, extents);
      value.replaceAllUsesExcept(mark.getResult(), mark);
      return mark.getResult();
    };
    auto isEnd = [&](Value value) { return ends.contains(value.getAsOpaquePointer()); };
    for (Value argument : function.getArguments())
      if (isEnd(argument))
        observe(argument, nullptr);
    for (Operation *op : ops) {
      if (planner.roleAt(op).form == Form::Float && !planner.roleAt(op).reason.empty() &&
          (planner.isNextToIntegers(op) || describeWeighted(op)))
        op->setAttr(floatReasonAttr, builder.getStringAttr(planner.roleAt(op).reason));
      if (planner.isInteger(op))
        noteInt8(op);
      for (Value result : op->getResults()) {
        bool end = isEnd(result);
        // Products of two activations have no bias to correct.
        if (planner.isInteger(op) && planner.roleAt(op).inputs.size() == 1)
          result = observe(result, builder.getI64IntegerAttr(describeWeighted(op)->channelAxis));
        if (end)
          observe(result, nullptr);
      }
    }
    if (planner.ends.empty() && llvm::none_of(ops, [](Operation *op) { return op->hasAttr(byRowAttr); }))
      function.emitWarning("nothing is quantised: no convolution or matrix product has an integer form");
  }
};

} // namespace
} // namespace qcc::quantize
