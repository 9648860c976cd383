//===- SpecialEinsum.cpp - Einsum by transposes, sums and products --------===//
//
// Two operands at a time, from the left. What only one of them has and nothing later needs is summed first;
// then both are brought to (shared axes..., own axes, summed axes) and meet in one MatMul, or in a Mul where
// nothing is summed. Where a term means one axis as it stands, no reshape gets in the way: attention written
// as Einsum looks like any other.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Writer.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

/// A letter of the equation, or an axis of its '...', counted from the end: 0x100, 0x101, ...
using Label = int;
using Labels = SmallVector<Label>;
constexpr Label firstOfEllipsis = 0x100;

/// Of an equation: every term is compared with all others.
constexpr size_t maxTerms = 64;

struct Term {
  Value value;
  Labels labels; ///< one for each axis, all different

  bool has(Label label) const { return llvm::is_contained(labels, label); }
  int64_t axisOf(Label label) const { return llvm::find(labels, label) - labels.begin(); }
  int64_t sizeOf(Label label) const { return tensorType(value).getDimSize(axisOf(label)); }
};

class Einsum {
public:
  Einsum(Importer &importer, const Node &node) : writer(importer, node), node(node), importer(importer) {}
  LogicalResult run();

private:
  LogicalResult parse(StringRef equation);
  FailureOr<Labels> readTerm(StringRef text, int64_t rank);
  LogicalResult addTerm(StringRef text, Value value);
  LogicalResult readResult(StringRef text);
  LogicalResult unifySizes();
  bool isNeededLater(Label label, size_t term) const;

  Term sumAll(Term term, llvm::function_ref<bool(Label)> isSummed);
  Term arrange(const Term &term, ArrayRef<Label> order);
  Value merge(const Term &term, ArrayRef<ArrayRef<Label>> groups);
  Term multiply(Term a, Term b, size_t next);

  Writer writer;
  const Node &node;
  Importer &importer;
  SmallVector<Term> terms;
  Labels result;
  std::string equation;
  int64_t ellipsis = 0; ///< axes of the longest one
};

} // namespace

//===----------------------------------------------------------------------===//
// Reading the equation
//===----------------------------------------------------------------------===//

/// The labels of one term. A negative `rank` is the result's: as many axes as it says.
FailureOr<Labels> Einsum::readTerm(StringRef text, int64_t rank) {
  Labels labels;
  size_t dots = text.find("...");
  auto letters = static_cast<int64_t>(text.size()) - (dots == StringRef::npos ? 0 : 3);
  int64_t covered = dots == StringRef::npos ? 0 : rank < 0 ? ellipsis : rank - letters;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == dots) {
      for (int64_t axis = covered; axis-- > 0;)
        labels.push_back(firstOfEllipsis + static_cast<Label>(axis));
      i += 2;
    } else if (llvm::isAlpha(text[i])) {
      labels.push_back(text[i]);
    } else {
      return writer.error() << "equation '" << equation << "' has the character '" << text[i]
                            << "'; letters, '...', ',' and '->' are expected";
    }
  }
  if (covered < 0 || (rank >= 0 && static_cast<int64_t>(labels.size()) != rank))
    return writer.error() << "term '" << text << "' of equation '" << equation
                          << "' stands for an input with " << rank << " dimensions";
  ellipsis = std::max(ellipsis, covered);
  return labels;
}

LogicalResult Einsum::addTerm(StringRef text, Value value) {
  FailureOr<Labels> labels = readTerm(text, Writer::rankOf(value));
  if (failed(labels))
    return failure();
  for (Label label : *labels)
    if (llvm::count(*labels, label) > 1)
      return writer.error() << "term '" << text << "' of equation '" << equation
                            << "' takes a diagonal (the letter '" << std::string(1, static_cast<char>(label))
                            << "' occurs twice), which is not supported";
  terms.push_back({value, *labels});
  return success();
}

/// Without '->': what '...' covers, then the letters that occur once, in order.
LogicalResult Einsum::readResult(StringRef text) {
  FailureOr<Labels> labels = readTerm(text, -1);
  if (failed(labels))
    return failure();
  result = *labels;
  for (Label label : result)
    if (llvm::count(result, label) > 1 || llvm::none_of(terms, [&](const Term &t) { return t.has(label); }))
      return writer.error() << "the result of equation '" << equation << "' has the letter '"
                            << std::string(1, static_cast<char>(label))
                            << "' twice, or it is in no term before it";
  return success();
}

LogicalResult Einsum::parse(StringRef given) {
  equation = given.str();
  std::string text = equation;
  llvm::erase(text, ' ');
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() > maxTerms)
    return writer.error() << "equation has " << parts.size() << " terms; at most " << maxTerms
                          << " are supported";
  if (parts.size() != node.inputs.size())
    return writer.error() << "equation '" << equation << "' has " << parts.size() << " terms for "
                          << node.inputs.size() << " inputs";
  for (auto [i, part] : llvm::enumerate(parts)) {
    Value value = writer.input(i, "Inputs");
    if (!value || failed(addTerm(part, value)))
      return failure();
  }
  if (StringRef(text).contains("->"))
    return readResult(right);
  std::string once = left.contains("...") ? "..." : "";
  for (char letter = 'A'; letter <= 'z'; ++letter)
    if (llvm::isAlpha(letter) && left.count(letter) == 1)
      once += letter;
  return readResult(once);
}

/// Axes of size 1 that others have larger are broadcast: as if the term did not have them.
LogicalResult Einsum::unifySizes() {
  SmallVector<Term> given = terms;
  for (Term &term : terms) {
    Labels kept;
    Writer::Shape shape;
    for (Label label : term.labels) {
      int64_t size = term.sizeOf(label), largest = size;
      for (const Term &other : given)
        if (largest == 1 && other.has(label))
          largest = other.sizeOf(label);
      for (const Term &other : given)
        if (other.has(label) && other.sizeOf(label) != largest && other.sizeOf(label) != 1)
          return writer.error() << "equation '" << equation << "' gives one axis the sizes " << largest
                                << " and " << other.sizeOf(label);
      if (size == 1 && largest != 1)
        continue;
      kept.push_back(label);
      shape.push_back(size);
    }
    term.value = writer.reshape(term.value, shape);
    term.labels = kept;
    if (!term.value)
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Writing it down
//===----------------------------------------------------------------------===//

bool Einsum::isNeededLater(Label label, size_t term) const {
  return llvm::is_contained(result, label) ||
         llvm::any_of(ArrayRef(terms).drop_front(term), [&](const Term &t) { return t.has(label); });
}

Term Einsum::sumAll(Term term, llvm::function_ref<bool(Label)> isSummed) {
  Writer::Shape axes;
  Labels kept;
  for (auto [axis, label] : llvm::enumerate(term.labels))
    if (isSummed(label))
      axes.push_back(static_cast<int64_t>(axis));
    else
      kept.push_back(label);
  if (axes.empty())
    return term;
  return {writer.reduce("qcc.reduce_sum", term.value, axes, /*keepDims=*/false), kept};
}

Term Einsum::arrange(const Term &term, ArrayRef<Label> order) {
  Writer::Shape perm;
  for (Label label : order)
    perm.push_back(term.axisOf(label));
  return {writer.transpose(term.value, perm), Labels(order)};
}

/// The term with one axis for each group of neighbours, of size 1 for an empty one.
Value Einsum::merge(const Term &term, ArrayRef<ArrayRef<Label>> groups) {
  if (!term.value)
    return {};
  Writer::Shape shape;
  for (ArrayRef<Label> group : groups) {
    int64_t size = 1;
    for (Label label : group)
      size *= term.sizeOf(label);
    shape.push_back(size);
  }
  return writer.reshape(term.value, shape);
}

/// `next` is the first term behind both.
Term Einsum::multiply(Term a, Term b, size_t next) {
  a = sumAll(a, [&](Label label) { return !b.has(label) && !isNeededLater(label, next); });
  b = sumAll(b, [&](Label label) { return !a.has(label) && !isNeededLater(label, next); });
  if (!a.value || !b.value)
    return {};
  if (importer.constantOf(a.value) && !importer.constantOf(b.value))
    std::swap(a, b); // weights stand on the right
  Labels shared, summed, ownA, ownB;
  for (Label label : a.labels)
    (!b.has(label) ? ownA : isNeededLater(label, next) ? shared : summed).push_back(label);
  llvm::copy_if(b.labels, std::back_inserter(ownB), [&](Label label) { return !a.has(label); });

  Labels orderA = shared, orderB = shared, made = shared;
  orderA.append(ownA), orderA.append(summed);
  orderB.append(summed), orderB.append(ownB);
  made.append(ownA), made.append(ownB);
  Writer::Shape shape;
  for (Label label : made)
    shape.push_back(a.has(label) ? a.sizeOf(label) : b.sizeOf(label));
  Term left = arrange(a, orderA), right = arrange(b, orderB);
  SmallVector<ArrayRef<Label>> groupsA, groupsB;
  for (const Label &label : shared) {
    groupsA.emplace_back(label);
    groupsB.emplace_back(label);
  }
  groupsA.append({ownA, summed});
  groupsB.append({summed, ownB});
  Value x = merge(left, groupsA), y = merge(right, groupsB);
  Value product = summed.empty() ? writer.op("qcc.mul", {x, y}) : writer.product(x, y);
  return {writer.reshape(product, shape), made};
}

LogicalResult Einsum::run() {
  const import::Attribute *given = node.find("equation");
  if (!given || node.inputs.empty())
    return writer.error() << "has no equation, or no inputs";
  if (failed(parse(given->s)) || failed(unifySizes()))
    return failure();
  Term whole = terms.front();
  for (size_t i = 1; i < terms.size(); ++i) {
    whole = multiply(whole, terms[i], i + 1);
    if (!whole.value)
      return failure();
  }
  whole = sumAll(whole, [&](Label label) { return !llvm::is_contained(result, label); });
  if (!whole.value)
    return failure();
  return writer.define(arrange(whole, result).value);
}

static LogicalResult importEinsum(Importer &importer, const Node &node) {
  return Einsum(importer, node).run();
}

void qcc::import::addEinsumImport(SpecialTable &table) { table.emplace(":Einsum", importEinsum); }
