#include "types.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"

namespace mishap::protocols::grpc {
namespace {

class GrpcTypes : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_.path() / name).parent_path());
    std::ofstream(directory_.path() / name, std::ios::binary) << text;
    return (directory_.path() / name).string();
  }
  std::shared_ptr<const Method> place() {
    write("shop/item.proto",
          "syntax = 'proto3'; package shop; message Item { string sku_code = 1; int32 qty = 2; }");
    auto types = Types::from_contract(write(
        "shop/orders.proto",
        "syntax = 'proto3'; package shop; import 'shop/item.proto';"
        "import 'google/protobuf/timestamp.proto';"
        "message Order { repeated Item items = 1; map<string, Item> named = 2; int64 total = 3;"
        " google.protobuf.Timestamp at = 4; Item main = 5; }"
        "service Orders { rpc Place(Order) returns (Order); rpc Watch(stream Order) returns "
        "(Item); }"));
    if (!types) ADD_FAILURE() << types.error().message;
    types_ = *types;
    return *types_->method({"shop.Orders", "Place"});
  }

  TemporaryDirectory directory_;
  std::shared_ptr<const Types> types_;
};

std::string problem(const std::shared_ptr<const Method>& method, const char* json) {
  auto encoded = method->encode(*parse_json(json));
  return encoded ? "" : encoded.error().message;
}

TEST_F(GrpcTypes, EncodesAndDecodesByAProtoFile) {
  auto method = place();
  EXPECT_FALSE(method->client_streams() || method->server_streams());
  auto bytes = method->encode(*parse_json(
      R"({"items": [{"sku_code": "a", "qty": 2}], "at": "2026-01-02T03:04:05Z", "total": 9007199254740993})"));
  ASSERT_TRUE(bytes) << bytes.error().message;
  auto json = method->decode(*bytes);
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(
      to_text(*json),
      R"({"items":[{"skuCode":"a","qty":2}],"named":{},"total":"9007199254740993","at":"2026-01-02T03:04:05Z"})");
}

TEST_F(GrpcTypes, NamesTheFieldThatIsMeant) {
  auto method = place();
  EXPECT_EQ(problem(method, R"({"itms": []})"),
            "unknown field \"itms\" of shop.Order; did you mean \"items\"?");
  EXPECT_EQ(problem(method, R"({"items": [{"sku": 1}]})"),
            "unknown field \"sku\" of shop.Item; known are sku_code, qty");
  EXPECT_EQ(problem(method, R"({"named": {"x": {"qtty": 1}}})"),
            "unknown field \"qtty\" of shop.Item; did you mean \"qty\"?");
  EXPECT_EQ(problem(method, R"({"main": {"skuCode": "by its name in JSON"}})"), "");
  EXPECT_EQ(problem(method, R"({"main": {"qty": "many"}})"),
            "shop.Order: (main.qty): invalid value \"many\" for type TYPE_INT32");
  EXPECT_EQ(problem(method, R"([1])"), "a shop.Order is a dict, not [1]");
}

TEST_F(GrpcTypes, NamesTheMethodThatIsMeant) {
  place();
  EXPECT_EQ(types_->method({"shop.Orders", "Plase"}).error().message,
            "shop.Orders has no method \"Plase\"; did you mean \"Place\"?");
  EXPECT_EQ(types_->method({"shop.Order", "Place"}).error().message,
            "unknown service shop.Order; did you mean \"shop.Orders\"?");
  EXPECT_TRUE((*types_->method({"shop.Orders", "Watch"}))->client_streams());
}

TEST_F(GrpcTypes, SaysWhatIsWrongWithAContract) {
  const std::string missing = (directory_.path() / "none.proto").string();
  EXPECT_EQ(Types::from_contract(missing).error().message, missing + ": no such file");
  EXPECT_EQ(
      Types::from_contract(write("bad.proto", "syntax = 'proto3';\nmesage X {}\n")).error().message,
      "bad.proto:2:1: Expected top-level statement (e.g. \"message\").");
  const std::string text = write("text.pb", "no descriptors");
  EXPECT_EQ(Types::from_contract(text).error().message,
            text +
                " holds no descriptors: give a .proto file, or what `protoc --include_imports "
                "--descriptor_set_out=FILE` writes");
  EXPECT_EQ(
      Types::from_contract(write("imports.proto", "syntax = 'proto3'; import 'nowhere.proto';"))
          .error()
          .message,
      "nowhere.proto: File not found.");
}

TEST(GrpcMethodPath, HasTwoParts) {
  EXPECT_EQ(parse_method("/a.B/C")->text(), "/a.B/C");
  EXPECT_EQ(parse_method("a.B/C")->text(), "/a.B/C");
  for (const char* bad : {"", "/", "a", "/a/", "//b", "/a/b/c", "/a b/c"}) {
    EXPECT_EQ(
        parse_method(bad).error().message,
        std::string("method \"") + bad + "\" is no gRPC method: write \"/package.Service/Method\"");
  }
}

}  // namespace
}  // namespace mishap::protocols::grpc
