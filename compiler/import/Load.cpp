//===- Load.cpp - An ONNX file to a checked model -------------------------===//

#include "compiler/import/Load.h"
#include "compiler/import/Proto.h"

#include "onnx/defs/schema.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <limits>
#include <new>
#include <string_view>

using namespace qcc::import;

namespace {

/// A node in a graph in a node ... takes three levels of messages each.
constexpr int maxMessageDepth = 100;

/// What names and nodes may take in memory beyond their share of the file.
constexpr int64_t maxOverhead = int64_t(64) << 20;

/// What is given in place of a model most often, and what to do; empty for anything else.
std::string otherFormat(const char *data, size_t size) {
  struct Format {
    size_t at;
    const char *mark, *words;
  };
  static const Format formats[] = {
      {0, "PK\x03\x04",
       "is a zip archive, as PyTorch's .pt and .pth files are: export the model with torch.onnx.export"},
      {0, "\x89HDF", "is an HDF5 file, as Keras writes: convert the model with tf2onnx"},
      {4, "TFL3", "is a TensorFlow Lite model: convert it with tf2onnx"},
      {0, "version https://git-lfs",
       "is a pointer of Git LFS, not the file: run 'git lfs pull' where it comes from"},
  };
  for (const Format &format : formats) {
    std::string_view mark = format.mark;
    if (std::string_view(data, size).substr(std::min(format.at, size), mark.size()) == mark)
      return format.words;
  }
  return "";
}

void parse(const std::string &path, onnx::ModelProto &model) {
  if (path == "-")
    throw LoadError("reading a model from standard input is not supported: name a file");
  std::string error;
  Bytes bytes = readFile(path, std::numeric_limits<int32_t>::max(), error);
  if (!bytes)
    throw LoadError(error);
  if (std::string other = otherFormat(reinterpret_cast<const char *>(bytes->data()), bytes->size());
      !other.empty())
    throw LoadError(other);
  int64_t size = parsedSize(*bytes, maxMessageDepth);
  int64_t limit = maxOverhead + static_cast<int64_t>(bytes->size()) * 3 / 2;
  if (size > limit)
    throw LoadError("has " + std::to_string(bytes->size()) + " bytes that would become " +
                    std::to_string(size) + " in memory; at most " + std::to_string(limit) + " are accepted");
  google::protobuf::LogSilencer quiet;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(bytes->data()),
                                                static_cast<int>(bytes->size()));
  stream.SetRecursionLimit(maxMessageDepth);
  if (size < 0 || !model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw LoadError("is damaged, is no ONNX model, or is nested more than " +
                    std::to_string(maxMessageDepth) + " messages deep");
}

/// Old spellings that the opset converter replaces.
bool isReplaced(const std::string &op) { return op == "Upsample" || op == "Scatter"; }

/// Lists all nodes of the main graph that nothing can be done with.
void checkOperators(const onnx::ModelProto &model, const IsSupported &isSupported) {
  Diagnostics errors;
  for (const auto &node : model.graph().node()) {
    std::string domain = domainOf(node);
    if (isSupported(domain, node.op_type()) || (domain.empty() && isReplaced(node.op_type())))
      continue;
    Node plain;
    plain.op = node.op_type();
    plain.domain = domain;
    if (hasFunctionBody(plain))
      continue;
    std::string of = domain.empty() ? "" : " of domain '" + domain + "'";
    bool known = onnx::OpSchemaRegistry::Instance()->GetSchema(node.op_type(), Model::opset, domain) ||
                 onnx::OpSchemaRegistry::Instance()->GetSchema(node.op_type(),
                                                               static_cast<int>(defaultOpset(model)), domain);
    errors.push_back({node.name(), node.op_type(),
                      (known ? "operator '" : "unknown operator '") + node.op_type() + "'" + of +
                          (known ? " is not supported" : "")});
  }
  if (!errors.empty())
    throw LoadError(std::move(errors));
}

void load(const std::string &path, const IsSupported &isSupported, Model &model) {
  onnx::ModelProto proto;
  parse(path, proto);
  checkVersions(proto);
  checkStructure(proto);
  TensorStore store;
  Folder folder(path);
  moveTensorsOut(proto, folder, store);
  inlineFunctions(proto);
  dropDeadNodes(*proto.mutable_graph());
  checkOperators(proto, isSupported);
  checkNodes(proto);
  convertOpset(proto);
  model.graph = toGraph(proto.graph(), store);
}

} // namespace

bool qcc::import::loadModel(const std::string &path, const IsSupported &isSupported, Model &model,
                            Diagnostics &diagnostics) {
  try {
    load(path, isSupported, model);
    return true;
  } catch (LoadError &error) {
    diagnostics = std::move(error.diagnostics);
  } catch (const std::bad_alloc &) {
    diagnostics.push_back({"", "", "is too large for the memory of this machine"});
  } catch (const std::exception &error) {
    diagnostics.push_back({"", "", std::string("cannot be loaded: ") + error.what()});
  }
  return false;
}
