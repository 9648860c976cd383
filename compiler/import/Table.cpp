//===- Table.cpp - ONNX operators and the operations they become ----------===//

#include "compiler/import/Table.h"

#include <unordered_map>

using namespace qcc::import;

static const std::vector<OpRow> rows = {
#include "compiler/import/OnnxTable.inc"
};

const OpRow *qcc::import::findRow(const std::string &domain, const std::string &op) {
  static const auto index = [] {
    std::unordered_map<std::string, const OpRow *> map;
    for (const OpRow &row : rows)
      map.emplace(row.domain + ":" + row.onnxName, &row);
    return map;
  }();
  auto found = index.find(domain + ":" + op);
  return found == index.end() ? nullptr : found->second;
}

const OpRow *qcc::import::findRowOf(const std::string &operation) {
  for (const OpRow &row : rows)
    if (row.opName == operation)
      return &row;
  return nullptr;
}
