//===- Mutants.cpp - Damaged copies of a small model ----------------------===//

#include "test/import/Mutants.h"

#include "onnx/defs/parser.h"

#include <random>
#include <stdexcept>

using namespace qcc;

namespace {

const char *const floatText = R"(<ir_version: 8, opset_import: ["" : 17]>
small (float[1,2,6,6] x) => (float[1,3] y)
<float[4,2,3,3] w, float[4] b, float[4,3] v, int64[2] shape = {1, 4}> {
  c = Conv<pads = [1, 1, 1, 1], strides = [1, 2], group = 1>(x, w, b)
  r = Relu(c)
  m = MaxPool<kernel_shape = [2, 2], ceil_mode = 1>(r)
  g = GlobalAveragePool(m)
  f = Reshape(g, shape)
  t = Gemm<alpha = 0.5, transB = 0>(f, v)
  s = Softmax<axis = 1>(t)
  n = Transpose<perm = [0, 1]>(s)
  k = Concat<axis = 1>(n, s)
  y = Slice(k, lo, hi, axes)
})";

const char *const quantisedText = R"(<ir_version: 8, opset_import: ["" : 17]>
small (uint8[1,2,6,6] x) => (uint8[1,4,6,6] y)
<float s = {0.05}, uint8 z = {128}, float[4] ws = {0.1, 0.2, 0.3, 0.4}, int8[4] wz = {0, 0, 0, 0},
 int8[4,2,3,3] w> {
  d = DequantizeLinear(x, s, z)
  e = DequantizeLinear<axis = 0>(w, ws, wz)
  c = Conv<pads = [1, 1, 1, 1]>(d, e)
  q = QuantizeLinear(c, s, z)
  r = DequantizeLinear(q, s, z)
  a = Sigmoid(r)
  b = QuantizeLinear(a, s, z)
  g = DequantizeLinear(b, s, z)
  p = Add(g, r)
  y = QuantizeLinear(p, s, z)
})";

using Random = std::mt19937;

uint32_t below(Random &random, size_t limit) { return limit ? static_cast<uint32_t>(random() % limit) : 0; }

void addTensor(onnx::GraphProto &graph, const char *name, int type, std::vector<int64_t> dims) {
  onnx::TensorProto *tensor = nullptr;
  for (auto &known : *graph.mutable_initializer())
    if (known.name() == name)
      tensor = &known;
  if (!tensor)
    tensor = graph.add_initializer();
  tensor->Clear();
  tensor->set_name(name);
  tensor->set_data_type(type);
  size_t bytes = type == onnx::TensorProto::FLOAT ? 4 : type == onnx::TensorProto::INT64 ? 8 : 1;
  for (int64_t dim : dims) {
    tensor->add_dims(dim);
    bytes *= static_cast<size_t>(dim);
  }
  std::string data(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i)
    data[i] = type == onnx::TensorProto::FLOAT
                  ? (i % 4 == 3 ? '\x3e' : static_cast<char>(i * 37)) // about 0.2
              : type == onnx::TensorProto::INT64 ? (i % 8 == 0 ? '\x01' : '\0')
                                                 : static_cast<char>(i * 37);
  tensor->set_raw_data(data);
}

constexpr int64_t numbers[] = {0, 1, -1, 2, 3, 7, -7, 255, 65536, 1ll << 31, 1ll << 40, INT64_MAX, INT64_MIN};

int64_t anyNumber(Random &random) { return numbers[below(random, std::size(numbers))]; }

void damageAttribute(onnx::AttributeProto &attribute, Random &random) {
  switch (below(random, 5)) {
  case 0:
    if (attribute.ints_size())
      attribute.set_ints(static_cast<int>(below(random, attribute.ints_size())), anyNumber(random));
    attribute.set_i(anyNumber(random));
    break;
  case 1:
    attribute.add_ints(anyNumber(random));
    break;
  case 2:
    attribute.clear_ints();
    break;
  case 3:
    attribute.set_type(static_cast<onnx::AttributeProto::AttributeType>(below(random, 12)));
    break;
  default:
    attribute.set_name(below(random, 2) ? "axis" : "pads");
    attribute.set_f(-attribute.f() / 0.0f);
  }
}

void damageNode(onnx::GraphProto &graph, Random &random) {
  static const char *const operators[] = {"Conv",
                                          "MatMul",
                                          "Gather",
                                          "Split",
                                          "Resize",
                                          "Pad",
                                          "Cast",
                                          "Expand",
                                          "Flatten",
                                          "Squeeze",
                                          "If",
                                          "Shape",
                                          "AveragePool",
                                          "ReduceMean",
                                          "ConvTranspose",
                                          "BatchNormalization",
                                          "QuantizeLinear",
                                          "Div"};
  onnx::NodeProto &node = *graph.mutable_node(static_cast<int>(below(random, graph.node_size())));
  const onnx::NodeProto &other = graph.node(static_cast<int>(below(random, graph.node_size())));
  switch (below(random, 6)) {
  case 0:
    node.set_op_type(operators[below(random, std::size(operators))]);
    break;
  case 1:
    if (node.input_size() && other.output_size())
      node.set_input(static_cast<int>(below(random, node.input_size())), other.output(0));
    break;
  case 2:
    node.add_input(below(random, 2) ? "" : "x");
    break;
  case 3:
    if (node.input_size())
      node.mutable_input()->RemoveLast();
    break;
  case 4:
    if (node.attribute_size())
      node.mutable_attribute()->RemoveLast();
    break;
  default:
    *graph.add_node() = node;
  }
}

void damageTensor(onnx::TensorProto &tensor, Random &random) {
  switch (below(random, 4)) {
  case 0:
    if (tensor.dims_size())
      tensor.set_dims(static_cast<int>(below(random, tensor.dims_size())), anyNumber(random));
    break;
  case 1:
    tensor.add_dims(anyNumber(random));
    break;
  case 2:
    tensor.set_data_type(static_cast<int>(below(random, 28)));
    break;
  default:
    if (!tensor.raw_data().empty())
      (*tensor.mutable_raw_data())[below(random, tensor.raw_data().size())] = static_cast<char>(random());
  }
}

void damageType(onnx::ValueInfoProto &value, Random &random) {
  auto *tensor = value.mutable_type()->mutable_tensor_type();
  auto &dims = *tensor->mutable_shape()->mutable_dim();
  if (below(random, 3) == 0 || dims.empty())
    tensor->set_elem_type(static_cast<int>(below(random, 28)));
  else
    dims[static_cast<int>(below(random, static_cast<size_t>(dims.size())))].set_dim_value(anyNumber(random));
}

} // namespace

std::string qcc::test::smallModel(bool quantised) {
  onnx::ModelProto model;
  std::string text = quantised ? quantisedText : floatText;
  // The parser wants values for its initialisers; the larger ones are added below.
  for (const char *declared : {"float[4,2,3,3] w, float[4] b, float[4,3] v, ", ",\n int8[4,2,3,3] w"})
    if (size_t at = text.find(declared); at != std::string::npos)
      text.erase(at, std::string(declared).size());
  auto status = onnx::OnnxParser::Parse(model, text.c_str());
  if (!status.IsOK())
    throw std::runtime_error(status.ErrorMessage());
  onnx::GraphProto &graph = *model.mutable_graph();
  if (quantised) {
    addTensor(graph, "w", onnx::TensorProto::INT8, {4, 2, 3, 3});
  } else {
    addTensor(graph, "w", onnx::TensorProto::FLOAT, {4, 2, 3, 3});
    addTensor(graph, "b", onnx::TensorProto::FLOAT, {4});
    addTensor(graph, "v", onnx::TensorProto::FLOAT, {4, 3});
    for (const char *name : {"lo", "hi", "axes"})
      addTensor(graph, name, onnx::TensorProto::INT64, {1});
    graph.mutable_initializer(graph.initializer_size() - 3)->mutable_raw_data()->assign(8, '\0');
    graph.mutable_initializer(graph.initializer_size() - 2)->mutable_raw_data()->at(0) = 3;
  }
  return model.SerializeAsString();
}

std::string qcc::test::withDamagedBytes(std::string bytes, uint32_t seed) {
  Random random(seed);
  for (uint32_t changes = 1 + below(random, 4); changes && !bytes.empty(); --changes) {
    size_t at = below(random, bytes.size()),
           length = 1 + below(random, std::min<size_t>(16, bytes.size() - at));
    switch (below(random, 5)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
      break;
    case 1:
      bytes[at] = static_cast<char>(random());
      break;
    case 2:
      bytes.erase(at, length);
      break;
    case 3:
      bytes.insert(at, bytes.substr(below(random, bytes.size()), length));
      break;
    default:
      bytes.replace(at, length, length, '\xff');
    }
  }
  return bytes;
}

std::string qcc::test::withDamagedFields(const std::string &bytes, uint32_t seed) {
  Random random(seed);
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes))
    throw std::runtime_error("the model to damage is damaged");
  onnx::GraphProto &graph = *model.mutable_graph();
  for (uint32_t changes = 1 + below(random, 3); changes; --changes) {
    onnx::NodeProto &node = *graph.mutable_node(static_cast<int>(below(random, graph.node_size())));
    switch (below(random, 5)) {
    case 0:
      damageNode(graph, random);
      break;
    case 1:
      damageTensor(*graph.mutable_initializer(static_cast<int>(below(random, graph.initializer_size()))),
                   random);
      break;
    case 2:
      damageType(below(random, 2) ? *graph.mutable_input(0) : *graph.mutable_output(0), random);
      break;
    case 3:
      model.mutable_opset_import(0)->set_version(1 + below(random, 30));
      break;
    default:
      damageAttribute(node.attribute_size()
                          ? *node.mutable_attribute(static_cast<int>(below(random, node.attribute_size())))
                          : *node.add_attribute(),
                      random);
    }
  }
  return model.SerializeAsString();
}
