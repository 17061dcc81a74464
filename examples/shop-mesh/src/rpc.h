// What the shop's services have in common on the wire.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

/// How long a service waits for one it calls itself, and how long the gateway waits for all of
/// them.
inline constexpr std::chrono::seconds kPatience{3};
inline constexpr std::chrono::seconds kPatienceOfGateway{4};

/// A channel that shares nothing with others: its connection is dialled by the call that needs it,
/// and no failure of an earlier call makes it wait.
std::shared_ptr<grpc::Channel> fresh_channel(const std::string& address);

/// Serves until the process ends, on $PORT or `port`; with reflection and the standard health
/// service. False when the port cannot be had.
bool serve(grpc::Service& service, uint16_t port);

/// "UNAVAILABLE", for logs.
std::string code_name(grpc::StatusCode code);

/// Calls `method` of a service at `address` with a fresh channel and a deadline.
template <class Service, class Request, class Reply>
grpc::Status call(const std::string& address,
                  grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Reply*),
                  const Request& request, Reply* reply, std::chrono::seconds patience = kPatience) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + patience);
  auto stub = Service::NewStub(fresh_channel(address));
  return (stub.get()->*method)(&context, request, reply);
}
