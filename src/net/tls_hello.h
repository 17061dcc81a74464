// The two extensions of a ClientHello that a relay passes on (RFC 6066, 3; RFC 7301, 3.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::net {

/// The host name in a server_name extension's data; "" when there is none or it is malformed.
std::string read_server_name(std::string_view extension);
/// The names in an application_layer_protocol_negotiation extension's data; empty when malformed.
std::vector<std::string> read_alpn(std::string_view extension);
/// The names as OpenSSL wants them: each after its length. Names that are empty or over 255 bytes
/// are left out.
std::string alpn_wire(const std::vector<std::string>& names);

}  // namespace mishap::net
