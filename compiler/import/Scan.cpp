//===- Scan.cpp - What a message would cost, before it is parsed ----------===//
//
// Two bytes of a file can become two hundred in memory: a list of empty messages
// must not eat the machine.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/Proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

using namespace google::protobuf;
using internal::WireFormatLite;
using io::CodedInputStream;

namespace {

constexpr int64_t bytesPerString = 40; ///< the object and a pointer to it
constexpr int64_t bytesPerUnknown = 32;

/// Upper bound of a message object: every field is at most three words.
int64_t objectSize(const Descriptor *type) { return 32 + 24 * type->field_count(); }

class Scanner {
public:
  explicit Scanner(CodedInputStream &stream) : stream(stream) {}

  int64_t total = 0;

  bool scan(const Descriptor *type, int depth) {
    total += objectSize(type);
    while (uint32_t tag = stream.ReadTag())
      if (!scanField(type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag)), tag, depth))
        return false;
    return stream.ConsumedEntireMessage();
  }

private:
  bool scanField(const FieldDescriptor *field, uint32_t tag, int depth) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      total += field ? 16 : bytesPerUnknown;
      return WireFormatLite::SkipField(&stream, tag);
    }
    int length = 0;
    if (!stream.ReadVarintSizeAsInt(&length))
      return false;
    if (field && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (depth == 0)
        return false;
      auto limit = stream.PushLimit(length);
      bool fine = scan(field->message_type(), depth - 1);
      stream.PopLimit(limit);
      return fine;
    }
    // Lists of numbers grow up to eightfold, but real weights come that way, too.
    total += bytesPerString + length;
    return stream.Skip(length);
  }

  CodedInputStream &stream;
};

} // namespace

int64_t qcc::import::parsedSize(const std::string &bytes, int depth) {
  CodedInputStream stream(reinterpret_cast<const uint8_t *>(bytes.data()), static_cast<int>(bytes.size()));
  Scanner scanner(stream);
  return scanner.scan(onnx::ModelProto::descriptor(), depth) ? scanner.total : -1;
}
