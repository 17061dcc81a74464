#include "apis.h"

#include <algorithm>
#include <array>

#include "mishap/base/text.h"

#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

// Of every api that a public version of Kafka has, in the order of their numbers.
constexpr std::array<std::string_view, kApiCount> kNames = {
    "produce",
    "fetch",
    "list_offsets",
    "metadata",
    "leader_and_isr",
    "stop_replica",
    "update_metadata",
    "controlled_shutdown",
    "offset_commit",
    "offset_fetch",
    "find_coordinator",
    "join_group",
    "heartbeat",
    "leave_group",
    "sync_group",
    "describe_groups",
    "list_groups",
    "sasl_handshake",
    "api_versions",
    "create_topics",
    "delete_topics",
    "delete_records",
    "init_producer_id",
    "offset_for_leader_epoch",
    "add_partitions_to_txn",
    "add_offsets_to_txn",
    "end_txn",
    "write_txn_markers",
    "txn_offset_commit",
    "describe_acls",
    "create_acls",
    "delete_acls",
    "describe_configs",
    "alter_configs",
    "alter_replica_log_dirs",
    "describe_log_dirs",
    "sasl_authenticate",
    "create_partitions",
    "create_delegation_token",
    "renew_delegation_token",
    "expire_delegation_token",
    "describe_delegation_token",
    "delete_groups",
    "elect_leaders",
    "incremental_alter_configs",
    "alter_partition_reassignments",
    "list_partition_reassignments",
    "offset_delete",
    "describe_client_quotas",
    "alter_client_quotas",
    "describe_user_scram_credentials",
    "alter_user_scram_credentials",
    "vote",
    "begin_quorum_epoch",
    "end_quorum_epoch",
    "describe_quorum",
    "alter_partition",
    "update_features",
    "envelope",
    "fetch_snapshot",
    "describe_cluster",
    "describe_producers",
    "broker_registration",
    "broker_heartbeat",
    "unregister_broker",
    "describe_transactions",
    "list_transactions",
    "allocate_producer_ids",
    "consumer_group_heartbeat",
    "consumer_group_describe",
    "controller_registration",
    "get_telemetry_subscriptions",
    "push_telemetry",
    "assign_replicas_to_dirs",
    "list_config_resources",
    "describe_topic_partitions",
    "share_group_heartbeat",
    "share_group_describe",
    "share_fetch",
    "share_acknowledge",
    "add_raft_voter",
    "remove_raft_voter",
    "update_raft_voter",
    "initialize_share_group_state",
    "read_share_group_state",
    "write_share_group_state",
    "delete_share_group_state",
    "read_share_group_state_summary",
    "streams_group_heartbeat",
    "streams_group_describe",
    "describe_share_group_offsets",
    "alter_share_group_offsets",
    "delete_share_group_offsets",
};

constexpr size_t kCorrelationBytes = 4;

}  // namespace

std::string api_name(int16_t key) {
  if (key >= 0 && static_cast<size_t>(key) < kNames.size()) return std::string(kNames[key]);
  return "api_" + std::to_string(key);
}

std::string plain_api_name(std::string_view name) {
  std::string out = to_lower(name);
  std::erase_if(out, [](char c) { return c == '_' || c == '-' || c == ' '; });
  return out;
}

std::optional<int16_t> api_of_name(std::string_view name) {
  std::string plain = plain_api_name(name);
  auto found = std::find_if(kNames.begin(), kNames.end(),
                            [&](std::string_view known) { return plain_api_name(known) == plain; });
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int16_t>(found - kNames.begin());
}

RequestHeader read_request_header(std::string_view bytes) {
  WireReader in(bytes);
  RequestHeader header;
  header.api = static_cast<int16_t>(in.number(2));
  header.version = static_cast<int16_t>(in.number(2));
  header.correlation = static_cast<int32_t>(in.number(4));
  // The client's name has its length in two bytes in every version of the header.
  int64_t length = in.length(2, false);
  if (length > 0) in.bytes(static_cast<size_t>(length));
  const Api* api = find_api(header.api);
  if (api != nullptr && api->flexible(header.version)) in.tags();
  if (!in.failed()) header.size = bytes.size() - in.rest().size();
  return header;
}

std::optional<size_t> answer_header_size(const Api& api, int16_t version, std::string_view bytes) {
  if (!api.flexible(version) || api.key == kApiVersions) return kCorrelationBytes;
  WireReader in(bytes);
  in.number(kCorrelationBytes);
  in.tags();
  if (in.failed()) return std::nullopt;
  return bytes.size() - in.rest().size();
}

std::string make_frame(std::string_view header, std::string_view body) {
  WireWriter out;
  out.number(static_cast<int64_t>(header.size() + body.size()), 4);
  out.bytes(header);
  out.bytes(body);
  return out.take();
}

std::string make_request(const Api& api, int16_t version, int32_t correlation,
                         std::string_view client_id, const Value& body) {
  WireWriter header;
  header.number(api.key, 2);
  header.number(version, 2);
  header.number(correlation, kCorrelationBytes);
  header.length(static_cast<int64_t>(client_id.size()), 2, false);
  header.bytes(client_id);
  if (api.flexible(version)) header.unsigned_varint(0);
  return make_frame(header.take(),
                    write_message(api.request, version, api.flexible(version), body));
}

std::string make_answer(const Api& api, int16_t version, int32_t correlation, const Value& body) {
  WireWriter header;
  header.number(correlation, kCorrelationBytes);
  bool flexible = api.flexible(version);
  if (flexible && api.key != kApiVersions) header.unsigned_varint(0);
  return make_frame(header.take(), write_message(api.answer, version, flexible, body));
}

}  // namespace mishap::protocols::kafka
