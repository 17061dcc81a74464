// The apis of Kafka's protocol: their names, and of those that rules can answer their schemas.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "message.h"

namespace mishap::protocols::kafka {

enum ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kCreateTopics = 19,
  kInitProducerId = 22,
  kAddPartitionsToTxn = 24,
  kEndTxn = 26,
  kDescribeCluster = 60,
};

/// Numbers of apis go from 0 to below this.
inline constexpr int16_t kApiCount = 93;

/// An api whose bodies are understood, from version 0 to `last_version`.
struct Api {
  ApiKey key;
  int16_t last_version;
  int16_t flexible_from;
  Schema request;
  Schema answer;

  bool knows(int16_t version) const { return version >= 0 && version <= last_version; }
  bool flexible(int16_t version) const { return version >= flexible_from; }
};

/// Null when bodies of this api are not understood.
const Api* find_api(int16_t key);
/// "produce", "join_group"; "api_99" for a number without a name.
std::string api_name(int16_t key);
/// The number of the api of this name, in any of the forms "JoinGroup", "join_group", "join-group".
std::optional<int16_t> api_of_name(std::string_view name);
/// The form in which names of apis are compared: lower case, letters and digits, globs kept.
std::string plain_api_name(std::string_view name);

/// A request's header (version 0, 1 or 2) in front of its body.
struct RequestHeader {
  int16_t api = 0;
  int16_t version = 0;
  int32_t correlation = 0;
  size_t size = 0;  ///< bytes of the header
};
/// The bytes that `api`, `version` and `correlation` are in, without the frame's size.
inline constexpr size_t kFixedHeaderBytes = 8;
/// `bytes` begins after the frame's size. `size` is 0 when the rest of the header is not there or
/// makes no sense.
RequestHeader read_request_header(std::string_view bytes);

/// Bytes of the header of an answer: the correlation, and in flexible versions tagged fields
/// (ApiVersions excepted, whose answer must be readable before versions are agreed on: KIP-511).
/// Nothing when the bytes do not fit.
std::optional<size_t> answer_header_size(const Api& api, int16_t version, std::string_view bytes);

/// A whole frame, size included.
std::string make_request(const Api& api, int16_t version, int32_t correlation,
                         std::string_view client_id, const Value& body);
std::string make_answer(const Api& api, int16_t version, int32_t correlation, const Value& body);
/// A frame of `header` (as it was) and a body.
std::string make_frame(std::string_view header, std::string_view body);

}  // namespace mishap::protocols::kafka
