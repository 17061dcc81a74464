// Message bodies by schema: one walker that reads and one that writes, for every api and version.
//
// A schema lists a structure's fields in their order on the wire, each with the versions that have
// it, as Kafka's own message definitions do (apache/kafka,
// clients/src/main/resources/common/message). Requests and answers use the same names for the same
// things ("topics", "name", "partitions", "index", "error_code", …), whatever the definitions call
// them, because an answer of ours is made by mirroring the request: a field of the answer that the
// request has too is copied, a list has an element for each of the request's (`mirror`).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::protocols::kafka {

inline constexpr int16_t kNoVersion = std::numeric_limits<int16_t>::max();

struct Versions {
  int16_t first = 0;
  int16_t last = kNoVersion;
  bool contain(int16_t version) const { return version >= first && version <= last; }
};
constexpr Versions since(int16_t first) { return {first, kNoVersion}; }
constexpr Versions between(int16_t first, int16_t last) { return {first, last}; }
constexpr Versions until(int16_t last) { return {0, last}; }

enum class Type {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uuid,
  string,
  bytes,  ///< records are bytes, too
  structure,
  list,     ///< of structures
  scalars,  ///< a list of plain values, which reads as one of structures with a single field
};

/// A field of a structure. Tagged fields are no fields of a schema: they are kept as they are.
struct Field {
  std::string_view name;
  Type type;
  Versions versions;
  std::span<const Field> fields;  ///< of structures and lists
  int64_t absent = 0;             ///< what an answer of ours says where it knows nothing
  bool absent_null = false;       ///< the same of text and lists: null instead of empty
};
using Schema = std::span<const Field>;

/// A value that was read, or is to be written. Text borrows: from the bytes that were read, or from
/// what the writer gave.
struct Value {
  int64_t number = 0;
  std::string_view text;
  bool null = false;
  std::vector<Value> items;  ///< a structure's fields in the schema's order, or a list's elements
  std::string_view tags;     ///< a structure's tagged fields, their count included; "": none
};

/// Reads a structure; nothing when the bytes do not fit. `taken` gets how many bytes it had.
std::optional<Value> read_message(Schema schema, int16_t version, bool flexible,
                                  std::string_view bytes, size_t* taken = nullptr);
std::string write_message(Schema schema, int16_t version, bool flexible, const Value& value);

/// A structure with every field as an answer of ours has it when nothing is known.
Value absent_structure(Schema schema);

/// The field's place in a structure; nothing when the schema has none of the name in any version.
std::optional<size_t> place_of(Schema schema, std::string_view name);
/// A structure's field by name: null when the schema has none.
const Value* find(Schema schema, const Value& structure, std::string_view name);
Value* find(Schema schema, Value& structure, std::string_view name);
/// The schema of a list's elements, empty when there is no such list.
Schema elements_of(Schema schema, std::string_view name);

/// Makes the answer to `request`: names, numbers of partitions and the like are the request's, the
/// field "error_code" is `code` and "error_message" `message` at every depth, the rest is absent.
Value mirror(Schema answer, Schema request, const Value& asked, int16_t code,
             std::string_view message);

}  // namespace mishap::protocols::kafka
