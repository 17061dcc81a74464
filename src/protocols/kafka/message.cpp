#include "message.h"

#include <algorithm>
#include <utility>

#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

constexpr size_t kUuidBytes = 16;
constexpr std::string_view kZeroUuid{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kUuidBytes};

size_t number_size(Type type) {
  switch (type) {
    case Type::boolean:
    case Type::int8:
      return 1;
    case Type::int16:
      return 2;
    case Type::int32:
      return 4;
    case Type::int64:
      return 8;
    default:
      return 0;
  }
}

bool is_list(Type type) { return type == Type::list || type == Type::scalars; }
size_t length_size(Type type) { return type == Type::string ? 2 : 4; }

class Walker {
 public:
  Walker(int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

  Value read(Schema schema, WireReader& in, bool tagged) const {
    Value out;
    out.items.resize(schema.size());
    for (size_t i = 0; i < schema.size(); ++i) {
      if (schema[i].versions.contain(version_)) out.items[i] = read_field(schema[i], in);
    }
    if (tagged && flexible_) out.tags = in.tags();
    return out;
  }

  void write(Schema schema, const Value& value, WireWriter& out, bool tagged) const {
    for (size_t i = 0; i < schema.size(); ++i) {
      if (schema[i].versions.contain(version_)) write_field(schema[i], value.items[i], out);
    }
    if (!tagged || !flexible_) return;
    if (value.tags.empty()) {
      out.unsigned_varint(0);
    } else {
      out.bytes(value.tags);
    }
  }

 private:
  Value read_field(const Field& field, WireReader& in) const {
    Value out;
    if (size_t size = number_size(field.type); size > 0) {
      out.number = in.number(size);
    } else if (field.type == Type::uuid) {
      out.text = in.bytes(kUuidBytes);
    } else if (field.type == Type::structure) {
      // A nullable structure has a byte in front; none of those that are described here is one.
      out = read(field.fields, in, true);
    } else {
      int64_t length = in.length(length_size(field.type), flexible_);
      out.null = length < 0;
      if (!is_list(field.type)) {
        if (length > 0) out.text = in.bytes(static_cast<size_t>(length));
        return out;
      }
      // Every element has a byte at least: a count beyond the bytes that are left is wrong.
      if (length > static_cast<int64_t>(in.rest().size())) in.fail();
      for (int64_t i = 0; i < length && !in.failed(); ++i)
        out.items.push_back(read(field.fields, in, field.type == Type::list));
    }
    return out;
  }

  void write_field(const Field& field, const Value& value, WireWriter& out) const {
    if (size_t size = number_size(field.type); size > 0) {
      out.number(value.number, size);
    } else if (field.type == Type::uuid) {
      out.bytes(value.text.size() == kUuidBytes ? value.text : kZeroUuid);
    } else if (field.type == Type::structure) {
      write(field.fields, value, out, true);
    } else {
      bool list = is_list(field.type);
      size_t length = list ? value.items.size() : value.text.size();
      out.length(value.null ? -1 : static_cast<int64_t>(length), length_size(field.type),
                 flexible_);
      if (!list) return out.bytes(value.text);
      for (const Value& item : value.items)
        write(field.fields, item, out, field.type == Type::list);
    }
  }

  int16_t version_;
  bool flexible_;
};

Value absent_field(const Field& field) {
  Value out;
  if (field.type == Type::structure) return absent_structure(field.fields);
  out.number = field.absent;
  out.null = field.absent_null;
  return out;
}

}  // namespace

std::optional<Value> read_message(Schema schema, int16_t version, bool flexible,
                                  std::string_view bytes, size_t* taken) {
  WireReader in(bytes);
  Value value = Walker(version, flexible).read(schema, in, true);
  if (in.failed()) return std::nullopt;
  if (taken) *taken = bytes.size() - in.rest().size();
  return value;
}

std::string write_message(Schema schema, int16_t version, bool flexible, const Value& value) {
  WireWriter out;
  Walker(version, flexible).write(schema, value, out, true);
  return out.take();
}

Value absent_structure(Schema schema) {
  Value out;
  for (const Field& field : schema) out.items.push_back(absent_field(field));
  return out;
}

std::optional<size_t> place_of(Schema schema, std::string_view name) {
  auto found = std::find_if(schema.begin(), schema.end(),
                            [&](const Field& field) { return field.name == name; });
  if (found == schema.end()) return std::nullopt;
  return static_cast<size_t>(found - schema.begin());
}

const Value* find(Schema schema, const Value& structure, std::string_view name) {
  auto place = place_of(schema, name);
  return place && *place < structure.items.size() ? &structure.items[*place] : nullptr;
}

Value* find(Schema schema, Value& structure, std::string_view name) {
  return const_cast<Value*>(find(schema, std::as_const(structure), name));
}

Schema elements_of(Schema schema, std::string_view name) {
  auto place = place_of(schema, name);
  return place ? schema[*place].fields : Schema();
}

Value mirror(Schema answer, Schema request, const Value& asked, int16_t code,
             std::string_view message) {
  Value out;
  for (const Field& field : answer) {
    Value made = absent_field(field);
    const Value* same = find(request, asked, field.name);
    if (field.name == "error_code") {
      made.number = code;
    } else if (field.name == "error_message") {
      made.text = message;
      made.null = message.empty();
    } else if (same && is_list(field.type)) {
      made.null = false;
      for (const Value& item : same->items) {
        made.items.push_back(
            mirror(field.fields, elements_of(request, field.name), item, code, message));
      }
    } else if (same) {
      made = *same;
    }
    out.items.push_back(std::move(made));
  }
  return out;
}

}  // namespace mishap::protocols::kafka
