// Bytes of the protocol, version 3 (PostgreSQL documentation, "Frontend/Backend Protocol", sections
// "Message Formats" and "Error and Notice Message Fields"). Integers are big-endian; a message's
// length counts itself and not its type byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mishap::protocols::postgres {

inline constexpr uint32_t kCancelRequest = 80877102;
inline constexpr uint32_t kSslRequest = 80877103;
inline constexpr uint32_t kGssEncRequest = 80877104;
inline constexpr uint32_t kProtocolMajor = 3;
/// The server's own limits: MAX_STARTUP_PACKET_LENGTH and PQ_LARGE_MESSAGE_LIMIT (1 GiB less one).
inline constexpr uint32_t kMaxStartupLength = 10000;
inline constexpr uint32_t kMaxMessageLength = 0x3fffffff;
inline constexpr size_t kHeaderSize = 5;

/// The 32-bit integer at the front; the caller has checked that four bytes are there.
uint32_t read_u32(std::string_view bytes);
/// Takes a NUL-terminated string off the front; nothing when there is no NUL.
std::optional<std::string_view> take_string(std::string_view& rest);

/// A whole message: type, length, payload.
std::string make_message(char type, std::string_view payload);
std::string make_query(std::string_view sql);
/// Execute without a row limit.
std::string make_execute(std::string_view portal);
std::string make_flush();
/// ErrorResponse with the fields S, V, C and M.
std::string make_error(std::string_view severity, std::string_view sqlstate,
                       std::string_view message);

}  // namespace mishap::protocols::postgres
