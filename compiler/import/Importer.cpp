//===- Importer.cpp - The walk over a graph's nodes -----------------------===//

#include "compiler/import/Importer.h"
#include "dialects/Constants.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

/// Constants are folded on import while that is cheap, for the shapes computed
/// from them; stage simplify does the rest.
constexpr int64_t maxGrownElements = int64_t(1) << 18;
constexpr int64_t maxFoldedProductElements = 4096;
/// Bytes of all folded constants together: a resource lives as long as the context.
constexpr int64_t maxFoldedBytes = int64_t(16) << 20;

/// Copies of loops' bodies: each node becomes a step with its own code.
constexpr int64_t maxUnrolledNodes = 20000;

/// Bodies of bodies of operators: none of ONNX's is deeper.
constexpr int maxBodyDepth = 8;

void addUses(const Graph &graph, std::unordered_set<std::string> &used) {
  for (const ValueInfo &output : graph.outputs)
    used.insert(output.name);
  for (const Node &node : graph.nodes) {
    used.insert(node.inputs.begin(), node.inputs.end());
    for (const import::Attribute &attribute : node.attributes)
      if (attribute.graph)
        addUses(*attribute.graph, used);
  }
}

bool needsOnlyShapes(Operation *op) { return isa<ShapeOp, SizeOp>(op); }

/// Operations that later stages read as decisions of the model, not as numbers.
bool isRepresentation(Operation *op) {
  return isa<QuantizeOp, DequantizeOp, ScastOp, QuantizeLinearOp, DequantizeLinearOp>(op);
}

bool areNumbers(Operation *op) {
  return llvm::all_of(op->getResultTypes(), [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getNumElements() == 1 ||
           (tensor.getElementType().isIntOrIndex() && !tensor.getElementType().isInteger(1));
  });
}

int64_t byteCount(Value value) {
  RankedTensorType type = tensorType(value);
  return type.getNumElements() * reference::byteSize(dtypeOf(type.getElementType()));
}

bool isCheapToFold(Operation *op) {
  int64_t in = 0, out = 0;
  for (Value operand : op->getOperands())
    in += tensorType(operand).getNumElements();
  for (Type type : op->getResultTypes())
    out += cast<RankedTensorType>(type).getNumElements();
  if (needsOnlyShapes(op) || op->getNumOperands() == 0)
    return true;
  if (isa<ConvOp, ConvTransposeOp, GemmOp, MatMulOp, MatMulIntegerOp, ConvIntegerOp>(op))
    return in + out <= maxFoldedProductElements;
  return out <= std::max(in, maxGrownElements);
}

/// Bytes of ONNX's 4-bit pairs, low half first, as one byte each.
std::shared_ptr<std::string> unpackPairs(const TensorData &data, bool isSigned) {
  auto bytes = std::make_shared<std::string>(static_cast<size_t>(data.size()), '\0');
  for (size_t i = 0; i < bytes->size(); ++i) {
    int half = (static_cast<unsigned char>(data.data[i / 2]) >> (i % 2 * 4)) & 15;
    (*bytes)[i] = static_cast<char>(isSigned && half > 7 ? half - 16 : half);
  }
  return bytes;
}

} // namespace

int64_t qcc::import::sizeOf(const Graph &graph) {
  auto size = static_cast<int64_t>(graph.nodes.size() + graph.initializers.size());
  for (const Node &node : graph.nodes)
    for (const import::Attribute &attribute : node.attributes)
      size += attribute.graph ? sizeOf(*attribute.graph) : 0;
  return size;
}

Importer::Importer(OpBuilder &builder, const Graph &graph) : builder(builder), scopes(1) {
  addUses(graph, used);
}

void Importer::define(const std::string &name, Value value) {
  if (!name.empty())
    scopes.back()[name] = value;
}

Value Importer::lookup(const std::string &name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    auto found = scope->find(name);
    if (found != scope->end())
      return found->second;
  }
  auto lazy = lazyInitializers.find(name);
  if (name.empty() || lazy == lazyInitializers.end())
    return {};
  Value value = constant(*lazy->second, NameLoc::get(builder.getStringAttr(name)));
  scopes.front()[name] = value;
  return value;
}

InFlightDiagnostic Importer::error(const Node &node) { return emitError(locationOf(node)); }

Location Importer::locationOf(const Node &node) {
  return bodyLocation ? Location(bodyLocation) : nodeLocation(builder.getContext(), node.name, node.op);
}

Value Importer::input(const Node &node, size_t index) {
  return index < node.inputs.size() ? lookup(node.inputs[index]) : Value();
}

Value Importer::constant(const TensorData &data, Location loc) {
  Type element = elementTypeOf(builder.getContext(), data.type);
  if (!element) {
    emitError(loc) << "tensor '" << data.name << "' has element type " << onnxTypeName(data.type)
                   << ", which is not supported";
    return {};
  }
  auto type = RankedTensorType::get(data.dims, element);
  ArrayRef<char> bytes(data.data, data.bytes);
  std::shared_ptr<const void> owner = data.owner;
  if (element.getIntOrFloatBitWidth() == 4) {
    auto unpacked = unpackPairs(data, element.isSignlessInteger());
    bytes = ArrayRef<char>(unpacked->data(), unpacked->size());
    owner = unpacked;
  }
  if (static_cast<int64_t>(bytes.size()) > maxInlineConstantBytes)
    return ConstantOp::create(builder, loc, type, toResource(type, bytes, owner));
  reference::Tensor tensor(dtypeOf(element), data.dims);
  std::copy(bytes.begin(), bytes.end(), tensor.bytes.begin());
  return constant(tensor, loc);
}

Value Importer::constant(const reference::Tensor &tensor, Location loc) {
  RankedTensorType type = tensorTypeOf(builder.getContext(), tensor);
  return ConstantOp::create(builder, loc, type, toAttr(tensor, type));
}

std::optional<reference::Tensor> Importer::constantOf(Value value) {
  auto op = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return op ? std::optional(toTensor(op.getValue())) : std::nullopt;
}

Value Importer::build(const Node &node, StringRef name, ValueRange operands, Type type,
                      const Attributes &attributes) {
  OperationState state(locationOf(node), name, operands, type, attributes);
  return builder.create(state)->getResult(0);
}

FailureOr<Values> Importer::buildInferred(const Node &node, StringRef name, ValueRange operands,
                                          const Attributes &attributes, unsigned results) {
  // The types are filled in below; any will do until then.
  SmallVector<Type> types(results, RankedTensorType::get({}, builder.getI1Type()));
  OperationState state(locationOf(node), name, operands, types, attributes);
  Operation *op = builder.create(state);
  auto interface = cast<QccOpInterface>(op);
  types.clear();
  if (failed(interface.normalize()) || failed(interface.inferTypes(types)) || types.size() != results) {
    if (!types.empty() && types.size() != results)
      error(node) << "has " << results << " outputs, but computes " << types.size();
    op->erase();
    return failure();
  }
  for (auto [result, type] : llvm::zip(op->getResults(), types))
    result.setType(type);
  bool folded = false;
  FailureOr<Values> values = fold(op, folded);
  if (folded || failed(values))
    op->erase();
  return values;
}

FailureOr<Values> Importer::fold(Operation *op, bool &folded) {
  Values results(op->getResults());
  int64_t bytes = 0;
  for (Value result : results)
    bytes += byteCount(result);
  if (isRepresentation(op) || !isCheapToFold(op) || foldedBytes + bytes > maxFoldedBytes ||
      (foldsNumbersOnly && !areNumbers(op)))
    return results;
  std::vector<reference::Tensor> tensors(op->getNumOperands());
  SmallVector<const reference::Tensor *> operands;
  for (auto [tensor, operand] : llvm::zip(tensors, op->getOperands())) {
    if (needsOnlyShapes(op)) {
      tensor.shape = tensorType(operand).getShape().vec();
    } else if (auto known = constantOf(operand)) {
      tensor = std::move(*known);
    } else {
      return results;
    }
    operands.push_back(&tensor);
  }
  SmallVector<reference::Tensor> values;
  if (failed(cast<QccOpInterface>(op).evaluate(operands, values)))
    return failure();
  folded = true;
  foldedBytes += bytes > maxInlineConstantBytes ? bytes : 0;
  for (auto [result, value] : llvm::zip_equal(results, values)) {
    auto type = cast<RankedTensorType>(result.getType());
    result = ConstantOp::create(builder, op->getLoc(), type, toAttr(value, type));
  }
  return results;
}

bool Importer::importGraph(const Graph &graph) {
  for (const TensorData &tensor : graph.initializers)
    lazyInitializers[tensor.name] = &tensor;
  bool fine = true;
  for (const Node &node : graph.nodes)
    if (failed(importNode(node))) {
      fine = false;
      for (const std::string &output : node.outputs)
        define(output, {});
    }
  return fine;
}

LogicalResult Importer::importNode(const Node &node) {
  const OpRow *row = findRow(node.domain, node.op);
  SpecialImport special = findSpecial(node.domain, node.op);
  if (!row && !special && !hasFunctionBody(node)) {
    std::string of = node.domain.empty() ? "" : " of domain '" + node.domain + "'";
    return error(node) << "operator '" << node.op << "'" << of << " is not supported";
  }
  // What an error left undefined has been reported already.
  for (const std::string &name : node.inputs)
    if (!name.empty() && !lookup(name))
      return failure();
  if (special)
    return special(*this, node);
  if (!row || (usesMoreThan(node, row->results) && hasFunctionBody(node)))
    return importByBody(node);
  Values inputs, results;
  for (const std::string &name : node.inputs)
    inputs.push_back(lookup(name));
  if (failed(importByRow(node, *row, inputs, results)))
    return failure();
  return defineOutputs(node, results);
}

/// Whether outputs beyond the first `count` are read; a negative count is any.
bool Importer::usesMoreThan(const Node &node, int count) const {
  if (count < 0 || node.outputs.size() <= static_cast<size_t>(count))
    return false;
  return llvm::any_of(ArrayRef(node.outputs).drop_front(count),
                      [&](const std::string &name) { return !name.empty() && used.count(name); });
}

LogicalResult Importer::defineOutputs(const Node &node, ArrayRef<Value> results) {
  for (auto [i, name] : llvm::enumerate(node.outputs)) {
    if (i < results.size() && results[i])
      define(name, results[i]);
    else if (i < results.size() && !name.empty() && used.count(name))
      return error(node) << "output " << i << " ('" << name << "') is used, but is not supported";
    else if (!name.empty() && used.count(name))
      return error(node) << "output " << i << " ('" << name << "') is used, but only " << results.size()
                         << (results.size() == 1 ? " is" : " are") << " supported";
  }
  return success();
}

FailureOr<Values> Importer::importSubgraph(const Graph &graph, ArrayRef<Value> inputs) {
  scopes.emplace_back();
  for (auto [formal, value] : llvm::zip(graph.inputs, inputs))
    define(formal.name, value);
  // A subgraph's own initializers hide nothing: names are unique on the way down.
  for (const TensorData &tensor : graph.initializers)
    define(tensor.name, constant(tensor, NameLoc::get(builder.getStringAttr(tensor.name))));
  bool fine = true;
  for (const Node &inner : graph.nodes)
    if (failed(importNode(inner))) {
      fine = false;
      for (const std::string &output : inner.outputs)
        define(output, {});
    }
  Values results;
  for (const ValueInfo &output : graph.outputs)
    results.push_back(lookup(output.name));
  scopes.pop_back();
  return fine ? FailureOr<Values>(results) : FailureOr<Values>(failure());
}

LogicalResult Importer::countUnrolled(const Node &node, const Graph &body) {
  int64_t size = sizeOf(body);
  unrolledNodes += 1 + size;
  if (unrolledNodes <= maxUnrolledNodes)
    return success();
  return error(node) << "loops are unrolled, but the model's become more than " << maxUnrolledNodes
                     << " nodes and constants; an iteration of this one has " << size;
}

static ValueInfo describe(Value value) {
  ValueInfo info;
  if (!value)
    return info;
  info.type = onnxTypeOf(tensorType(value).getElementType());
  info.hasShape = true;
  for (int64_t size : tensorType(value).getShape())
    info.dims.push_back({size, ""});
  return info;
}

/// The body's nodes take some attributes from the node that they replace, and
/// lack the inputs that it lacks.
static Node bindToCall(Node inner, const Node &call, const FunctionBody &body) {
  for (std::string &name : inner.inputs) {
    size_t formal = llvm::find(body.inputs, name) - body.inputs.begin();
    if (formal < body.inputs.size() && (formal >= call.inputs.size() || call.inputs[formal].empty()))
      name.clear();
  }
  std::vector<import::Attribute> bound;
  for (import::Attribute &attribute : inner.attributes) {
    if (attribute.reference.empty()) {
      bound.push_back(std::move(attribute));
      continue;
    }
    const import::Attribute *given = call.find(attribute.reference);
    if (!given) {
      auto found = llvm::find_if(body.defaults, [&](const auto &d) { return d.name == attribute.reference; });
      if (found == body.defaults.end())
        continue;
      given = &*found;
    }
    import::Attribute copy = *given;
    copy.name = attribute.name;
    bound.push_back(std::move(copy));
  }
  inner.attributes = std::move(bound);
  return inner;
}

LogicalResult Importer::importByBody(const Node &node) {
  std::vector<ValueInfo> types;
  Scope arguments;
  for (const std::string &name : node.inputs)
    types.push_back(describe(lookup(name)));
  FunctionBody body;
  std::string reason;
  if (bodyDepth >= maxBodyDepth || !functionBody(node, types, body, reason))
    return error(node) << "operator '" << node.op << "' is not supported" << (reason.empty() ? "" : ": ")
                       << reason;
  for (auto [i, formal] : llvm::enumerate(body.inputs))
    if (Value value = input(node, i))
      arguments[formal] = value;

  std::vector<Scope> outside{std::move(arguments)};
  std::unordered_set<std::string> usedOutside;
  Graph asGraph;
  asGraph.nodes = body.nodes;
  for (const std::string &output : body.outputs)
    asGraph.outputs.push_back({output, 0, false, {}});
  addUses(asGraph, usedOutside);
  LocationAttr location = locationOf(node);
  std::swap(scopes, outside);
  std::swap(used, usedOutside);
  std::swap(bodyLocation, location);
  ++bodyDepth;
  bool fine = true;
  for (const Node &inner : body.nodes)
    if (fine && failed(importNode(bindToCall(inner, node, body))))
      fine = false;
  Values results;
  for (const std::string &output : body.outputs)
    results.push_back(fine ? lookup(output) : Value());
  --bodyDepth;
  std::swap(bodyLocation, location);
  std::swap(used, usedOutside);
  std::swap(scopes, outside);
  return fine ? defineOutputs(node, results) : failure();
}
