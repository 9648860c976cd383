//===- Interpreter.cpp - The reference as an executor ---------------------===//

#include "compiler/calibrate/Interpreter.h"
#include "dialects/Constants.h"
#include "dialects/Evaluate.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::Tensor;

namespace {

using Shared = std::shared_ptr<Tensor>;
using Values = llvm::DenseMap<Value, Shared>;

LogicalResult compute(Operation &op, ArrayRef<const Tensor *> operands, Values &values) {
  SmallVector<Tensor> results;
  if (failed(evaluateOp(&op, operands, results)))
    return failure();
  for (auto [result, tensor] : llvm::zip_equal(op.getResults(), results))
    values[result] = std::make_shared<Tensor>(std::move(tensor));
  return success();
}

uint64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  std::optional<reference::DType> element = findDType(type.getElementType());
  return static_cast<uint64_t>(type.getNumElements()) * (element ? reference::byteSize(*element) : 1);
}

/// The function, what does not depend on the inputs, and when values die.
struct Program {
  func::FuncOp function;
  Values fixed;
  llvm::DenseMap<Operation *, SmallVector<Value>> dying;
  uint64_t bytes = 0;

  LogicalResult prepare() {
    for (Operation &op : function.front()) {
      if (op.getNumResults() && llvm::all_of(op.getOperands(), [&](Value v) { return fixed.count(v); }) &&
          !isa<ObserveOp>(op)) {
        SmallVector<const Tensor *> operands;
        for (Value operand : op.getOperands())
          operands.push_back(fixed[operand].get());
        if (failed(compute(op, operands, fixed)))
          return failure();
      }
    }
    llvm::DenseMap<Value, Operation *> last;
    for (Operation &op : function.front())
      for (Value operand : op.getOperands())
        if (!fixed.count(operand))
          last[operand] = &op;
    for (auto [value, op] : last)
      dying[op].push_back(value);
    measure();
    return success();
  }

  /// The most that is alive at once.
  void measure() {
    uint64_t alive = 0;
    for (Value argument : function.getArguments())
      alive += bytesOf(argument);
    bytes = alive;
    for (Operation &op : function.front()) {
      for (Value result : op.getResults())
        alive += fixed.count(result) ? 0 : bytesOf(result);
      bytes = std::max(bytes, alive);
      for (Value value : dying.lookup(&op))
        alive -= bytesOf(value);
    }
  }
};

class InterpreterRun : public Run {
public:
  InterpreterRun(Program &program, std::vector<Tensor> inputs)
      : program(program), at(program.function.front().begin()) {
    for (auto [argument, tensor] : llvm::zip_equal(program.function.getArguments(), inputs))
      values[argument] = std::make_shared<Tensor>(std::move(tensor));
  }

  Status next(Stop &stop) override {
    for (;; ++at) {
      Operation &op = *at;
      if (isa<func::ReturnOp>(op)) {
        for (Value operand : op.getOperands())
          results.push_back(*valueOf(operand));
        return Status::Finished;
      }
      if (op.getNumResults() && program.fixed.count(op.getResult(0)))
        continue;
      SmallVector<const Tensor *> operands;
      for (Value operand : op.getOperands())
        operands.push_back(valueOf(operand).get());
      if (failed(compute(op, operands, values)))
        return Status::Failed;
      for (Value value : program.dying.lookup(&op))
        values.erase(value);
      if (auto observe = dyn_cast<ObserveOp>(op)) {
        ++at;
        fill(stop, observe);
        return Status::Stopped;
      }
    }
  }

  const std::vector<Tensor> &outputs() const override { return results; }

private:
  Shared valueOf(Value value) {
    auto fixed = program.fixed.find(value);
    return fixed == program.fixed.end() ? values.lookup(value) : fixed->second;
  }

  void fill(Stop &stop, ObserveOp observe) {
    Tensor &tensor = *values[observe.getResult()];
    stop.id = static_cast<int64_t>(observe.getId());
    stop.values = tensor.data<float>();
    stop.shape = stop.counts = tensor.shape;
    stop.axis = observe.getAxis() ? static_cast<int64_t>(*observe.getAxis()) : -1;
  }

  Program &program;
  Block::iterator at;
  Values values;
  std::vector<Tensor> results;
};

class Interpreter : public Executor {
public:
  explicit Interpreter(func::FuncOp function) { program.function = function; }
  LogicalResult prepare() { return program.prepare(); }

  std::unique_ptr<Run> start(std::vector<Tensor> inputs) override {
    return std::make_unique<InterpreterRun>(program, std::move(inputs));
  }
  uint64_t bytesPerRun() const override { return program.bytes; }

private:
  Program program;
};

} // namespace

std::unique_ptr<Executor> qcc::calibrate::interpret(ModuleOp module) {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  if (functions.size() != 1) {
    module.emitError("has ") << functions.size() << " functions; one is expected";
    return nullptr;
  }
  auto interpreter = std::make_unique<Interpreter>(functions.front());
  if (failed(interpreter->prepare()))
    return nullptr;
  return interpreter;
}
