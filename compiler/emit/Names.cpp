//===- Names.cpp - C identifiers for ONNX names ---------------------------===//

#include "compiler/emit/Names.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SHA256.h"

using namespace llvm;
using namespace qcc;

namespace {
/// Keywords of C and C++.
constexpr StringLiteral keywordList =
    "_Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert "
    "_Thread_local alignas alignof and and_eq asm auto bitand bitor bool break case catch char "
    "char16_t char32_t char8_t class co_await co_return co_yield compl concept const const_cast "
    "consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum "
    "explicit export extern false float for friend goto if inline int long mutable namespace new "
    "noexcept not not_eq nullptr operator or or_eq private protected public register "
    "reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast "
    "struct switch template this thread_local throw true try typedef typeid typename typeof "
    "typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq ";

/// Words that the C library's headers, or compilers by themselves, define as macros.
constexpr StringLiteral macroList =
    "EOF I NULL complex errno i386 imaginary linux noreturn stderr stdin stdout unix ";

bool isTaken(StringRef name) {
  static const StringSet<> taken = [] {
    StringSet<> words;
    for (StringRef list : {StringRef(keywordList), StringRef(macroList)})
      for (StringRef word : split(list, ' '))
        words.insert(word);
    return words;
  }();
  bool isPredefined = name.starts_with("__") && name.ends_with("__"); // __LINE__, __linux__
  return isPredefined || taken.contains(name);
}

constexpr size_t longest = 60, kept = 50, hashDigits = 8;
} // namespace

std::string emit::mangle(StringRef name) {
  std::string result;
  for (char c : name)
    result += isAlnum(c) || c == '_' ? c : '_';
  if (result.empty() || isDigit(result[0]) || isTaken(result))
    result.insert(result.begin(), '_');
  if (result.size() > longest) {
    ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(name.data()), name.size());
    result =
        result.substr(0, kept) + "_" + toHex(SHA256::hash(bytes), /*LowerCase=*/true).substr(0, hashDigits);
  }
  return result;
}

std::vector<std::string> emit::mangleAll(ArrayRef<std::string> names) {
  std::vector<std::string> result;
  StringSet<> taken;
  for (const std::string &name : names) {
    std::string base = mangle(name), distinct = base;
    for (unsigned n = 2; !taken.insert(StringRef(distinct).upper()).second; ++n)
      distinct = base + "_" + std::to_string(n);
    result.push_back(distinct);
  }
  return result;
}
