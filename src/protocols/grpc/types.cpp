// The one file that knows protobuf's descriptors.
#include "types.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include "mishap/base/text.h"

namespace mishap::protocols::grpc {
namespace {

namespace pb = google::protobuf;
namespace fs = std::filesystem;

/// Protobuf reports problems by calling back; its log would go to the terminal.
class Problems final : public pb::DescriptorPool::ErrorCollector,
                       public pb::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& message) override {
    note(fmt::format("{}: {}: {}", file, element, message));
  }
  void AddWarning(const std::string&, const std::string&, const pb::Message*, ErrorLocation,
                  const std::string&) override {}
  void AddError(const std::string& file, int line, int column,
                const std::string& message) override {
    // Lines and columns begin with 0; -1 is the whole file.
    note(line < 0 ? fmt::format("{}: {}", file, message)
                  : fmt::format("{}:{}:{}: {}", file, line + 1, column + 1, message));
  }
  void AddWarning(const std::string&, int, int, const std::string&) override {}
  const std::string& first() const { return first_; }

 private:
  void note(std::string text) {
    if (first_.empty()) first_ = std::move(text);
  }
  std::string first_;
};

bool is_well_known(const pb::Descriptor& type) {
  return type.file()->package() == "google.protobuf";
}

std::vector<std::string> names_of(const pb::Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(type.field_count());
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

const pb::FieldDescriptor* find_field(const pb::Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor* field = type.field(i);
    if (field->name() == name || field->json_name() == name) return field;
  }
  return nullptr;
}

/// Protobuf would say that a field cannot be found, but neither where nor which one is meant.
Result<void> refuse_unknown_fields(const pb::Descriptor& type, const Json& message);

Result<void> refuse_unknown_in(const pb::FieldDescriptor& field, const Json& value) {
  const pb::Descriptor* type = field.message_type();
  if (type == nullptr) return {};
  if (field.is_map()) {
    const pb::Descriptor* item = type->FindFieldByNumber(2)->message_type();
    if (item == nullptr || !value.is_object()) return {};
    for (const auto& [key, one] : value.items()) MISHAP_TRY(refuse_unknown_fields(*item, one));
    return {};
  }
  if (!field.is_repeated()) return refuse_unknown_fields(*type, value);
  if (!value.is_array()) return {};
  for (const Json& one : value) MISHAP_TRY(refuse_unknown_fields(*type, one));
  return {};
}

Result<void> refuse_unknown_fields(const pb::Descriptor& type, const Json& message) {
  if (is_well_known(type) || !message.is_object()) return {};
  for (const auto& [name, value] : message.items()) {
    const pb::FieldDescriptor* field = find_field(type, name);
    if (field == nullptr) {
      return fail(fmt::format("unknown field \"{}\" of {}{}", name, type.full_name(),
                              nearest_or_all(name, names_of(type))));
    }
    MISHAP_TRY(refuse_unknown_in(*field, value));
  }
  return {};
}

/// "INVALID_ARGUMENT:(qty): invalid value "x" for type TYPE_INT32" without the code.
std::string reason_of(const pb::util::Status& status) {
  return std::string(trim({status.message().data(), status.message().size()}));
}

class MethodByDescriptor final : public Method {
 public:
  MethodByDescriptor(const pb::MethodDescriptor& method, pb::DynamicMessageFactory& factory)
      : method_(method), factory_(factory) {}
  bool client_streams() const override { return method_.client_streaming(); }
  bool server_streams() const override { return method_.server_streaming(); }

  Result<std::string> encode(const Json& message) const override {
    return encode_as(*method_.input_type(), message);
  }
  Result<std::string> encode_answer(const Json& message) const override {
    return encode_as(*method_.output_type(), message);
  }

  Result<Json> decode(std::string_view bytes) const override {
    const pb::Descriptor& type = *method_.output_type();
    std::unique_ptr<pb::Message> message(factory_.GetPrototype(&type)->New());
    if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return fail(fmt::format("the answer is no {}", type.full_name()));
    pb::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    std::string text;
    auto status = pb::util::MessageToJsonString(*message, &text, options);
    if (!status.ok()) return fail(fmt::format("{}: {}", type.full_name(), reason_of(status)));
    return parse_json(text);
  }

 private:
  Result<std::string> encode_as(const pb::Descriptor& type, const Json& message) const {
    if (!message.is_object() && !is_well_known(type))
      return fail(fmt::format("a {} is a dict, not {}", type.full_name(), to_text(message)));
    MISHAP_TRY(refuse_unknown_fields(type, message));
    std::unique_ptr<pb::Message> built(factory_.GetPrototype(&type)->New());
    auto status = pb::util::JsonStringToMessage(to_text(message), built.get());
    if (!status.ok()) return fail(fmt::format("{}: {}", type.full_name(), reason_of(status)));
    if (!built->IsInitialized()) {
      return fail(fmt::format("{}: missing required {}", type.full_name(),
                              built->InitializationErrorString()));
    }
    return built->SerializeAsString();
  }

  const pb::MethodDescriptor& method_;
  pb::DynamicMessageFactory& factory_;
};

class TypesInPool final : public Types {
 public:
  /// `keeper` owns what `pool` needs.
  TypesInPool(std::shared_ptr<void> keeper, const pb::DescriptorPool& pool,
              std::vector<std::string> services)
      : keeper_(std::move(keeper)), pool_(pool), services_(std::move(services)), factory_(&pool) {}

  bool has_service(const std::string& name) const override {
    std::lock_guard lock(mutex_);
    return pool_.FindServiceByName(name) != nullptr;
  }

  Result<std::shared_ptr<const Method>> method(const MethodPath& path) const override {
    std::lock_guard lock(mutex_);
    const pb::ServiceDescriptor* service = pool_.FindServiceByName(path.service);
    if (service == nullptr) {
      return fail(fmt::format("unknown service {}{}", path.service,
                              nearest_or_all(path.service, services_)));
    }
    if (const auto* method = service->FindMethodByName(path.method))
      return std::make_shared<const MethodByDescriptor>(*method, factory_);
    std::vector<std::string> known;
    known.reserve(service->method_count());
    for (int i = 0; i < service->method_count(); ++i) known.push_back(service->method(i)->name());
    return fail(fmt::format("{} has no method \"{}\"{}", path.service, path.method,
                            nearest_or_all(path.method, known)));
  }

 private:
  std::shared_ptr<void> keeper_;
  const pb::DescriptorPool& pool_;
  std::vector<std::string> services_;
  mutable std::mutex mutex_;
  mutable pb::DynamicMessageFactory factory_;
};

void add_services(const pb::FileDescriptor& file, std::vector<std::string>& names) {
  for (int i = 0; i < file.service_count(); ++i) names.push_back(file.service(i)->full_name());
}

/// Files by name, put into a pool after those that they import.
class FileSet {
 public:
  void add(pb::FileDescriptorProto file) { files_[file.name()] = std::move(file); }

  Result<std::shared_ptr<const Types>> build() {
    auto pool = std::make_shared<pb::DescriptorPool>();
    std::vector<std::string> services;
    for (const auto& [name, file] : files_) {
      MISHAP_TRY(build_file(name, *pool, 0));
      add_services(*pool->FindFileByName(name), services);
    }
    const pb::DescriptorPool& in = *pool;
    return std::make_shared<const TypesInPool>(pool, in, std::move(services));
  }

 private:
  static constexpr int kDeepest = 200;

  Result<void> build_file(const std::string& name, pb::DescriptorPool& pool, int depth) {
    if (pool.FindFileByName(name) != nullptr) return {};
    if (depth > kDeepest) return fail(name + ": imports itself");
    auto found = files_.find(name);
    if (found == files_.end()) {
      // The library brings the well-known ones.
      const auto* known = pb::DescriptorPool::generated_pool()->FindFileByName(name);
      if (known == nullptr) return fail(fmt::format("{} is imported, but it is not there", name));
      pb::FileDescriptorProto copy;
      known->CopyTo(&copy);
      found = files_.emplace(name, std::move(copy)).first;
    }
    for (const std::string& imported : found->second.dependency())
      MISHAP_TRY(build_file(imported, pool, depth + 1));
    Problems problems;
    if (pool.BuildFileCollectingErrors(found->second, &problems) != nullptr) return {};
    return fail(problems.first());
  }

  std::map<std::string, pb::FileDescriptorProto> files_;
};

Result<std::shared_ptr<const Types>> from_proto(const fs::path& path) {
  struct Source {
    pb::compiler::DiskSourceTree tree;
    Problems problems;
    std::unique_ptr<pb::compiler::Importer> importer;
  };
  auto source = std::make_shared<Source>();
  // Imports are written from some directory above, and nobody says which.
  for (fs::path directory = path.parent_path();; directory = directory.parent_path()) {
    source->tree.MapPath("", directory.string());
    if (directory == directory.root_path()) break;
  }
  source->tree.MapPath("", "/usr/include");  // google/protobuf/… of the distribution
  source->importer = std::make_unique<pb::compiler::Importer>(&source->tree, &source->problems);
  const auto* file = source->importer->Import(path.filename().string());
  if (file == nullptr) return fail(source->problems.first());
  std::vector<std::string> services;
  add_services(*file, services);
  const pb::DescriptorPool& pool = *source->importer->pool();
  return std::make_shared<const TypesInPool>(source, pool, std::move(services));
}

Result<std::shared_ptr<const Types>> from_descriptor_set(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(bytes.str()) || set.file_size() == 0) {
    return fail(
        fmt::format("{} holds no descriptors: give a .proto file, or what "
                    "`protoc --include_imports --descriptor_set_out=FILE` writes",
                    path));
  }
  FileSet files;
  for (const auto& file : set.file()) files.add(file);
  auto types = files.build();
  if (!types) return fail(std::move(types).error().context(path));
  return types;
}

}  // namespace

Result<MethodPath> parse_method(std::string_view text) {
  const std::string whole(text);
  if (text.starts_with('/')) text.remove_prefix(1);
  const size_t slash = text.find('/');
  const bool is_path = slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
                       text.find('/', slash + 1) == std::string_view::npos &&
                       text.find_first_of(" \t\r\n") == std::string_view::npos;
  if (!is_path) {
    return fail(
        fmt::format("method \"{}\" is no gRPC method: write \"/package.Service/Method\"", whole));
  }
  return MethodPath{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

Result<std::shared_ptr<const Types>> Types::from_files(const std::vector<std::string>& files) {
  FileSet set;
  for (const std::string& bytes : files) {
    pb::FileDescriptorProto file;
    if (!file.ParseFromString(bytes)) return fail("a file descriptor cannot be read");
    set.add(std::move(file));
  }
  return set.build();
}

Result<std::shared_ptr<const Types>> Types::from_contract(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Types>> known;
  std::lock_guard lock(mutex);
  if (auto found = known.find(path); found != known.end()) return found->second;
  std::error_code missing;
  if (!fs::is_regular_file(path, missing)) return fail(path + ": no such file");
  auto types = path.ends_with(".proto") ? from_proto(path) : from_descriptor_set(path);
  if (types) known[path] = *types;
  return types;
}

}  // namespace mishap::protocols::grpc
