// What messages look like: descriptors, and JSON to bytes and back by them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"

namespace mishap::protocols::grpc {

/// "/pkg.Service/Method" in its two parts.
struct MethodPath {
  std::string service;
  std::string method;
  std::string text() const { return "/" + service + "/" + method; }
};
/// The slash in front may be missing. Error: it is no such path.
Result<MethodPath> parse_method(std::string_view text);

/// A method that is known by its descriptor; lives as long as its Types.
class Method {
 public:
  virtual ~Method() = default;
  virtual bool client_streams() const = 0;
  virtual bool server_streams() const = 0;
  /// The message that a dict says, in protobuf's JSON mapping. Errors: `unknown field "itm" of
  /// shop.Order; did you mean "item"?`, a value of another type.
  virtual Result<std::string> encode(const Json& message) const = 0;
  /// The same of a message that the method answers with.
  virtual Result<std::string> encode_answer(const Json& message) const = 0;
  /// In the same mapping; fields that have their default value are there.
  virtual Result<Json> decode(std::string_view bytes) const = 0;
};

/// The services and messages of a server. Immutable; any thread.
class Types {
 public:
  virtual ~Types() = default;
  /// From files in protobuf's own encoding (FileDescriptorProto), in any order. Well-known ones may
  /// be missing. Error: they do not fit together.
  static Result<std::shared_ptr<const Types>> from_files(const std::vector<std::string>& files);
  /// From a `.proto` file, whose imports are looked for from its own directory upwards, or a set of
  /// descriptors (protoc --descriptor_set_out). Read once, and then kept for the whole process.
  /// Errors name the place.
  static Result<std::shared_ptr<const Types>> from_contract(const std::string& path);

  virtual bool has_service(const std::string& name) const = 0;
  /// Error: `shop.Orders has no method "Plase"; did you mean "Place"?`, or no such service.
  virtual Result<std::shared_ptr<const Method>> method(const MethodPath& path) const = 0;
};

}  // namespace mishap::protocols::grpc
