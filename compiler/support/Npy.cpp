//===- Npy.cpp - NumPy's .npy format --------------------------------------===//
#include "compiler/support/Npy.h"

#include <cstring>

namespace qcc::support {
namespace {

constexpr size_t maxRank = 64;           // NumPy's own limit
constexpr size_t maxHeaderBytes = 65536; // a version 1 header cannot be longer

struct TypeRow {
  NpyType type;
  const char *code; // kind and bytes, as in descr
  size_t bytes;
  const char *name;
};

constexpr TypeRow typeRows[] = {
    {NpyType::Bool, "b1", 1, "bool"},   {NpyType::I8, "i1", 1, "int8"},
    {NpyType::U8, "u1", 1, "uint8"},    {NpyType::I16, "i2", 2, "int16"},
    {NpyType::U16, "u2", 2, "uint16"},  {NpyType::I32, "i4", 4, "int32"},
    {NpyType::U32, "u4", 4, "uint32"},  {NpyType::I64, "i8", 8, "int64"},
    {NpyType::U64, "u8", 8, "uint64"},  {NpyType::F16, "f2", 2, "float16"},
    {NpyType::F32, "f4", 4, "float32"}, {NpyType::F64, "f8", 8, "float64"},
};

const TypeRow &rowOf(NpyType type) { return typeRows[static_cast<size_t>(type)]; }

bool hostIsBigEndian() {
  const uint16_t one = 1;
  uint8_t low;
  std::memcpy(&low, &one, 1);
  return low == 0;
}

/// The header is a Python dictionary of three entries: a string, a bool and a
/// tuple of integers. This reads exactly that.
class DictReader {
public:
  DictReader(const char *begin, size_t size, std::string &error)
      : pos(begin), end(begin + size), error(error) {}

  bool read(NpyHeader &header) {
    if (!expect('{'))
      return false;
    while (!accept('}')) {
      if (!readEntry(header))
        return false;
      if (!accept(',') && !(peek() == '}'))
        return fail("header is not a dictionary");
    }
    skipSpace();
    if (pos != end)
      return fail("text after the header's dictionary");
    if (seen != 7)
      return fail("header lacks one of 'descr', 'fortran_order', 'shape'");
    return true;
  }

private:
  bool readEntry(NpyHeader &header) {
    std::string key;
    if (!readString(key) || !expect(':'))
      return false;
    unsigned bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
    if (!bit || (seen & bit))
      return fail(std::string(bit ? "doubled" : "unknown") + " header entry '" + key + "'");
    seen |= bit;
    if (bit == 1)
      return readType(header);
    return bit == 2 ? readBool(header.fortranOrder) : readShape(header.shape);
  }

  bool readType(NpyHeader &header) {
    skipSpace();
    if (pos != end && *pos == '[')
      return fail("structured arrays are not supported");
    std::string text;
    if (!readString(text))
      return false;
    char order = text.empty() ? '\0' : text[0];
    bool ordered = order == '<' || order == '>' || order == '|' || order == '=';
    std::string code = ordered ? text.substr(1) : text;
    header.bigEndian = order == '>' || (order == '=' && hostIsBigEndian());
    for (const TypeRow &row : typeRows) {
      if (code == row.code) {
        header.type = row.type;
        return true;
      }
    }
    if (code[0] == 'O')
      return fail("holds Python objects (dtype '" + text +
                  "'), which are never unpickled; save a numeric array");
    return fail("unsupported dtype '" + text + "'; supported: bool, int8 to uint64, float16 to float64");
  }

  bool readBool(bool &value) {
    skipSpace();
    for (bool candidate : {false, true}) {
      const char *word = candidate ? "True" : "False";
      size_t length = std::strlen(word);
      if (static_cast<size_t>(end - pos) >= length && !std::memcmp(pos, word, length)) {
        pos += length;
        value = candidate;
        return true;
      }
    }
    return fail("'fortran_order' is neither True nor False");
  }

  bool readShape(std::vector<int64_t> &shape) {
    if (!expect('('))
      return false;
    while (!accept(')')) {
      int64_t extent;
      if (!readExtent(extent))
        return false;
      shape.push_back(extent);
      if (shape.size() > maxRank)
        return fail("more than 64 dimensions");
      if (!accept(',') && peek() != ')')
        return fail("'shape' is not a tuple of integers");
    }
    return true;
  }

  bool readExtent(int64_t &value) {
    skipSpace();
    if (pos == end || *pos < '0' || *pos > '9')
      return fail("'shape' is not a tuple of non-negative integers");
    value = 0;
    for (; pos != end && *pos >= '0' && *pos <= '9'; ++pos)
      if (__builtin_mul_overflow(value, int64_t(10), &value) ||
          __builtin_add_overflow(value, int64_t(*pos - '0'), &value))
        return fail("'shape' has an extent beyond 64 bits");
    if (pos != end && *pos == 'L') // Python 2 wrote its long integers so
      ++pos;
    return true;
  }

  bool readString(std::string &text) {
    skipSpace();
    if (pos == end || (*pos != '\'' && *pos != '"'))
      return fail("header is not a dictionary of strings");
    char quote = *pos++;
    const char *begin = pos;
    while (pos != end && *pos != quote && *pos != '\\')
      ++pos;
    if (pos == end || *pos != quote)
      return fail("header has an unfinished string");
    text.assign(begin, pos++);
    return true;
  }

  char peek() {
    skipSpace();
    return pos == end ? '\0' : *pos;
  }

  bool accept(char wanted) {
    if (peek() != wanted)
      return false;
    ++pos;
    return true;
  }

  bool expect(char wanted) { return accept(wanted) || fail(std::string("header lacks '") + wanted + "'"); }

  void skipSpace() {
    while (pos != end && (*pos == ' ' || *pos == '\n' || *pos == '\t' || *pos == '\r'))
      ++pos;
  }

  bool fail(const std::string &what) {
    error = what;
    return false;
  }

  const char *pos, *end;
  std::string &error;
  unsigned seen = 0;
};

/// Finds the dictionary's text: the magic, two version bytes, its length in 2
/// or 4 bytes, the text.
bool findDict(const uint8_t *bytes, size_t size, size_t &offset, size_t &length, std::string &error) {
  if (size < 10 || std::memcmp(bytes, "\x93NUMPY", 6) != 0) {
    bool zip = size >= 4 && !std::memcmp(bytes, "PK\x03\x04", 4);
    bool pickle = size >= 2 && bytes[0] == 0x80 && bytes[1] <= 5;
    error = zip      ? "is a .npz archive, not a .npy file"
            : pickle ? "is a pickle, which is never loaded; write it with numpy.save"
                     : "not a .npy file (it does not start with \\x93NUMPY)";
    return false;
  }
  unsigned version = bytes[6];
  if (version < 1 || version > 3) {
    error = "unknown .npy version " + std::to_string(version) + "." + std::to_string(bytes[7]);
    return false;
  }
  offset = version == 1 ? 10 : 12;
  length = size < offset ? 0 : bytes[8] | bytes[9] << 8;
  if (version > 1 && size >= offset)
    length |= size_t(bytes[10]) << 16 | size_t(bytes[11]) << 24;
  if (size < offset || length > size - offset) {
    error = "truncated header";
    return false;
  }
  if (length > maxHeaderBytes) {
    error = "header of " + std::to_string(length) + " bytes";
    return false;
  }
  return true;
}

void copySwapped(uint8_t *to, const uint8_t *from, size_t count, size_t width) {
  for (size_t i = 0; i < count; ++i)
    for (size_t b = 0; b < width; ++b)
      to[i * width + b] = from[i * width + width - 1 - b];
}

/// Copies column-major elements to row-major: walks the target in order with an
/// odometer over the source's strides.
void copyFortran(uint8_t *to, const uint8_t *from, const std::vector<int64_t> &shape, size_t count,
                 size_t width) {
  size_t rank = shape.size();
  std::vector<size_t> stride(rank, 1), index(rank, 0);
  for (size_t d = 1; d < rank; ++d)
    stride[d] = stride[d - 1] * static_cast<size_t>(shape[d - 1]);
  size_t source = 0;
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(to + i * width, from + source * width, width);
    for (size_t d = rank; d-- > 0;) {
      source += stride[d];
      if (++index[d] < static_cast<size_t>(shape[d]))
        break;
      source -= stride[d] * index[d];
      index[d] = 0;
    }
  }
}

} // namespace

size_t npyTypeBytes(NpyType type) { return rowOf(type).bytes; }
const char *npyTypeName(NpyType type) { return rowOf(type).name; }

std::string npyShapeText(const std::vector<int64_t> &shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

bool readNpyHeader(const void *bytes, size_t size, NpyHeader &header, std::string &error) {
  const auto *begin = static_cast<const uint8_t *>(bytes);
  size_t offset = 0, length = 0;
  if (!findDict(begin, size, offset, length, error))
    return false;
  header = NpyHeader();
  if (!DictReader(reinterpret_cast<const char *>(begin) + offset, length, error).read(header))
    return false;
  header.dataOffset = offset + length;
  size_t width = npyTypeBytes(header.type), need = width;
  bool overflow = false;
  header.elements = 1;
  for (int64_t extent : header.shape) { // a later 0 does not excuse an overflow
    overflow |= __builtin_mul_overflow(need, static_cast<size_t>(extent), &need);
    header.elements *= static_cast<size_t>(extent);
  }
  std::string what = "shape " + npyShapeText(header.shape) + " of " + npyTypeName(header.type);
  size_t have = size - header.dataOffset;
  if (overflow) {
    error = what + " is too large";
    return false;
  }
  if (have != need)
    error = (have < need ? "truncated: " : "too long: ") + std::to_string(have) + " bytes of data for " +
            what + ", which needs " + std::to_string(need);
  return have == need;
}

bool readNpy(const void *bytes, size_t size, NpyArray &array, std::string &error) {
  NpyHeader header;
  if (!readNpyHeader(bytes, size, header, error))
    return false;
  const uint8_t *from = static_cast<const uint8_t *>(bytes) + header.dataOffset;
  size_t width = npyTypeBytes(header.type);
  array.type = header.type;
  array.shape = header.shape;
  array.data.resize(header.elements * width);
  if (array.data.empty())
    return true;
  bool swap = width > 1 && header.bigEndian != hostIsBigEndian();
  std::vector<uint8_t> swapped(swap && header.fortranOrder ? array.data.size() : 0);
  if (swap) {
    uint8_t *to = header.fortranOrder ? swapped.data() : array.data.data();
    copySwapped(to, from, header.elements, width);
    from = to;
  }
  if (header.fortranOrder)
    copyFortran(array.data.data(), from, header.shape, header.elements, width);
  else if (!swap)
    std::memcpy(array.data.data(), from, array.data.size());
  return true;
}

std::string npyFileHeader(NpyType type, const std::vector<int64_t> &shape) {
  char order = rowOf(type).bytes == 1 ? '|' : hostIsBigEndian() ? '>' : '<';
  std::string dict = std::string("{'descr': '") + order + rowOf(type).code +
                     "', 'fortran_order': False, 'shape': " + npyShapeText(shape) + ", }";
  // The elements start at a multiple of 64 bytes, behind a newline.
  size_t total = (10 + dict.size() + 1 + 63) / 64 * 64;
  dict.resize(total - 10 - 1, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

} // namespace qcc::support
