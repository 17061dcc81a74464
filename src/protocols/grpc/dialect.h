// gRPC's meaning in HTTP/2's frames.
#pragma once

#include "mishap/protocols/h2core/dialect.h"

namespace mishap::protocols::grpc {

class GrpcDialect final : public h2core::Dialect {
 public:
  bool matches(const fault::ProtocolRule& rule, const h2core::Request& request) const override;
  event::Fields describe(const h2core::Request& request) const override;
  void describe_answer(const fault::ProtocolRule& rule, event::Fields& fields) const override;
  h2core::Answer answer(const fault::ProtocolRule& rule,
                        const h2core::Request& request) const override;
  h2core::HeaderFields end_of_answer(const fault::ProtocolRule& rule) const override;
  h2core::Drop drop(const fault::ProtocolRule& rule) const override;
};

const GrpcDialect& dialect();

/// The status that an error answers with: its `status=` or `code=`, else INTERNAL. Error: it names
/// none, or OK; there are both.
Result<int> error_status(const fault::ProtocolRule& rule);

}  // namespace mishap::protocols::grpc
