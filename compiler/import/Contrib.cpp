//===- Contrib.cpp - Operators of the domain com.microsoft ----------------===//
//
// Each is written here in ONNX's operators, as the body of a function whose shapes
// are known: later stages find the patterns that they find in other models. The
// meaning is ONNX Runtime's (its ContribOperators.md and its CPU kernels).
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Contrib.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <unordered_map>

using namespace qcc::import;

namespace {

constexpr int32_t f32Type = 1, i32Type = 6, i64Type = 7; // TensorProto.DataType

using Names = std::vector<std::string>;
using Ints = std::vector<int64_t>;

/// The body that is being written, and the node that it is for.
class Body {
public:
  Body(const Node &node, const std::vector<ValueInfo> &types, const Names &formal)
      : node(node), types(types), formal(formal) {
    body.inputs.assign(formal.begin(), formal.begin() + std::min(formal.size(), node.inputs.size()));
    if (node.inputs.size() > formal.size())
      throw std::runtime_error("has " + std::to_string(node.inputs.size()) + " inputs; at most " +
                               std::to_string(formal.size()) + " are known");
  }

  bool has(const std::string &input) const { return typeOf(input).type != 0; }
  const ValueInfo &typeOf(const std::string &input) const {
    static const ValueInfo absent;
    size_t index = std::find(formal.begin(), formal.end(), input) - formal.begin();
    return index < types.size() ? types[index] : absent;
  }
  Ints shape(const std::string &input, size_t rank) const {
    const ValueInfo &type = typeOf(input);
    if (type.type == 0)
      throw std::runtime_error("input '" + input + "' is missing");
    if (type.dims.size() != rank)
      throw std::runtime_error("input '" + input + "' has " + std::to_string(type.dims.size()) +
                               " dimensions; " + std::to_string(rank) + " are supported");
    Ints sizes;
    for (const Dim &dim : type.dims)
      sizes.push_back(dim.size);
    return sizes;
  }

  int64_t integer(const std::string &name, int64_t missing) const {
    const Attribute *given = node.find(name);
    return given ? given->i : missing;
  }
  float real(const std::string &name, float missing) const {
    const Attribute *given = node.find(name);
    return given ? given->f : missing;
  }
  /// Refuses what is not in the lists.
  void refuseOthers(const Names &attributes, const Names &unsupportedInputs = {}) const {
    for (const Attribute &attribute : node.attributes)
      if (std::find(attributes.begin(), attributes.end(), attribute.name) == attributes.end() &&
          (attribute.i != 0 || attribute.kind != Attribute::Int))
        throw std::runtime_error("attribute '" + attribute.name + "' is not supported");
    for (const std::string &input : unsupportedInputs)
      if (has(input))
        throw std::runtime_error("input '" + input + "' is not supported");
  }

  std::string op(const std::string &kind, const Names &inputs, std::vector<Attribute> attributes = {},
                 const std::string &output = "") {
    Node inner;
    inner.op = kind;
    inner.inputs = inputs;
    inner.outputs = {output.empty() ? "_" + std::to_string(count++) : output};
    inner.attributes = std::move(attributes);
    body.nodes.push_back(inner);
    return inner.outputs[0];
  }
  static Attribute set(const std::string &name, int64_t value) {
    Attribute attribute;
    attribute.name = name;
    attribute.kind = Attribute::Int;
    attribute.i = value;
    return attribute;
  }
  static Attribute set(const std::string &name, float value) {
    Attribute attribute;
    attribute.name = name;
    attribute.kind = Attribute::Float;
    attribute.f = value;
    return attribute;
  }
  static Attribute set(const std::string &name, const Ints &values) {
    Attribute attribute;
    attribute.name = name;
    attribute.kind = Attribute::Ints;
    attribute.ints = values;
    return attribute;
  }

  std::string ints(const Ints &values) { return op("Constant", {}, {set("value_ints", values)}); }
  std::string integer(int64_t value) { return op("Constant", {}, {set("value_int", value)}); }
  /// A number of the type of an input.
  std::string number(float value, const std::string &like) {
    std::string constant = op("Constant", {}, {set("value_float", value)});
    return typeOf(like).type == f32Type ? constant : op("CastLike", {constant, like});
  }
  std::string reshape(const std::string &x, const Ints &shape) { return op("Reshape", {x, ints(shape)}); }
  std::string unsqueeze(const std::string &x, const Ints &axes) { return op("Unsqueeze", {x, ints(axes)}); }
  std::string transpose(const std::string &x, const Ints &perm) {
    return op("Transpose", {x}, {set("perm", perm)});
  }
  Names split(const std::string &x, const Ints &sizes, int64_t axis) {
    op("Split", {x, ints(sizes)}, {set("axis", axis)}, "_" + std::to_string(count++));
    Names &parts = body.nodes.back().outputs;
    while (parts.size() < sizes.size())
      parts.push_back("_" + std::to_string(count++));
    return parts;
  }
  std::string addIf(const std::string &input, const std::string &x) {
    return has(input) ? op("Add", {x, input}) : x;
  }

  FunctionBody finish(const Names &outputs) {
    body.outputs = outputs;
    return std::move(body);
  }

private:
  const Node &node;
  const std::vector<ValueInfo> &types;
  Names formal;
  FunctionBody body;
  int count = 0;
};

//===----------------------------------------------------------------------===//
// Functions and normalisations
//===----------------------------------------------------------------------===//

FunctionBody gelu(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types, {"x", "bias"});
  body.refuseOthers({});
  Attribute form;
  form.name = "approximate";
  form.kind = Attribute::String;
  form.s = node.op == "FastGelu" ? "tanh" : "none";
  return body.finish({body.op("Gelu", {body.addIf("bias", "x")}, {form})});
}

FunctionBody quickGelu(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types, {"x"});
  body.refuseOthers({"alpha"});
  std::string inner = body.op("Mul", {"x", body.number(body.real("alpha", 1.702f), "x")});
  return body.finish({body.op("Mul", {"x", body.op("Sigmoid", {inner})})});
}

FunctionBody fusedMatMul(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types, {"a", "b"});
  body.refuseOthers({"alpha", "transA", "transB"});
  auto operand = [&](const std::string &name, const std::string &attribute) {
    auto rank = static_cast<int64_t>(body.typeOf(name).dims.size());
    if (!body.integer(attribute, 0))
      return name;
    if (rank < 2)
      throw std::runtime_error("attribute '" + attribute + "' needs a matrix");
    Ints perm;
    for (int64_t axis = 0; axis < rank; ++axis)
      perm.push_back(axis < rank - 2 ? axis : 2 * rank - 3 - axis);
    return body.transpose(name, perm);
  };
  std::string a = operand("a", "transA"), b = operand("b", "transB");
  std::string product = body.op("MatMul", {a, b});
  float alpha = body.real("alpha", 1);
  return body.finish({alpha == 1 ? product : body.op("Mul", {product, body.number(alpha, "a")})});
}

std::string layerNorm(Body &body, const std::string &x) {
  Names inputs{x, "gamma"};
  if (body.has("beta"))
    inputs.push_back("beta");
  float epsilon = body.real("epsilon", 1e-12f);
  return body.op("LayerNormalization", inputs,
                 {Body::set("axis", int64_t(-1)), Body::set("epsilon", epsilon)});
}

FunctionBody skipLayerNormalization(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types, {"input", "skip", "gamma", "beta", "bias"});
  body.refuseOthers({"epsilon"});
  std::string sum = body.addIf("bias", body.op("Add", {"input", "skip"}));
  return body.finish({layerNorm(body, sum), "", "", sum});
}

FunctionBody embedLayerNormalization(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types,
            {"input_ids", "segment_ids", "word_embedding", "position_embedding", "segment_embedding", "gamma",
             "beta", "mask", "position_ids"});
  body.refuseOthers({"epsilon", "mask_index_type"});
  Ints ids = body.shape("input_ids", 2);
  std::string positions = "position_ids";
  if (!body.has(positions))
    positions =
        body.unsqueeze(body.op("Range", {body.integer(0), body.integer(ids[1]), body.integer(1)}), {0});
  std::string sum = body.op("Add", {body.op("Gather", {"word_embedding", "input_ids"}),
                                    body.op("Gather", {"position_embedding", positions})});
  if (body.has("segment_embedding"))
    sum = body.op("Add", {sum, body.op("Gather", {"segment_embedding", "segment_ids"})});
  std::string lengths;
  if (body.has("mask"))
    lengths = body.op("ReduceSum", {"mask", body.ints({1})}, {Body::set("keepdims", int64_t(0))});
  else
    lengths = body.op("Cast", {body.op("ConstantOfShape", {body.ints({ids[0]})})},
                      {Body::set("to", int64_t(i32Type))});
  return body.finish({layerNorm(body, sum), lengths, sum});
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Heads (batch, heads, tokens, numbers), and what is added to their scores.
struct Heads {
  std::string query, key, value, bias;
  int64_t batch, heads, queries, keys, depth, width;

  void addBias(Body &body, const std::string &more) {
    bias = bias.empty() ? more : body.op("Add", {bias, more});
  }
};

int64_t headCount(const Body &body, int64_t hidden) {
  int64_t heads = body.integer("num_heads", 0);
  if (heads <= 0 || hidden % heads != 0)
    throw std::runtime_error("attribute 'num_heads' is " + std::to_string(heads) +
                             ", which does not divide the hidden size " + std::to_string(hidden));
  return heads;
}

std::string toHeads(Body &body, const std::string &x, const Heads &h, int64_t tokens, int64_t depth) {
  return body.transpose(body.reshape(x, {h.batch, tokens, h.heads, depth}), {0, 2, 1, 3});
}

/// 0 where `seen`, else the value of the attribute.
std::string maskOf(Body &body, const std::string &seen, const std::string &like) {
  float filter = body.real("mask_filter_value", -10000.0f);
  return body.op("Where", {seen, body.number(0, like), body.number(filter, like)});
}

std::string range(Body &body, int64_t from, int64_t count) {
  return body.op("Range", {body.integer(from), body.integer(from + count), body.integer(1)});
}

/// The padding mask: lengths (batch), or numbers (batch, keys) or (batch, queries, keys), 0 where hidden.
void addPadding(Body &body, Heads &h, const std::string &mask, const std::string &like) {
  if (!body.has(mask))
    return;
  size_t rank = body.typeOf(mask).dims.size();
  Ints shape = body.shape(mask, rank);
  Ints lengths{h.batch}, keys{h.batch, h.keys}, both{h.batch, h.queries, h.keys};
  if (shape != lengths && shape != keys && shape != both)
    throw std::runtime_error("input '" + mask +
                             "' has a shape that is not supported; (batch), (batch, keys) "
                             "and (batch, queries, keys) are");
  if (rank == 1) {
    std::string length = body.op("Cast", {body.unsqueeze(mask, {1})}, {Body::set("to", int64_t(i64Type))});
    std::string seen = body.op("Less", {body.unsqueeze(range(body, 0, h.keys), {0}), length});
    return h.addBias(body, body.unsqueeze(maskOf(body, seen, like), {1, 2}));
  }
  std::string zero = body.op("CastLike", {body.integer(0), mask});
  std::string seen = body.op("Greater", {mask, zero});
  h.addBias(body, body.unsqueeze(maskOf(body, seen, like), rank == 2 ? Ints{1, 2} : Ints{1}));
}

/// Token i, behind `past` others, sees those up to itself.
void addCausal(Body &body, Heads &h, int64_t past, const std::string &like) {
  if (!body.integer("unidirectional", 0))
    return;
  std::string ends = body.unsqueeze(range(body, past + 1, h.queries), {1});
  std::string seen = body.op("Less", {body.unsqueeze(range(body, 0, h.keys), {0}), ends});
  h.addBias(body, maskOf(body, seen, like));
}

/// Gives (batch, queries, heads * width).
std::string attend(Body &body, const Heads &h, const std::string &like) {
  float scale = body.real("scale", 0);
  scale = scale == 0 ? 1 / std::sqrt(static_cast<float>(h.depth)) : scale;
  std::string scores = body.op("MatMul", {h.query, body.transpose(h.key, {0, 1, 3, 2})});
  scores = body.op("Mul", {scores, body.number(scale, like)});
  if (!h.bias.empty())
    scores = body.op("Add", {scores, h.bias});
  std::string weights = body.op("Softmax", {scores}, {Body::set("axis", int64_t(-1))});
  std::string result = body.transpose(body.op("MatMul", {weights, h.value}), {0, 2, 1, 3});
  return body.reshape(result, {h.batch, h.queries, h.heads * h.width});
}

std::string append(Body &body, const std::string &past, const std::string &now) {
  return body.op("Concat", {past, now}, {Body::set("axis", int64_t(2))});
}

/// One product makes queries, keys and values.
FunctionBody attention(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types,
            {"input", "weights", "bias", "mask_index", "past", "attention_bias", "past_sequence_length"});
  body.refuseOthers({"num_heads", "unidirectional", "mask_filter_value", "scale", "qkv_hidden_sizes"},
                    {"past_sequence_length"});
  Ints input = body.shape("input", 3), weights = body.shape("weights", 2);
  Ints sizes(3, weights[1] / 3);
  if (const Attribute *given = node.find("qkv_hidden_sizes"); given && !given->ints.empty())
    sizes = given->ints;
  if (sizes.size() != 3 || sizes[0] != sizes[1] || sizes[0] + sizes[1] + sizes[2] != weights[1])
    throw std::runtime_error("attribute 'qkv_hidden_sizes' does not fit the weights");
  Heads h;
  h.heads = headCount(body, sizes[0]);
  h.batch = input[0], h.queries = h.keys = input[1];
  h.depth = sizes[0] / h.heads, h.width = sizes[2] / headCount(body, sizes[2]);
  std::string projected = body.addIf("bias", body.op("MatMul", {"input", "weights"}));
  if (h.depth == h.width) { // the heads of all three lie side by side
    projected = body.reshape(projected, {h.batch, h.queries, 3 * h.heads, h.depth});
    Names parts = body.split(projected, {h.heads, h.heads, h.heads}, 2);
    h.query = body.transpose(parts[0], {0, 2, 1, 3});
    h.key = body.transpose(parts[1], {0, 2, 1, 3});
    h.value = body.transpose(parts[2], {0, 2, 1, 3});
  } else {
    Names parts = body.split(projected, sizes, 2);
    h.query = toHeads(body, parts[0], h, h.queries, h.depth);
    h.key = toHeads(body, parts[1], h, h.keys, h.depth);
    h.value = toHeads(body, parts[2], h, h.keys, h.width);
  }
  int64_t before = 0;
  if (body.has("past")) {
    before = body.shape("past", 5)[3];
    Names past = body.split("past", {1, 1}, 0);
    h.key = append(body, body.op("Squeeze", {past[0], body.ints({0})}), h.key);
    h.value = append(body, body.op("Squeeze", {past[1], body.ints({0})}), h.value);
    h.keys += before;
  }
  addPadding(body, h, "mask_index", "input");
  addCausal(body, h, before, "input");
  if (body.has("attention_bias"))
    h.addBias(body, "attention_bias");
  Names outputs{attend(body, h, "input")};
  if (h.depth == h.width)
    outputs.push_back(body.op("Concat", {body.unsqueeze(h.key, {0}), body.unsqueeze(h.value, {0})},
                              {Body::set("axis", int64_t(0))}));
  return body.finish(outputs);
}

/// Queries, keys and values that were projected before; keys and values of four dimensions are heads.
FunctionBody multiHeadAttention(const Node &node, const std::vector<ValueInfo> &types) {
  Body body(node, types,
            {"query", "key", "value", "bias", "key_padding_mask", "attention_bias", "past_key", "past_value",
             "past_sequence_length", "cache_indirection"});
  body.refuseOthers({"num_heads", "unidirectional", "mask_filter_value", "scale"},
                    {"past_sequence_length", "cache_indirection"});
  Ints query = body.shape("query", 3);
  Heads h;
  h.heads = headCount(body, query[2]);
  h.batch = query[0], h.queries = query[1], h.depth = query[2] / h.heads;
  bool areHeads = body.typeOf("key").dims.size() == 4;
  Ints key = body.shape("key", areHeads ? 4 : 3), value = body.shape("value", areHeads ? 4 : 3);
  h.keys = areHeads ? key[2] : key[1];
  h.width = areHeads ? value[3] : value[2] / headCount(body, value[2]);
  Names inputs{"query", "key", "value"};
  if (body.has("bias")) {
    Names parts = body.split("bias", {query[2], query[2], h.heads * h.width}, 0);
    if (areHeads)
      throw std::runtime_error("input 'bias' with keys of four dimensions is not supported");
    for (size_t i = 0; i < 3; ++i)
      inputs[i] = body.op("Add", {inputs[i], parts[i]});
  }
  h.query = toHeads(body, inputs[0], h, h.queries, h.depth);
  h.key = areHeads ? inputs[1] : toHeads(body, inputs[1], h, h.keys, h.depth);
  h.value = areHeads ? inputs[2] : toHeads(body, inputs[2], h, h.keys, h.width);
  int64_t before = 0;
  if (body.has("past_key")) {
    before = body.shape("past_key", 4)[2];
    h.key = append(body, "past_key", h.key);
    h.value = append(body, "past_value", h.value);
    h.keys += before;
  }
  addPadding(body, h, "key_padding_mask", "query");
  addCausal(body, h, before, "query");
  if (body.has("attention_bias"))
    h.addBias(body, "attention_bias");
  std::string result = attend(body, h, "query");
  return body.finish({result, h.key, h.value});
}

using Writer = FunctionBody (*)(const Node &, const std::vector<ValueInfo> &);

const std::unordered_map<std::string, Writer> &table() {
  static const std::unordered_map<std::string, Writer> writers = {
      {"Gelu", gelu},
      {"BiasGelu", gelu},
      {"FastGelu", gelu},
      {"QuickGelu", quickGelu},
      {"FusedMatMul", fusedMatMul},
      {"SkipLayerNormalization", skipLayerNormalization},
      {"EmbedLayerNormalization", embedLayerNormalization},
      {"Attention", attention},
      {"MultiHeadAttention", multiHeadAttention},
  };
  return writers;
}

} // namespace

bool qcc::import::hasContribBody(const Node &node) {
  return node.domain == "com.microsoft" && table().count(node.op) != 0;
}

FunctionBody qcc::import::contribBody(const Node &node, const std::vector<ValueInfo> &types) {
  return table().at(node.op)(node, types);
}
