#include "rpc.h"

#include <cstdlib>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "service.h"

namespace {

/// The system's own resolver, which is content with /etc/hosts; gRPC's asks a name server, too.
/// Before anything else of gRPC.
void use_system_resolver() {
  static const int once = setenv("GRPC_DNS_RESOLVER", "native", 0);
  static_cast<void>(once);
}

}  // namespace

std::shared_ptr<grpc::Channel> fresh_channel(const std::string& address) {
  use_system_resolver();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

bool serve(grpc::Service& service, uint16_t port) {
  use_system_resolver();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  // Nobody else may have the port; gRPC would share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort("0.0.0.0:" + std::to_string(port_to_serve(port)),
                           grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server) return false;
  server->Wait();
  return true;
}

std::string code_name(grpc::StatusCode code) {
  switch (code) {
    case grpc::OK:
      return "OK";
    case grpc::INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case grpc::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::NOT_FOUND:
      return "NOT_FOUND";
    case grpc::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::UNAVAILABLE:
      return "UNAVAILABLE";
    default:
      return "code " + std::to_string(code);
  }
}
