//===- Arrays.cpp - Arrays of .npy and .npz files, piece by piece ---------===//

#include "compiler/calibrate/Arrays.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace qcc::calibrate;
using namespace qcc::support;
using qcc::reference::DType;
using qcc::reference::Tensor;

namespace {

/// A longer .npy header than this is no array's.
constexpr size_t longestHeader = 1 << 20;

/// The type of equal values in memory.
DType sameType(NpyType type) {
  switch (type) {
  case NpyType::Bool:
    return DType::Bool;
  case NpyType::I8:
    return DType::I8;
  case NpyType::U8:
    return DType::U8;
  case NpyType::I16:
    return DType::I16;
  case NpyType::U16:
    return DType::U16;
  case NpyType::I32:
    return DType::I32;
  case NpyType::U32:
    return DType::U32;
  case NpyType::I64:
    return DType::I64;
  case NpyType::U64:
    return DType::U64;
  case NpyType::F16:
    return DType::F16;
  case NpyType::F32:
    return DType::F32;
  case NpyType::F64:
    return DType::F64;
  }
  return DType::F32;
}

/// Types that NumPy lacks travel as their bits.
bool isBits(NpyType from, DType to) {
  switch (to) {
  case DType::BF16:
    return from == NpyType::U16;
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
  case DType::F4E2M1:
  case DType::U4:
    return from == NpyType::U8;
  case DType::I4:
    return from == NpyType::I8;
  default:
    return false;
  }
}

bool isInteger(DType type) { return !isFloat(type) && type != DType::Bool; }

void swapBytes(uint8_t *bytes, size_t count, size_t width) {
  for (size_t i = 0; i < count; ++i)
    std::reverse(bytes + i * width, bytes + (i + 1) * width);
}

bool isBigEndian() {
  uint16_t one = 1;
  return *reinterpret_cast<uint8_t *>(&one) == 0;
}

/// Element by element; fails on an integer that `to` cannot hold.
bool convert(const Tensor &from, Tensor &to, std::string &error) {
  for (int64_t i = 0, size = to.size(); i < size; ++i) {
    if (isFloat(from.type)) {
      to.setDouble(i, from.getDouble(i));
      continue;
    }
    int64_t value = from.getInt(i);
    to.setInt(i, value);
    bool signChange = value < 0 && isUnsigned(from.type) != isUnsigned(to.type);
    if (to.getInt(i) == value && !signChange)
      continue;
    error = "value " + std::to_string(value) + " does not fit the input's type " + name(to.type);
    return false;
  }
  return true;
}

} // namespace

bool qcc::calibrate::canConvert(NpyType from, DType to) {
  DType same = sameType(from);
  return same == to || isBits(from, to) || (isFloat(same) && isFloat(to)) ||
         (isInteger(same) && isInteger(to));
}

bool ArrayReader::open(std::shared_ptr<ByteSource> bytes, std::string &error) {
  source = std::move(bytes);
  // Magic, version, and the length of what follows: 2 bytes, from version 2 on 4.
  uint8_t start[12] = {};
  size_t have = static_cast<size_t>(std::min<uint64_t>(sizeof(start), source->size()));
  if (!source->read(0, start, have, error))
    return false;
  size_t length = start[6] < 2 ? 10 + start[8] + (start[9] << 8)
                               : 12 + start[8] + (start[9] << 8) + (start[10] << 16) +
                                     (static_cast<size_t>(start[11]) << 24);
  std::vector<uint8_t> head(static_cast<size_t>(std::min<uint64_t>(length, source->size())));
  if (head.size() > longestHeader) {
    error = "has a header of " + std::to_string(head.size()) + " bytes";
    return false;
  }
  // What lies behind the header is not looked at, only its size.
  return source->read(0, head.data(), head.size(), error) &&
         readNpyHeader(head.data(), static_cast<size_t>(source->size()), header, error);
}

bool ArrayReader::read(size_t first, Tensor &to, std::string &error) {
  size_t width = npyTypeBytes(header.type), count = static_cast<size_t>(to.size());
  const uint8_t *bytes;
  if (header.fortranOrder && header.shape.size() > 1) {
    if (whole.data.empty()) {
      buffer.resize(static_cast<size_t>(source->size()));
      if (!source->read(0, buffer.data(), buffer.size(), error) ||
          !readNpy(buffer.data(), buffer.size(), whole, error))
        return false;
      buffer = {};
    }
    bytes = whole.data.data() + first * width;
  } else {
    buffer.resize(count * width);
    if (!source->read(header.dataOffset + first * width, buffer.data(), buffer.size(), error))
      return false;
    if (header.bigEndian != isBigEndian())
      swapBytes(buffer.data(), count, width);
    bytes = buffer.data();
  }
  if (sameType(header.type) == to.type || isBits(header.type, to.type)) {
    if (count)
      std::memcpy(to.bytes.data(), bytes, count * width);
    return true;
  }
  Tensor from(sameType(header.type), to.shape);
  if (count)
    std::memcpy(from.bytes.data(), bytes, count * width);
  return convert(from, to, error);
}

void ArrayReader::release() {
  buffer = {};
  whole = {};
  source->release();
}

namespace {
using Wanted = std::function<bool(const std::string &)>;

bool openNpz(const std::string &path, std::shared_ptr<ByteSource> file, const Wanted &wanted,
             std::vector<NamedArray> &arrays, std::vector<std::string> &present, std::string &error) {
  std::set<std::string> seen;
  ZipFile zip;
  if (!zip.open(std::move(file), error)) {
    error = path + ": " + error;
    return false;
  }
  for (const ZipFile::Member &member : zip.members()) {
    std::string name = member.name;
    if (name.size() < 4 || name.compare(name.size() - 4, 4, ".npy") != 0)
      continue;
    name.resize(name.size() - 4);
    if (!seen.insert(name).second) {
      error = path + ": holds the array '" + name + "' twice";
      return false;
    }
    present.push_back(name);
    if (!wanted(name))
      continue;
    arrays.push_back({name, {}});
    std::shared_ptr<ByteSource> bytes = zip.open(member, error);
    if (bytes && arrays.back().reader.open(std::move(bytes), error)) {
      arrays.back().reader.release(); // there may be thousands
      continue;
    }
    error = path + ": array '" + name + "': " + error;
    return false;
  }
  return true;
}

} // namespace

bool qcc::calibrate::openArrays(const std::string &path, const Wanted &wanted,
                                std::vector<NamedArray> &arrays, std::vector<std::string> &present,
                                std::string &error) {
  std::shared_ptr<ByteSource> file = openFile(path, error);
  if (!file)
    return false;
  char magic[2] = {};
  if (file->size() >= 2 && !file->read(0, magic, 2, error)) {
    error = path + ": " + error;
    return false;
  }
  if (magic[0] == 'P' && magic[1] == 'K')
    return openNpz(path, std::move(file), wanted, arrays, present, error);
  arrays.push_back({});
  if (arrays.back().reader.open(std::move(file), error))
    return true;
  error = path + ": " + error;
  return false;
}
