// The schemas. Facts: apache/kafka, clients/src/main/resources/common/message/*.json of 3.9 and 4.1
// (versions that 4.x no longer serves are from 3.9). Names are ours where a request and its answer
// call the same thing differently, and where they call different things the same.
#include <algorithm>
#include <array>

#include "apis.h"

namespace mishap::protocols::kafka {
namespace {

using enum Type;

constexpr Versions kAll{};
constexpr int64_t kNoOperations = -2147483648;  // "authorized operations" that were not asked for

constexpr Field kIndexOnly[] = {{"index", int32, kAll}};
constexpr Field kIndexAndError[] = {{"index", int32, kAll}, {"error_code", int16, kAll}};
constexpr Field kNodes[] = {{"node_id", int32, kAll}};

// --- Produce

constexpr Field kProducePartition[] = {{"index", int32, kAll}, {"records", bytes, kAll}};
constexpr Field kProduceTopic[] = {{"name", string, until(12)},
                                   {"topic_id", uuid, since(13)},
                                   {"partitions", list, kAll, kProducePartition}};
constexpr Field kProduceRequest[] = {{"transactional_id", string, since(3)},
                                     {"acks", int16, kAll},
                                     {"timeout_ms", int32, kAll},
                                     {"topics", list, kAll, kProduceTopic}};
constexpr Field kRecordError[] = {{"batch_index", int32, kAll}, {"message", string, kAll}};
constexpr Field kProducedPartition[] = {{"index", int32, kAll},
                                        {"error_code", int16, kAll},
                                        {"base_offset", int64, kAll, {}, -1},
                                        {"log_append_time_ms", int64, since(2), {}, -1},
                                        {"start_offset", int64, since(5), {}, -1},
                                        {"record_errors", list, since(8), kRecordError},
                                        {"error_message", string, since(8)}};
constexpr Field kProducedTopic[] = {{"name", string, until(12)},
                                    {"topic_id", uuid, since(13)},
                                    {"partitions", list, kAll, kProducedPartition}};
constexpr Field kProduceAnswer[] = {{"topics", list, kAll, kProducedTopic},
                                    {"throttle_ms", int32, since(1)}};

// --- Fetch

constexpr Field kFetchPartition[] = {{"index", int32, kAll},
                                     {"current_leader_epoch", int32, since(9)},
                                     {"fetch_offset", int64, kAll},
                                     {"last_fetched_epoch", int32, since(12)},
                                     {"log_start_offset", int64, since(5)},
                                     {"partition_max_bytes", int32, kAll}};
constexpr Field kFetchTopic[] = {{"name", string, until(12)},
                                 {"topic_id", uuid, since(13)},
                                 {"partitions", list, kAll, kFetchPartition}};
constexpr Field kForgottenTopic[] = {{"name", string, until(12)},
                                     {"topic_id", uuid, since(13)},
                                     {"partitions", scalars, kAll, kIndexOnly}};
constexpr Field kFetchRequest[] = {{"replica_id", int32, until(14)},
                                   {"max_wait_ms", int32, kAll},
                                   {"min_bytes", int32, kAll},
                                   {"max_bytes", int32, since(3)},
                                   {"isolation_level", int8, since(4)},
                                   {"fetch_session_id", int32, since(7)},
                                   {"fetch_session_epoch", int32, since(7)},
                                   {"topics", list, kAll, kFetchTopic},
                                   {"forgotten_topics", list, since(7), kForgottenTopic},
                                   {"rack_id", string, since(11)}};
constexpr Field kAbortedTransaction[] = {{"producer_id", int64, kAll},
                                         {"first_offset", int64, kAll}};
constexpr Field kFetchedPartition[] = {{"index", int32, kAll},
                                       {"error_code", int16, kAll},
                                       {"high_watermark", int64, kAll, {}, -1},
                                       {"last_stable_offset", int64, since(4), {}, -1},
                                       {"start_offset", int64, since(5), {}, -1},
                                       {"aborted", list, since(4), kAbortedTransaction, 0, true},
                                       {"preferred_replica", int32, since(11), {}, -1},
                                       {"records", bytes, kAll}};
constexpr Field kFetchedTopic[] = {{"name", string, until(12)},
                                   {"topic_id", uuid, since(13)},
                                   {"partitions", list, kAll, kFetchedPartition}};
constexpr Field kFetchAnswer[] = {{"throttle_ms", int32, since(1)},
                                  {"session_error_code", int16, since(7)},
                                  {"session_id", int32, since(7)},
                                  {"topics", list, kAll, kFetchedTopic}};

// --- Metadata, DescribeCluster, CreateTopics

constexpr Field kAskedTopic[] = {{"topic_id", uuid, since(10)}, {"name", string, kAll}};
constexpr Field kMetadataRequest[] = {{"topics", list, kAll, kAskedTopic},
                                      {"allow_auto_creation", boolean, since(4), {}, 1},
                                      {"include_cluster_operations", boolean, between(8, 10)},
                                      {"include_topic_operations", boolean, since(8)}};
constexpr Field kBroker[] = {{"node_id", int32, kAll},
                             {"host", string, kAll},
                             {"port", int32, kAll},
                             {"rack", string, since(1)}};
constexpr Field kKnownPartition[] = {{"error_code", int16, kAll},
                                     {"index", int32, kAll},
                                     {"leader_id", int32, kAll},
                                     {"leader_epoch", int32, since(7)},
                                     {"replicas", scalars, kAll, kNodes},
                                     {"isr", scalars, kAll, kNodes},
                                     {"offline", scalars, since(5), kNodes}};
constexpr Field kKnownTopic[] = {{"error_code", int16, kAll},
                                 {"name", string, kAll},
                                 {"topic_id", uuid, since(10)},
                                 {"internal", boolean, since(1)},
                                 {"partitions", list, kAll, kKnownPartition},
                                 {"operations", int32, since(8), {}, kNoOperations}};
constexpr Field kMetadataAnswer[] = {{"throttle_ms", int32, since(3)},
                                     {"brokers", list, kAll, kBroker},
                                     {"cluster_id", string, since(2)},
                                     {"controller_id", int32, since(1), {}, -1},
                                     {"topics", list, kAll, kKnownTopic},
                                     {"operations", int32, between(8, 10), {}, kNoOperations},
                                     {"request_error_code", int16, since(13)}};

constexpr Field kDescribeClusterRequest[] = {{"include_operations", boolean, kAll},
                                             {"endpoint_type", int8, since(1), {}, 1},
                                             {"include_fenced", boolean, since(2)}};
constexpr Field kDescribedBroker[] = {{"node_id", int32, kAll},
                                      {"host", string, kAll},
                                      {"port", int32, kAll},
                                      {"rack", string, kAll},
                                      {"fenced", boolean, since(2)}};
constexpr Field kDescribeClusterAnswer[] = {{"throttle_ms", int32, kAll},
                                            {"error_code", int16, kAll},
                                            {"error_message", string, kAll},
                                            {"endpoint_type", int8, since(1), {}, 1},
                                            {"cluster_id", string, kAll},
                                            {"controller_id", int32, kAll, {}, -1},
                                            {"brokers", list, kAll, kDescribedBroker},
                                            {"operations", int32, kAll, {}, kNoOperations}};

constexpr Field kAssignment[] = {{"index", int32, kAll}, {"brokers", scalars, kAll, kNodes}};
constexpr Field kConfig[] = {{"name", string, kAll}, {"value", string, kAll}};
constexpr Field kNewTopic[] = {{"name", string, kAll},
                               {"partition_count", int32, kAll},
                               {"replication_factor", int16, kAll},
                               {"assignments", list, kAll, kAssignment},
                               {"configs", list, kAll, kConfig}};
constexpr Field kCreateTopicsRequest[] = {{"topics", list, kAll, kNewTopic},
                                          {"timeout_ms", int32, kAll},
                                          {"validate_only", boolean, since(1)}};
constexpr Field kCreatedConfig[] = {{"name", string, kAll},
                                    {"value", string, kAll},
                                    {"read_only", boolean, kAll},
                                    {"source", int8, kAll},
                                    {"sensitive", boolean, kAll}};
constexpr Field kCreatedTopic[] = {{"name", string, kAll},
                                   {"topic_id", uuid, since(7)},
                                   {"error_code", int16, kAll},
                                   {"error_message", string, since(1)},
                                   {"created_partitions", int32, since(5), {}, -1},
                                   {"created_replication", int16, since(5), {}, -1},
                                   {"created_configs", list, since(5), kCreatedConfig, 0, true}};
constexpr Field kCreateTopicsAnswer[] = {{"throttle_ms", int32, since(2)},
                                         {"topics", list, kAll, kCreatedTopic}};

// --- offsets

constexpr Field kOffsetQuestion[] = {{"index", int32, kAll},
                                     {"current_leader_epoch", int32, since(4)},
                                     {"asked_timestamp", int64, kAll},
                                     {"max_offsets", int32, until(0)}};
constexpr Field kListOffsetsTopic[] = {{"name", string, kAll},
                                       {"partitions", list, kAll, kOffsetQuestion}};
constexpr Field kListOffsetsRequest[] = {{"replica_id", int32, kAll},
                                         {"isolation_level", int8, since(2)},
                                         {"topics", list, kAll, kListOffsetsTopic},
                                         {"timeout_ms", int32, since(10)}};
constexpr Field kOldOffset[] = {{"offset", int64, kAll}};
constexpr Field kListedPartition[] = {{"index", int32, kAll},
                                      {"error_code", int16, kAll},
                                      {"offsets", scalars, until(0), kOldOffset},
                                      {"timestamp", int64, since(1), {}, -1},
                                      {"offset", int64, since(1), {}, -1},
                                      {"leader_epoch", int32, since(4), {}, -1}};
constexpr Field kListedTopic[] = {{"name", string, kAll},
                                  {"partitions", list, kAll, kListedPartition}};
constexpr Field kListOffsetsAnswer[] = {{"throttle_ms", int32, since(2)},
                                        {"topics", list, kAll, kListedTopic}};

constexpr Field kCommitPartition[] = {{"index", int32, kAll},
                                      {"offset", int64, kAll},
                                      {"leader_epoch", int32, since(6)},
                                      {"commit_timestamp", int64, between(1, 1)},
                                      {"metadata", string, kAll}};
constexpr Field kCommitTopic[] = {{"name", string, until(9)},
                                  {"topic_id", uuid, since(10)},
                                  {"partitions", list, kAll, kCommitPartition}};
constexpr Field kOffsetCommitRequest[] = {{"group_id", string, kAll},
                                          {"generation_id", int32, since(1)},
                                          {"member_id", string, since(1)},
                                          {"group_instance_id", string, since(7)},
                                          {"retention_ms", int64, between(2, 4)},
                                          {"topics", list, kAll, kCommitTopic}};
constexpr Field kCommittedTopic[] = {{"name", string, until(9)},
                                     {"topic_id", uuid, since(10)},
                                     {"partitions", list, kAll, kIndexAndError}};
constexpr Field kOffsetCommitAnswer[] = {{"throttle_ms", int32, since(3)},
                                         {"topics", list, kAll, kCommittedTopic}};

constexpr Field kOffsetFetchTopic[] = {{"name", string, until(9)},
                                       {"topic_id", uuid, since(10)},
                                       {"partitions", scalars, kAll, kIndexOnly}};
constexpr Field kOffsetFetchGroup[] = {{"group_id", string, kAll},
                                       {"member_id", string, since(9)},
                                       {"member_epoch", int32, since(9)},
                                       {"topics", list, kAll, kOffsetFetchTopic}};
constexpr Field kOffsetFetchRequest[] = {{"group_id", string, until(7)},
                                         {"topics", list, until(7), kOffsetFetchTopic},
                                         {"groups", list, since(8), kOffsetFetchGroup},
                                         {"require_stable", boolean, since(7)}};
constexpr Field kFetchedOffset[] = {{"index", int32, kAll},
                                    {"committed_offset", int64, kAll, {}, -1},
                                    {"leader_epoch", int32, since(5), {}, -1},
                                    {"metadata", string, kAll},
                                    {"error_code", int16, kAll}};
constexpr Field kFetchedOffsets[] = {{"name", string, until(9)},
                                     {"topic_id", uuid, since(10)},
                                     {"partitions", list, kAll, kFetchedOffset}};
constexpr Field kFetchedGroup[] = {{"group_id", string, kAll},
                                   {"topics", list, kAll, kFetchedOffsets},
                                   {"error_code", int16, kAll}};
constexpr Field kOffsetFetchAnswer[] = {{"throttle_ms", int32, since(3)},
                                        {"topics", list, until(7), kFetchedOffsets},
                                        {"error_code", int16, between(2, 7)},
                                        {"groups", list, since(8), kFetchedGroup}};

// --- groups

constexpr Field kCoordinatorKey[] = {{"key", string, kAll}};
constexpr Field kFindCoordinatorRequest[] = {{"single_key", string, until(3)},
                                             {"key_type", int8, since(1)},
                                             {"coordinators", scalars, since(4), kCoordinatorKey}};
constexpr Field kCoordinator[] = {{"key", string, kAll},       {"node_id", int32, kAll, {}, -1},
                                  {"host", string, kAll},      {"port", int32, kAll, {}, -1},
                                  {"error_code", int16, kAll}, {"error_message", string, kAll}};
constexpr Field kFindCoordinatorAnswer[] = {{"throttle_ms", int32, since(1)},
                                            {"error_code", int16, until(3)},
                                            {"error_message", string, between(1, 3)},
                                            {"node_id", int32, until(3), {}, -1},
                                            {"host", string, until(3)},
                                            {"port", int32, until(3), {}, -1},
                                            {"coordinators", list, since(4), kCoordinator}};

constexpr Field kGroupProtocol[] = {{"name", string, kAll}, {"metadata", bytes, kAll}};
constexpr Field kJoinGroupRequest[] = {{"group_id", string, kAll},
                                       {"session_timeout_ms", int32, kAll},
                                       {"rebalance_timeout_ms", int32, since(1)},
                                       {"member_id", string, kAll},
                                       {"group_instance_id", string, since(5)},
                                       {"protocol_type", string, kAll},
                                       {"protocols", list, kAll, kGroupProtocol},
                                       {"reason", string, since(8)}};
constexpr Field kJoinedMember[] = {{"member_id", string, kAll},
                                   {"group_instance_id", string, since(5)},
                                   {"metadata", bytes, kAll}};
constexpr Field kJoinGroupAnswer[] = {
    {"throttle_ms", int32, since(2)},       {"error_code", int16, kAll},
    {"generation_id", int32, kAll, {}, -1}, {"protocol_type", string, since(7)},
    {"protocol_name", string, kAll},        {"leader", string, kAll},
    {"skip_assignment", boolean, since(9)}, {"member_id", string, kAll},
    {"members", list, kAll, kJoinedMember}};

constexpr Field kMemberAssignment[] = {{"member_id", string, kAll}, {"assignment", bytes, kAll}};
constexpr Field kSyncGroupRequest[] = {{"group_id", string, kAll},
                                       {"generation_id", int32, kAll},
                                       {"member_id", string, kAll},
                                       {"group_instance_id", string, since(3)},
                                       {"protocol_type", string, since(5)},
                                       {"protocol_name", string, since(5)},
                                       {"assignments", list, kAll, kMemberAssignment}};
constexpr Field kSyncGroupAnswer[] = {{"throttle_ms", int32, since(1)},
                                      {"error_code", int16, kAll},
                                      {"protocol_type", string, since(5)},
                                      {"protocol_name", string, since(5)},
                                      {"assignment", bytes, kAll}};

constexpr Field kHeartbeatRequest[] = {{"group_id", string, kAll},
                                       {"generation_id", int32, kAll},
                                       {"member_id", string, kAll},
                                       {"group_instance_id", string, since(3)}};
constexpr Field kPlainAnswer[] = {{"throttle_ms", int32, since(1)}, {"error_code", int16, kAll}};

constexpr Field kLeavingMember[] = {
    {"member_id", string, kAll}, {"group_instance_id", string, kAll}, {"reason", string, since(5)}};
constexpr Field kLeaveGroupRequest[] = {{"group_id", string, kAll},
                                        {"member_id", string, until(2)},
                                        {"members", list, since(3), kLeavingMember}};
constexpr Field kLeftMember[] = {
    {"member_id", string, kAll}, {"group_instance_id", string, kAll}, {"error_code", int16, kAll}};
constexpr Field kLeaveGroupAnswer[] = {{"throttle_ms", int32, since(1)},
                                       {"error_code", int16, kAll},
                                       {"members", list, since(3), kLeftMember}};

// --- transactions

constexpr Field kInitProducerIdRequest[] = {
    {"transactional_id", string, kAll},       {"timeout_ms", int32, kAll},
    {"producer_id", int64, since(3)},         {"producer_epoch", int16, since(3)},
    {"enable_two_phases", boolean, since(6)}, {"keep_prepared", boolean, since(6)}};
constexpr Field kInitProducerIdAnswer[] = {{"throttle_ms", int32, kAll},
                                           {"error_code", int16, kAll},
                                           {"new_producer_id", int64, kAll, {}, -1},
                                           {"new_producer_epoch", int16, kAll, {}, -1},
                                           {"ongoing_producer_id", int64, since(6), {}, -1},
                                           {"ongoing_producer_epoch", int16, since(6), {}, -1}};

constexpr Field kTransactionTopic[] = {{"name", string, kAll},
                                       {"partitions", scalars, kAll, kIndexOnly}};
constexpr Field kTransaction[] = {{"transactional_id", string, kAll},
                                  {"producer_id", int64, kAll},
                                  {"producer_epoch", int16, kAll},
                                  {"verify_only", boolean, kAll},
                                  {"topics", list, kAll, kTransactionTopic}};
constexpr Field kAddPartitionsRequest[] = {{"transactions", list, since(4), kTransaction},
                                           {"transactional_id", string, until(3)},
                                           {"producer_id", int64, until(3)},
                                           {"producer_epoch", int16, until(3)},
                                           {"topics", list, until(3), kTransactionTopic}};
constexpr Field kAddedTopic[] = {{"name", string, kAll},
                                 {"partitions", list, kAll, kIndexAndError}};
constexpr Field kAddedToTransaction[] = {{"transactional_id", string, kAll},
                                         {"topics", list, kAll, kAddedTopic}};
constexpr Field kAddPartitionsAnswer[] = {{"throttle_ms", int32, kAll},
                                          {"request_error_code", int16, since(4)},
                                          {"transactions", list, since(4), kAddedToTransaction},
                                          {"topics", list, until(3), kAddedTopic}};

constexpr Field kEndTxnRequest[] = {{"transactional_id", string, kAll},
                                    {"producer_id", int64, kAll},
                                    {"producer_epoch", int16, kAll},
                                    {"committed", boolean, kAll}};
constexpr Field kEndTxnAnswer[] = {{"throttle_ms", int32, kAll},
                                   {"error_code", int16, kAll},
                                   {"new_producer_id", int64, since(5), {}, -1},
                                   {"new_producer_epoch", int16, since(5), {}, -1}};

// --- ApiVersions

constexpr Field kApiVersionsRequest[] = {{"client_name", string, since(3)},
                                         {"client_version", string, since(3)}};
constexpr Field kApiVersion[] = {
    {"key", int16, kAll}, {"min_version", int16, kAll}, {"max_version", int16, kAll}};
constexpr Field kApiVersionsAnswer[] = {{"error_code", int16, kAll},
                                        {"apis", list, kAll, kApiVersion},
                                        {"throttle_ms", int32, since(1)}};

constexpr std::array kApis = {
    Api{kProduce, 13, 9, kProduceRequest, kProduceAnswer},
    Api{kFetch, 17, 12, kFetchRequest, kFetchAnswer},
    Api{kListOffsets, 10, 6, kListOffsetsRequest, kListOffsetsAnswer},
    Api{kMetadata, 13, 9, kMetadataRequest, kMetadataAnswer},
    Api{kOffsetCommit, 10, 8, kOffsetCommitRequest, kOffsetCommitAnswer},
    Api{kOffsetFetch, 10, 6, kOffsetFetchRequest, kOffsetFetchAnswer},
    Api{kFindCoordinator, 6, 3, kFindCoordinatorRequest, kFindCoordinatorAnswer},
    Api{kJoinGroup, 9, 6, kJoinGroupRequest, kJoinGroupAnswer},
    Api{kHeartbeat, 4, 4, kHeartbeatRequest, kPlainAnswer},
    Api{kLeaveGroup, 5, 4, kLeaveGroupRequest, kLeaveGroupAnswer},
    Api{kSyncGroup, 5, 4, kSyncGroupRequest, kSyncGroupAnswer},
    Api{kApiVersions, 4, 3, kApiVersionsRequest, kApiVersionsAnswer},
    Api{kCreateTopics, 7, 5, kCreateTopicsRequest, kCreateTopicsAnswer},
    Api{kInitProducerId, 6, 2, kInitProducerIdRequest, kInitProducerIdAnswer},
    Api{kAddPartitionsToTxn, 5, 3, kAddPartitionsRequest, kAddPartitionsAnswer},
    Api{kEndTxn, 5, 3, kEndTxnRequest, kEndTxnAnswer},
    Api{kDescribeCluster, 2, 0, kDescribeClusterRequest, kDescribeClusterAnswer},
};

}  // namespace

const Api* find_api(int16_t key) {
  auto found =
      std::find_if(kApis.begin(), kApis.end(), [&](const Api& api) { return api.key == key; });
  return found == kApis.end() ? nullptr : &*found;
}

}  // namespace mishap::protocols::kafka
