//===- SpecialControl.cpp - If, Loop and Scan -----------------------------===//
//
// There is no control flow behind this stage. Loops whose number of iterations is
// bounded are unrolled; of what a condition of the run chooses from, both sides are
// there, and a `where` that takes one. Stage lower skips what is not taken.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Importer.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

FailureOr<const Graph *> subgraph(Importer &importer, const Node &node, const std::string &name) {
  const import::Attribute *attribute = node.find(name);
  if (!attribute || !attribute->graph)
    return importer.error(node) << "attribute '" << name << "' is missing";
  return attribute->graph.get();
}

FailureOr<Value> buildOne(Importer &importer, const Node &node, StringRef op, ValueRange operands,
                          StringRef attribute = "", ArrayRef<int64_t> list = {}) {
  Attributes attributes;
  if (!attribute.empty())
    attributes.emplace_back(importer.builder.getStringAttr(attribute),
                            importer.builder.getDenseI64ArrayAttr(list));
  FailureOr<Values> values = importer.buildInferred(node, op, operands, attributes, 1);
  return failed(values) ? FailureOr<Value>(failure()) : FailureOr<Value>(values->front());
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// A condition of one element without axes, which fits any other tensor.
FailureOr<Value> scalarOf(Importer &importer, const Node &node, Value condition) {
  if (tensorType(condition).getRank() == 0)
    return condition;
  return buildOne(importer, node, "qcc.reshape", condition, "shape", {});
}

/// Both branches, and for each output what the condition chooses.
LogicalResult importBoth(Importer &importer, const Node &node, Value condition, const Graph &yes,
                         const Graph &no) {
  FailureOr<Values> then = importer.importSubgraph(yes, {});
  FailureOr<Values> otherwise = failed(then) ? then : importer.importSubgraph(no, {});
  if (failed(otherwise))
    return failure();
  FailureOr<Value> scalar = scalarOf(importer, node, condition);
  Values results;
  for (size_t i = 0; succeeded(scalar) && i < node.outputs.size(); ++i) {
    Value a = (*then)[i], b = (*otherwise)[i];
    if (!a || !b)
      return failure();
    if (a.getType() != b.getType())
      return importer.error(node) << "output '" << node.outputs[i] << "' is " << a.getType()
                                  << " in one branch and " << b.getType()
                                  << " in the other; they must be the same where the condition depends on "
                                     "the model's inputs (--set=NAME=VALUE makes an input a constant)";
    FailureOr<Value> chosen = buildOne(importer, node, "qcc.where", {*scalar, a, b});
    if (failed(chosen))
      return failure();
    results.push_back(*chosen);
  }
  return failed(scalar) ? failure() : importer.defineOutputs(node, results);
}

LogicalResult importIf(Importer &importer, const Node &node) {
  Value condition = importer.input(node, 0);
  FailureOr<const Graph *> yes = subgraph(importer, node, "then_branch"),
                           no = subgraph(importer, node, "else_branch");
  if (failed(yes) || failed(no))
    return failure();
  if (!condition)
    return importer.error(node) << "input 'cond' is missing";
  if (tensorType(condition).getNumElements() != 1)
    return importer.error(node) << "condition has " << tensorType(condition).getNumElements()
                                << " elements; 1 is expected";
  for (auto [name, branch] : {std::pair("then_branch", *yes), std::pair("else_branch", *no)})
    if (branch->outputs.size() < node.outputs.size())
      return importer.error(node) << name << " has " << branch->outputs.size() << " outputs; "
                                  << node.outputs.size() << " are expected";
  auto known = importer.constantOf(condition);
  if (!known)
    return importBoth(importer, node, condition, **yes, **no);
  FailureOr<Values> results = importer.importSubgraph(known->getInt(0) ? **yes : **no, {});
  return failed(results) ? failure() : importer.defineOutputs(node, *results);
}

//===----------------------------------------------------------------------===//
// Loop and Scan
//===----------------------------------------------------------------------===//

/// One output of all iterations, which `axis` numbers.
FailureOr<Value> stack(Importer &importer, const Node &node, ArrayRef<Value> parts, int64_t axis) {
  Values raised;
  for (Value part : parts) {
    FailureOr<Value> one = buildOne(importer, node, "qcc.unsqueeze", part, "axes", {axis});
    if (failed(one))
      return failure();
    raised.push_back(*one);
  }
  Attributes attributes;
  attributes.emplace_back(importer.builder.getStringAttr("axis"), importer.builder.getI64IntegerAttr(axis));
  // An axis may be counted from the end of what it makes.
  FailureOr<Values> whole = importer.buildInferred(node, "qcc.concat", raised, attributes, 1);
  return failed(whole) ? FailureOr<Value>(failure()) : FailureOr<Value>(whole->front());
}

/// What an iteration gave: `carried` go on to the next, the others are gathered.
struct Iterations {
  Values carried;
  SmallVector<Values> gathered;

  LogicalResult add(Importer &importer, const Node &node, ArrayRef<Value> results) {
    for (Value result : results)
      if (!result)
        return failure(); // reported
    gathered.resize(results.size() - carried.size());
    for (auto [i, result] : llvm::enumerate(results.drop_front(carried.size())))
      gathered[i].push_back(result);
    carried.assign(results.begin(), results.begin() + carried.size());
    return success();
  }
};

LogicalResult checkCounts(Importer &importer, const Node &node, const Graph &body, size_t inputs,
                          size_t outputs) {
  if (body.inputs.size() != inputs)
    return importer.error(node) << "body has " << body.inputs.size() << " inputs; " << inputs
                                << " are expected";
  if (body.outputs.size() < outputs)
    return importer.error(node) << "body has " << body.outputs.size() << " outputs; " << outputs
                                << " are expected";
  return success();
}

/// A constant of one element, which `what` is called; nothing where the input is left out.
LogicalResult readScalar(Importer &importer, const Node &node, size_t index, StringRef what,
                         std::optional<int64_t> &number) {
  Value value = importer.input(node, index);
  if (!value)
    return success();
  auto known = importer.constantOf(value);
  if (!known || known->size() != 1)
    return importer.error(node) << what << " '" << node.inputs[index]
                                << "' must be a constant of one element, since loops are unrolled "
                                   "(--set=NAME=VALUE makes an input a constant)";
  number = known->getInt(0);
  return success();
}

Value constantScalar(Importer &importer, const Node &node, reference::DType type, int64_t value) {
  reference::Tensor tensor(type, {});
  tensor.setInt(0, value);
  return importer.constant(tensor, importer.locationOf(node));
}

/// Behind an iteration that says in a tensor of the run whether the next one happens.
struct OpenEnd {
  Value active; ///< whether this iteration happens; null: it does

  /// What is carried on: the new numbers where the iteration happens, else those that it was given.
  LogicalResult choose(Importer &importer, const Node &node, ArrayRef<Value> old, Values &carried) const {
    for (size_t i = 0; active && i < carried.size(); ++i) {
      if (old[i].getType() != carried[i].getType())
        return importer.error(node) << "carries " << old[i].getType() << " into an iteration and "
                                    << carried[i].getType()
                                    << " out of it; they must be the same where the number of iterations "
                                       "depends on the model's inputs";
      FailureOr<Value> chosen = buildOne(importer, node, "qcc.where", {active, carried[i], old[i]});
      if (failed(chosen))
        return failure();
      carried[i] = *chosen;
    }
    return success();
  }

  LogicalResult next(Importer &importer, const Node &node, Value goesOn) {
    FailureOr<Value> scalar = scalarOf(importer, node, goesOn);
    if (succeeded(scalar) && active)
      scalar = buildOne(importer, node, "qcc.and", {active, *scalar});
    active = succeeded(scalar) ? *scalar : Value();
    return success(succeeded(scalar));
  }
};

LogicalResult importLoop(Importer &importer, const Node &node) {
  FailureOr<const Graph *> body = subgraph(importer, node, "body");
  std::optional<int64_t> trips, condition;
  if (failed(body) || failed(readScalar(importer, node, 0, "trip count", trips)))
    return failure();
  OpenEnd end;
  Value first = importer.input(node, 1);
  bool mayStart = trips && first && tensorType(first).getNumElements() == 1 && !importer.constantOf(first);
  if (mayStart ? failed(end.next(importer, node, first))
               : failed(readScalar(importer, node, 1, "condition", condition)))
    return failure();
  size_t carried = std::max<size_t>(node.inputs.size(), 2) - 2;
  if (failed(checkCounts(importer, node, **body, carried + 2, node.outputs.size() + 1)))
    return failure();
  Iterations iterations;
  for (size_t i = 0; i < carried; ++i)
    iterations.carried.push_back(importer.input(node, i + 2));
  bool goesOn = condition.value_or(1) != 0;
  for (int64_t i = 0; goesOn && (!trips || i < *trips); ++i) {
    if (failed(importer.countUnrolled(node, **body)))
      return failure();
    Values inputs{constantScalar(importer, node, reference::DType::I64, i),
                  constantScalar(importer, node, reference::DType::Bool, 1)};
    inputs.append(iterations.carried);
    Values before(iterations.carried);
    FailureOr<Values> results = importer.importSubgraph(**body, inputs);
    if (failed(results) || failed(iterations.add(importer, node, ArrayRef(*results).drop_front())) ||
        failed(end.choose(importer, node, before, iterations.carried)))
      return failure();
    bool isLast = trips && i + 1 >= *trips;
    Value next = results->front();
    auto known = importer.constantOf(next);
    bool isOpen = !isLast && !known && tensorType(next).getNumElements() == 1;
    if ((isOpen && !trips) || ((isOpen || end.active) && !iterations.gathered.empty()))
      return importer.error(node) << "whether iteration " << i + 1
                                  << " happens depends on the model's inputs; such a loop needs a constant "
                                     "trip count, up to which it is unrolled, and can have no outputs that "
                                     "gather something of each iteration";
    if (isLast)
      break;
    if (!isOpen && (!known || known->size() != 1))
      return importer.error(node) << "whether iteration " << i + 1 << " happens is no single truth value";
    if (isOpen && failed(end.next(importer, node, next)))
      return failure();
    goesOn = isOpen || known->getInt(0) != 0;
  }
  Values outputs(iterations.carried);
  for (ArrayRef<Value> parts : iterations.gathered) {
    FailureOr<Value> whole = stack(importer, node, parts, 0);
    if (failed(whole))
      return failure();
    outputs.push_back(*whole);
  }
  return importer.defineOutputs(node, outputs);
}

/// The attribute's list, or zeros.
FailureOr<SmallVector<int64_t>> listOf(Importer &importer, const Node &node, const std::string &name,
                                       size_t length) {
  const import::Attribute *given = node.find(name);
  if (!given)
    return SmallVector<int64_t>(length, 0);
  if (given->ints.size() != length)
    return importer.error(node) << "attribute '" << name << "' has " << given->ints.size() << " entries; "
                                << length << " are expected";
  return SmallVector<int64_t>(given->ints.begin(), given->ints.end());
}

/// The tensors that a Scan walks along, each with its axis and direction.
struct Scanned {
  Values tensors;
  SmallVector<int64_t> axes, backwards;
  int64_t length = 0;

  LogicalResult read(Importer &importer, const Node &node, size_t first, size_t count);
  FailureOr<Value> at(Importer &importer, const Node &node, size_t index, int64_t step) const;
};

LogicalResult Scanned::read(Importer &importer, const Node &node, size_t first, size_t count) {
  auto givenAxes = listOf(importer, node, "scan_input_axes", count),
       directions = listOf(importer, node, "scan_input_directions", count);
  if (failed(givenAxes) || failed(directions))
    return failure();
  axes = *givenAxes, backwards = *directions;
  for (size_t i = 0; i < count; ++i) {
    Value tensor = importer.input(node, first + i);
    int64_t rank = tensor ? tensorType(tensor).getRank() : 0;
    if (axes[i] < -rank || axes[i] >= rank)
      return importer.error(node) << "input " << first + i << " has " << rank
                                  << " dimensions, none of which is " << axes[i];
    axes[i] += axes[i] < 0 ? rank : 0;
    int64_t size = tensorType(tensor).getDimSize(axes[i]);
    if (i != 0 && size != length)
      return importer.error(node) << "scans inputs of different lengths, " << length << " and " << size;
    length = size;
    tensors.push_back(tensor);
  }
  return success();
}

FailureOr<Value> Scanned::at(Importer &importer, const Node &node, size_t index, int64_t step) const {
  int64_t from = backwards[index] ? length - 1 - step : step;
  Builder &builder = importer.builder;
  auto list = [&](int64_t value) { return builder.getDenseI64ArrayAttr({value}); };
  Attributes attributes;
  for (auto [name, value] :
       {std::pair("starts", from), std::pair("ends", from + 1), std::pair("axes", axes[index])})
    attributes.emplace_back(builder.getStringAttr(name), list(value));
  FailureOr<Values> slice = importer.buildInferred(node, "qcc.slice", tensors[index], attributes, 1);
  if (failed(slice))
    return failure();
  return buildOne(importer, node, "qcc.squeeze", slice->front(), "axes", {axes[index]});
}

LogicalResult importScan(Importer &importer, const Node &node) {
  FailureOr<const Graph *> body = subgraph(importer, node, "body");
  const import::Attribute *given = node.find("num_scan_inputs");
  if (failed(body) || !given || given->i < 1 || static_cast<size_t>(given->i) > node.inputs.size())
    return failed(body)
               ? failure()
               : importer.error(node) << "attribute 'num_scan_inputs' must be 1 to the number of inputs";
  size_t scans = given->i, states = node.inputs.size() - scans;
  if (node.outputs.size() < states)
    return importer.error(node) << "has " << node.outputs.size() << " outputs, but " << states << " states";
  if (failed(checkCounts(importer, node, **body, states + scans, node.outputs.size())))
    return failure();
  Scanned scanned;
  size_t gathered = (*body)->outputs.size() - states;
  auto axes = listOf(importer, node, "scan_output_axes", gathered),
       directions = listOf(importer, node, "scan_output_directions", gathered);
  if (failed(scanned.read(importer, node, states, scans)) || failed(axes) || failed(directions))
    return failure();
  Iterations iterations;
  for (size_t i = 0; i < states; ++i)
    iterations.carried.push_back(importer.input(node, i));
  for (int64_t step = 0; step < scanned.length; ++step) {
    if (failed(importer.countUnrolled(node, **body)))
      return failure();
    Values inputs(iterations.carried);
    for (size_t i = 0; i < scans; ++i) {
      FailureOr<Value> part = scanned.at(importer, node, i, step);
      if (failed(part))
        return failure();
      inputs.push_back(*part);
    }
    FailureOr<Values> results = importer.importSubgraph(**body, inputs);
    if (failed(results) || failed(iterations.add(importer, node, *results)))
      return failure();
  }
  Values outputs(iterations.carried);
  for (auto [i, parts] : llvm::enumerate(iterations.gathered)) {
    if ((*directions)[i])
      std::reverse(parts.begin(), parts.end());
    FailureOr<Value> whole = stack(importer, node, parts, (*axes)[i]);
    if (failed(whole))
      return failure();
    outputs.push_back(*whole);
  }
  return importer.defineOutputs(node, outputs);
}

} // namespace

void qcc::import::addControlImports(SpecialTable &table) {
  table.emplace(":If", importIf);
  table.emplace(":Loop", importLoop);
  table.emplace(":Scan", importScan);
}
