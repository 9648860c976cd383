//===- Tensors.cpp - ONNX tensors to raw bytes ----------------------------===//

#include "compiler/import/Proto.h"

#include <cerrno>
#include <cstring>
#include <set>

using namespace qcc::import;
using onnx::TensorProto;

namespace {

/// Tensors up to this many bytes stay where ONNX's library can read them: they
/// are what shapes are computed from.
constexpr size_t smallTensorBytes = 1024;

/// 0 for types that are not supported.
int64_t bitsOf(int32_t type) {
  switch (type) {
  case TensorProto::UINT4:
  case TensorProto::INT4:
  case TensorProto::FLOAT4E2M1:
    return 4;
  case TensorProto::UINT8:
  case TensorProto::INT8:
  case TensorProto::BOOL:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
    return 8;
  case TensorProto::UINT16:
  case TensorProto::INT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 16;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 32;
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return 64;
  default:
    return 0;
  }
}

[[noreturn]] void fail(const TensorProto &tensor, const std::string &message) {
  throw LoadError("tensor '" + tensor.name() + "': " + message);
}

std::string typeName(int32_t type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : std::to_string(type);
}

/// The bytes that a tensor's shape and type ask for.
size_t expectedBytes(const TensorProto &tensor) {
  int64_t bits = bitsOf(tensor.data_type());
  if (bits == 0)
    fail(tensor, "element type " + typeName(tensor.data_type()) + " is not supported");
  bool empty = false;
  for (int64_t d : tensor.dims()) {
    if (d < 0)
      fail(tensor, "has dimension " + std::to_string(d));
    empty |= d == 0;
  }
  int64_t size = empty ? 0 : 1;
  for (int64_t d : tensor.dims())
    if (!empty && __builtin_mul_overflow(size, d, &size))
      fail(tensor, "has more elements than 2^63");
  if (__builtin_mul_overflow(size, bits, &bits))
    fail(tensor, "has more bits than 2^63");
  return static_cast<size_t>(bits / 8 + (bits % 8 != 0));
}

template <typename T, typename Field> std::string pack(const Field &field) {
  std::string bytes(sizeof(T) * static_cast<size_t>(field.size()), '\0');
  for (int i = 0; i < field.size(); ++i) {
    T value = static_cast<T>(field.Get(i));
    memcpy(&bytes[sizeof(T) * static_cast<size_t>(i)], &value, sizeof(T));
  }
  return bytes;
}

/// The values of whichever typed field the element type uses, as raw bytes.
std::string typedBytes(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return pack<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return pack<double>(tensor.double_data());
  case TensorProto::INT64:
    return pack<int64_t>(tensor.int64_data());
  case TensorProto::UINT64:
    return pack<uint64_t>(tensor.uint64_data());
  case TensorProto::UINT32:
    return pack<uint32_t>(tensor.uint64_data());
  case TensorProto::INT32:
    return pack<int32_t>(tensor.int32_data());
  default:
    // Values of 4 bits come in pairs, one byte of a pair to an int32.
    return bitsOf(tensor.data_type()) == 16 ? pack<uint16_t>(tensor.int32_data())
                                            : pack<uint8_t>(tensor.int32_data());
  }
}

int64_t parseNumber(const TensorProto &tensor, const std::string &key, const std::string &text) {
  char *end = nullptr;
  errno = 0;
  long long value = strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value < 0 || end != text.c_str() + text.size())
    fail(tensor, "external data has " + key + " '" + text + "'");
  return value;
}

Bytes readExternal(const TensorProto &tensor, Folder &folder, size_t expected) {
  std::string location;
  int64_t offset = 0, length = -1;
  std::set<std::string> seen;
  for (const auto &entry : tensor.external_data()) {
    if (!seen.insert(entry.key()).second)
      fail(tensor, "external data has '" + entry.key() + "' twice");
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = parseNumber(tensor, "offset", entry.value());
    else if (entry.key() == "length")
      length = parseNumber(tensor, "length", entry.value());
    else if (entry.key() != "checksum" && entry.key() != "basepath")
      fail(tensor, "external data has the unknown key '" + entry.key() + "'");
  }
  if (!seen.count("location"))
    fail(tensor, "external data has no location");
  if (length != -1 && static_cast<size_t>(length) != expected)
    fail(tensor, "external data has length " + std::to_string(length) + ", but type and shape need " +
                     std::to_string(expected) + " bytes");
  std::string error;
  Bytes bytes = folder.read(location, offset, static_cast<int64_t>(expected), error);
  if (!bytes)
    fail(tensor, "external data file '" + location + "' " + error);
  return bytes;
}

/// Takes a tensor's values out of the message.
Bytes takeBytes(TensorProto &tensor, Folder &folder) {
  size_t expected = expectedBytes(tensor);
  bool external = tensor.data_location() == TensorProto::EXTERNAL;
  Bytes bytes;
  if (external)
    bytes = readExternal(tensor, folder, expected);
  else if (tensor.has_raw_data())
    bytes = std::make_shared<std::string>(std::move(*tensor.mutable_raw_data()));
  else
    bytes = std::make_shared<std::string>(typedBytes(tensor));
  // The 4-bit types' typed field is padded to whole int32 by some writers.
  if (!external && !tensor.has_raw_data() && bitsOf(tensor.data_type()) < 8 && bytes->size() > expected)
    bytes->resize(expected);
  if (bytes->size() != expected)
    fail(tensor, "has " + std::to_string(bytes->size()) + " bytes of " + typeName(tensor.data_type()) +
                     " data, but its shape needs " + std::to_string(expected));
  return bytes;
}

/// Leaves name, type and shape, and where the values are now.
void moveOut(TensorProto &tensor, Folder &folder, TensorStore &store) {
  if (tensor.has_segment())
    fail(tensor, "segments are not supported");
  Bytes bytes = takeBytes(tensor, folder);
  TensorProto rest;
  rest.set_name(tensor.name());
  rest.set_data_type(tensor.data_type());
  *rest.mutable_dims() = tensor.dims();
  if (bytes->size() <= smallTensorBytes) {
    if (!bytes->empty())
      rest.set_raw_data(std::move(*bytes));
  } else {
    TensorData data;
    data.name = tensor.name();
    data.type = tensor.data_type();
    data.dims.assign(tensor.dims().begin(), tensor.dims().end());
    data.data = bytes->data();
    data.bytes = bytes->size();
    data.owner = bytes;
    rest.set_data_location(TensorProto::EXTERNAL);
    auto *entry = rest.add_external_data();
    entry->set_key("location");
    entry->set_value("#" + std::to_string(store.size()));
    store.push_back(std::move(data));
  }
  tensor.Swap(&rest);
}

void moveOutOfNodes(google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes, Folder &folder,
                    TensorStore &store) {
  for (auto &node : nodes)
    for (auto &attribute : *node.mutable_attribute()) {
      if (!attribute.has_t())
        continue;
      try {
        moveOut(*attribute.mutable_t(), folder, store);
      } catch (LoadError &error) {
        throw LoadError(node, "attribute '" + attribute.name() + "': " + error.diagnostics.front().message);
      }
    }
}

void moveOutOfGraph(onnx::GraphProto &graph, Folder &folder, TensorStore &store) {
  for (auto &tensor : *graph.mutable_initializer())
    moveOut(tensor, folder, store);
  moveOutOfNodes(*graph.mutable_node(), folder, store);
}

} // namespace

void qcc::import::moveTensorsOut(onnx::ModelProto &model, Folder &folder, TensorStore &store) {
  auto visit = [&](onnx::GraphProto &graph) { moveOutOfGraph(graph, folder, store); };
  forEachGraph(*model.mutable_graph(), visit);
  for (auto &function : *model.mutable_functions()) {
    moveOutOfNodes(*function.mutable_node(), folder, store);
    for (auto &node : *function.mutable_node())
      for (auto &attribute : *node.mutable_attribute())
        if (attribute.has_g())
          forEachGraph(*attribute.mutable_g(), visit);
  }
}

TensorData qcc::import::readTensor(const TensorProto &tensor, const TensorStore &store) {
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    const std::string &location = tensor.external_data(0).value();
    TensorData data = store.at(std::stoul(location.substr(1)));
    data.name = tensor.name();
    return data;
  }
  TensorData data;
  data.name = tensor.name();
  data.type = tensor.data_type();
  data.dims.assign(tensor.dims().begin(), tensor.dims().end());
  // The converter writes typed fields.
  auto bytes = std::make_shared<std::string>(tensor.has_raw_data() ? tensor.raw_data() : typedBytes(tensor));
  if (bytes->size() != expectedBytes(tensor))
    fail(tensor, "has " + std::to_string(bytes->size()) + " bytes, but its shape needs " +
                     std::to_string(expectedBytes(tensor)));
  data.data = bytes->data();
  data.bytes = bytes->size();
  data.owner = bytes;
  return data;
}
