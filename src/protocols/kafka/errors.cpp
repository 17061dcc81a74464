#include "errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::protocols::kafka {
namespace {

struct KnownError {
  int16_t code;
  std::string_view name;
  std::string_view java;  ///< the exception's class without "Exception"
};

// kafka.apache.org/protocol, "Error Codes", and org.apache.kafka.common.protocol.Errors of 4.1;
// at the end names that are no longer used.
constexpr auto kErrors = std::to_array<KnownError>({
    {-1, "UNKNOWN_SERVER_ERROR", "UnknownServer"},
    {0, "NONE", ""},
    {1, "OFFSET_OUT_OF_RANGE", "OffsetOutOfRange"},
    {2, "CORRUPT_MESSAGE", "CorruptRecord"},
    {3, "UNKNOWN_TOPIC_OR_PARTITION", "UnknownTopicOrPartition"},
    {4, "INVALID_FETCH_SIZE", "InvalidFetchSize"},
    {5, "LEADER_NOT_AVAILABLE", "LeaderNotAvailable"},
    {6, "NOT_LEADER_OR_FOLLOWER", "NotLeaderOrFollower"},
    {7, "REQUEST_TIMED_OUT", "Timeout"},
    {8, "BROKER_NOT_AVAILABLE", "BrokerNotAvailable"},
    {9, "REPLICA_NOT_AVAILABLE", "ReplicaNotAvailable"},
    {10, "MESSAGE_TOO_LARGE", "RecordTooLarge"},
    {11, "STALE_CONTROLLER_EPOCH", "ControllerMoved"},
    {12, "OFFSET_METADATA_TOO_LARGE", "OffsetMetadataTooLarge"},
    {13, "NETWORK_EXCEPTION", "Network"},
    {14, "COORDINATOR_LOAD_IN_PROGRESS", "CoordinatorLoadInProgress"},
    {15, "COORDINATOR_NOT_AVAILABLE", "CoordinatorNotAvailable"},
    {16, "NOT_COORDINATOR", "NotCoordinator"},
    {17, "INVALID_TOPIC_EXCEPTION", "InvalidTopic"},
    {18, "RECORD_LIST_TOO_LARGE", "RecordBatchTooLarge"},
    {19, "NOT_ENOUGH_REPLICAS", "NotEnoughReplicas"},
    {20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NotEnoughReplicasAfterAppend"},
    {21, "INVALID_REQUIRED_ACKS", "InvalidRequiredAcks"},
    {22, "ILLEGAL_GENERATION", "IllegalGeneration"},
    {23, "INCONSISTENT_GROUP_PROTOCOL", "InconsistentGroupProtocol"},
    {24, "INVALID_GROUP_ID", "InvalidGroupId"},
    {25, "UNKNOWN_MEMBER_ID", "UnknownMemberId"},
    {26, "INVALID_SESSION_TIMEOUT", "InvalidSessionTimeout"},
    {27, "REBALANCE_IN_PROGRESS", "RebalanceInProgress"},
    {28, "INVALID_COMMIT_OFFSET_SIZE", "InvalidCommitOffsetSize"},
    {29, "TOPIC_AUTHORIZATION_FAILED", "TopicAuthorization"},
    {30, "GROUP_AUTHORIZATION_FAILED", "GroupAuthorization"},
    {31, "CLUSTER_AUTHORIZATION_FAILED", "ClusterAuthorization"},
    {32, "INVALID_TIMESTAMP", "InvalidTimestamp"},
    {33, "UNSUPPORTED_SASL_MECHANISM", "UnsupportedSaslMechanism"},
    {34, "ILLEGAL_SASL_STATE", "IllegalSaslState"},
    {35, "UNSUPPORTED_VERSION", "UnsupportedVersion"},
    {36, "TOPIC_ALREADY_EXISTS", "TopicExists"},
    {37, "INVALID_PARTITIONS", "InvalidPartitions"},
    {38, "INVALID_REPLICATION_FACTOR", "InvalidReplicationFactor"},
    {39, "INVALID_REPLICA_ASSIGNMENT", "InvalidReplicaAssignment"},
    {40, "INVALID_CONFIG", "InvalidConfiguration"},
    {41, "NOT_CONTROLLER", "NotController"},
    {42, "INVALID_REQUEST", "InvalidRequest"},
    {43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", "UnsupportedForMessageFormat"},
    {44, "POLICY_VIOLATION", "PolicyViolation"},
    {45, "OUT_OF_ORDER_SEQUENCE_NUMBER", "OutOfOrderSequence"},
    {46, "DUPLICATE_SEQUENCE_NUMBER", "DuplicateSequence"},
    {47, "INVALID_PRODUCER_EPOCH", "InvalidProducerEpoch"},
    {48, "INVALID_TXN_STATE", "InvalidTxnState"},
    {49, "INVALID_PRODUCER_ID_MAPPING", "InvalidPidMapping"},
    {50, "INVALID_TRANSACTION_TIMEOUT", "InvalidTxnTimeout"},
    {51, "CONCURRENT_TRANSACTIONS", "ConcurrentTransactions"},
    {52, "TRANSACTION_COORDINATOR_FENCED", "TransactionCoordinatorFenced"},
    {53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "TransactionalIdAuthorization"},
    {54, "SECURITY_DISABLED", "SecurityDisabled"},
    {55, "OPERATION_NOT_ATTEMPTED", "OperationNotAttempted"},
    {56, "KAFKA_STORAGE_ERROR", "KafkaStorage"},
    {57, "LOG_DIR_NOT_FOUND", "LogDirNotFound"},
    {58, "SASL_AUTHENTICATION_FAILED", "SaslAuthentication"},
    {59, "UNKNOWN_PRODUCER_ID", "UnknownProducerId"},
    {60, "REASSIGNMENT_IN_PROGRESS", "ReassignmentInProgress"},
    {61, "DELEGATION_TOKEN_AUTH_DISABLED", "DelegationTokenDisabled"},
    {62, "DELEGATION_TOKEN_NOT_FOUND", "DelegationTokenNotFound"},
    {63, "DELEGATION_TOKEN_OWNER_MISMATCH", "DelegationTokenOwnerMismatch"},
    {64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", "UnsupportedByAuthentication"},
    {65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", "DelegationTokenAuthorization"},
    {66, "DELEGATION_TOKEN_EXPIRED", "DelegationTokenExpired"},
    {67, "INVALID_PRINCIPAL_TYPE", "InvalidPrincipalType"},
    {68, "NON_EMPTY_GROUP", "GroupNotEmpty"},
    {69, "GROUP_ID_NOT_FOUND", "GroupIdNotFound"},
    {70, "FETCH_SESSION_ID_NOT_FOUND", "FetchSessionIdNotFound"},
    {71, "INVALID_FETCH_SESSION_EPOCH", "InvalidFetchSessionEpoch"},
    {72, "LISTENER_NOT_FOUND", "ListenerNotFound"},
    {73, "TOPIC_DELETION_DISABLED", "TopicDeletionDisabled"},
    {74, "FENCED_LEADER_EPOCH", "FencedLeaderEpoch"},
    {75, "UNKNOWN_LEADER_EPOCH", "UnknownLeaderEpoch"},
    {76, "UNSUPPORTED_COMPRESSION_TYPE", "UnsupportedCompressionType"},
    {77, "STALE_BROKER_EPOCH", "StaleBrokerEpoch"},
    {78, "OFFSET_NOT_AVAILABLE", "OffsetNotAvailable"},
    {79, "MEMBER_ID_REQUIRED", "MemberIdRequired"},
    {80, "PREFERRED_LEADER_NOT_AVAILABLE", "PreferredLeaderNotAvailable"},
    {81, "GROUP_MAX_SIZE_REACHED", "GroupMaxSizeReached"},
    {82, "FENCED_INSTANCE_ID", "FencedInstanceId"},
    {83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", "EligibleLeadersNotAvailable"},
    {84, "ELECTION_NOT_NEEDED", "ElectionNotNeeded"},
    {85, "NO_REASSIGNMENT_IN_PROGRESS", "NoReassignmentInProgress"},
    {86, "GROUP_SUBSCRIBED_TO_TOPIC", "GroupSubscribedToTopic"},
    {87, "INVALID_RECORD", "InvalidRecord"},
    {88, "UNSTABLE_OFFSET_COMMIT", "UnstableOffsetCommit"},
    {89, "THROTTLING_QUOTA_EXCEEDED", "ThrottlingQuotaExceeded"},
    {90, "PRODUCER_FENCED", "ProducerFenced"},
    {91, "RESOURCE_NOT_FOUND", "ResourceNotFound"},
    {92, "DUPLICATE_RESOURCE", "DuplicateResource"},
    {93, "UNACCEPTABLE_CREDENTIAL", "UnacceptableCredential"},
    {94, "INCONSISTENT_VOTER_SET", "InconsistentVoterSet"},
    {95, "INVALID_UPDATE_VERSION", "InvalidUpdateVersion"},
    {96, "FEATURE_UPDATE_FAILED", "FeatureUpdateFailed"},
    {97, "PRINCIPAL_DESERIALIZATION_FAILURE", "PrincipalDeserialization"},
    {98, "SNAPSHOT_NOT_FOUND", "SnapshotNotFound"},
    {99, "POSITION_OUT_OF_RANGE", "PositionOutOfRange"},
    {100, "UNKNOWN_TOPIC_ID", "UnknownTopicId"},
    {101, "DUPLICATE_BROKER_REGISTRATION", "DuplicateBrokerRegistration"},
    {102, "BROKER_ID_NOT_REGISTERED", "BrokerIdNotRegistered"},
    {103, "INCONSISTENT_TOPIC_ID", "InconsistentTopicId"},
    {104, "INCONSISTENT_CLUSTER_ID", "InconsistentClusterId"},
    {105, "TRANSACTIONAL_ID_NOT_FOUND", "TransactionalIdNotFound"},
    {106, "FETCH_SESSION_TOPIC_ID_ERROR", "FetchSessionTopicId"},
    {107, "INELIGIBLE_REPLICA", "IneligibleReplica"},
    {108, "NEW_LEADER_ELECTED", "NewLeaderElected"},
    {109, "OFFSET_MOVED_TO_TIERED_STORAGE", "OffsetMovedToTieredStorage"},
    {110, "FENCED_MEMBER_EPOCH", "FencedMemberEpoch"},
    {111, "UNRELEASED_INSTANCE_ID", "UnreleasedInstanceId"},
    {112, "UNSUPPORTED_ASSIGNOR", "UnsupportedAssignor"},
    {113, "STALE_MEMBER_EPOCH", "StaleMemberEpoch"},
    {114, "MISMATCHED_ENDPOINT_TYPE", "MismatchedEndpointType"},
    {115, "UNSUPPORTED_ENDPOINT_TYPE", "UnsupportedEndpointType"},
    {116, "UNKNOWN_CONTROLLER_ID", "UnknownControllerId"},
    {117, "UNKNOWN_SUBSCRIPTION_ID", "UnknownSubscriptionId"},
    {118, "TELEMETRY_TOO_LARGE", "TelemetryTooLarge"},
    {119, "INVALID_REGISTRATION", "InvalidRegistration"},
    {120, "TRANSACTION_ABORTABLE", "TransactionAbortable"},
    {121, "INVALID_RECORD_STATE", "InvalidRecordState"},
    {122, "SHARE_SESSION_NOT_FOUND", "ShareSessionNotFound"},
    {123, "INVALID_SHARE_SESSION_EPOCH", "InvalidShareSessionEpoch"},
    {124, "FENCED_STATE_EPOCH", "FencedStateEpoch"},
    {125, "INVALID_VOTER_KEY", "InvalidVoterKey"},
    {126, "DUPLICATE_VOTER", "DuplicateVoter"},
    {127, "VOTER_NOT_FOUND", "VoterNotFound"},
    {128, "INVALID_REGULAR_EXPRESSION", "InvalidRegularExpression"},
    {129, "REBOOTSTRAP_REQUIRED", "RebootstrapRequired"},
    {130, "STREAMS_INVALID_TOPOLOGY", "StreamsInvalidTopology"},
    {131, "STREAMS_INVALID_TOPOLOGY_EPOCH", "StreamsInvalidTopologyEpoch"},
    {132, "STREAMS_TOPOLOGY_FENCED", "StreamsTopologyFenced"},
    {133, "SHARE_SESSION_LIMIT_REACHED", "ShareSessionLimitReached"},
    {-1, "UNKNOWN", "Unknown"},
    {6, "NOT_LEADER_FOR_PARTITION", "NotLeaderForPartition"},
    {14, "GROUP_LOAD_IN_PROGRESS", "GroupLoadInProgress"},
    {15, "GROUP_COORDINATOR_NOT_AVAILABLE", "GroupCoordinatorNotAvailable"},
    {16, "NOT_COORDINATOR_FOR_GROUP", "NotCoordinatorForGroup"},
    {10, "MESSAGE_SIZE_TOO_LARGE", "MessageSizeTooLarge"},
});

constexpr std::array kProduceAndFetch = {kProduce, kFetch};
constexpr std::array kProduceFetchMetadata = {kProduce, kFetch, kMetadata};
constexpr std::array kProduceMetadata = {kProduce, kMetadata};
constexpr std::array kOfProduce = {kProduce};
constexpr std::array kOfFetch = {kFetch};
constexpr std::array kOfTopics = {kCreateTopics};
constexpr std::array kOfTransactions = {kInitProducerId, kAddPartitionsToTxn, kEndTxn};
constexpr std::array kMembers = {kSyncGroup, kHeartbeat, kOffsetCommit};
constexpr std::array kJoinedMembers = {kJoinGroup, kSyncGroup, kHeartbeat, kOffsetCommit};
constexpr std::array kLoading = {kJoinGroup, kSyncGroup, kOffsetCommit, kOffsetFetch};
constexpr std::array kNoCoordinator = {kFindCoordinator, kJoinGroup, kSyncGroup, kHeartbeat,
                                       kOffsetCommit};
constexpr std::array kOtherCoordinator = {kJoinGroup,    kSyncGroup,   kHeartbeat,
                                          kOffsetCommit, kOffsetFetch, kLeaveGroup};
constexpr std::array kWholeGroup = {kFindCoordinator, kJoinGroup,    kSyncGroup,
                                    kHeartbeat,       kOffsetCommit, kOffsetFetch};

bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<int16_t> whole_number(std::string_view text) {
  int16_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// A class name, or a symbolic name in capitals; common words such as "timeout" name nothing.
std::optional<int16_t> named_by(std::string_view word, bool any_case) {
  std::string symbol = any_case ? to_upper(word) : std::string(word);
  bool exception = word.ends_with("Exception");
  std::string_view java = exception ? word.substr(0, word.size() - 9) : word;
  for (const KnownError& known : kErrors) {
    if (symbol == known.name ||
        (!known.java.empty() && (exception || any_case) && java == known.java)) {
      // "NONE" and "UNKNOWN" are words of everyday messages.
      if (!any_case && (known.name == "NONE" || known.name == "UNKNOWN")) continue;
      return known.code;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string error_name(int16_t code) {
  auto found = std::find_if(kErrors.begin(), kErrors.end(),
                            [&](const KnownError& known) { return known.code == code; });
  return found == kErrors.end() ? std::to_string(code) : std::string(found->name);
}

std::optional<int16_t> parse_error_code(std::string_view text) {
  if (auto number = whole_number(text)) return number;
  size_t package = text.rfind('.');
  if (package != std::string_view::npos) text.remove_prefix(package + 1);
  return named_by(text, true);
}

std::optional<int16_t> error_code_in(std::string_view message) {
  constexpr std::string_view kMark = "(error code ";
  if (size_t at = message.find(kMark); at != std::string_view::npos) {
    std::string_view rest = message.substr(at + kMark.size());
    if (auto number = whole_number(rest.substr(0, rest.find(')')))) return number;
  }
  for (size_t at = 0; at < message.size();) {
    size_t end = at;
    while (end < message.size() && word_character(message[end])) ++end;
    if (auto code = named_by(message.substr(at, end - at), false)) return code;
    at = end + 1;
  }
  std::string lower = to_lower(message);
  constexpr int16_t kThrottled = 89;
  if (lower.find("quota") != std::string::npos || lower.find("overload") != std::string::npos)
    return kThrottled;
  return std::nullopt;
}

int16_t error_code_of(const fault::ProtocolRule& rule) {
  auto code = rule.code.empty() ? error_code_in(rule.message) : parse_error_code(rule.code);
  return code.value_or(kUnknownServerError);
}

std::span<const ApiKey> apis_of_error(int16_t code) {
  switch (code) {
    case 1:  // OFFSET_OUT_OF_RANGE
      return kOfFetch;
    case 3:  // UNKNOWN_TOPIC_OR_PARTITION
      return kProduceFetchMetadata;
    case 5:  // LEADER_NOT_AVAILABLE
      return kProduceMetadata;
    case 7:   // REQUEST_TIMED_OUT
    case 10:  // MESSAGE_TOO_LARGE
    case 18:  // RECORD_LIST_TOO_LARGE
    case 19:  // NOT_ENOUGH_REPLICAS
    case 20:  // NOT_ENOUGH_REPLICAS_AFTER_APPEND
    case 21:  // INVALID_REQUIRED_ACKS
    case 32:  // INVALID_TIMESTAMP
    case 45:  // OUT_OF_ORDER_SEQUENCE_NUMBER
    case 46:  // DUPLICATE_SEQUENCE_NUMBER
    case 47:  // INVALID_PRODUCER_EPOCH
    case 59:  // UNKNOWN_PRODUCER_ID
    case 87:  // INVALID_RECORD
    case 89:  // THROTTLING_QUOTA_EXCEEDED
      return kOfProduce;
    case 14:  // COORDINATOR_LOAD_IN_PROGRESS
      return kLoading;
    case 15:  // COORDINATOR_NOT_AVAILABLE
      return kNoCoordinator;
    case 16:  // NOT_COORDINATOR
      return kOtherCoordinator;
    case 22:  // ILLEGAL_GENERATION
    case 27:  // REBALANCE_IN_PROGRESS
      return kMembers;
    case 25:  // UNKNOWN_MEMBER_ID
    case 82:  // FENCED_INSTANCE_ID
      return kJoinedMembers;
    case 24:  // INVALID_GROUP_ID
    case 30:  // GROUP_AUTHORIZATION_FAILED
      return kWholeGroup;
    case 36:  // TOPIC_ALREADY_EXISTS
    case 37:  // INVALID_PARTITIONS
    case 38:  // INVALID_REPLICATION_FACTOR
    case 41:  // NOT_CONTROLLER
    case 44:  // POLICY_VIOLATION
      return kOfTopics;
    case 48:  // INVALID_TXN_STATE
    case 51:  // CONCURRENT_TRANSACTIONS
    case 53:  // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    case 90:  // PRODUCER_FENCED
      return kOfTransactions;
    default:
      return kProduceAndFetch;
  }
}

Result<void> check_rule(const fault::ProtocolRule& rule) {
  if (!rule.code.empty() && !parse_error_code(rule.code)) {
    std::vector<std::string> names;
    names.reserve(kErrors.size());
    for (const KnownError& known : kErrors) names.emplace_back(known.name);
    return fail(
        fmt::format("\"{}\" is no error code of Kafka: it is a number, a name such as "
                    "\"NOT_LEADER_OR_FOLLOWER\" "
                    "or an exception such as \"NotLeaderOrFollowerException\"{}",
                    rule.code, did_you_mean(to_upper(rule.code), names)));
  }
  if (!rule.code.empty() && parse_error_code(rule.code) == 0)
    return fail(fmt::format("code=\"{}\" is Kafka's code for success", rule.code));
  auto op = rule.matchers.find("method");
  if (op == rule.matchers.end() || op->second.empty() || op->second.find('*') != std::string::npos)
    return {};
  auto api = api_of_name(op->second);
  if (!api) {
    return fail(
        fmt::format("\"{}\" is no api of Kafka: op= takes \"produce\", \"fetch\" or another api's "
                    "name, such as "
                    "\"join_group\"",
                    op->second));
  }
  if (rule.action == fault::ProtocolAction::duplicate && *api != kProduce)
    return fail(fmt::format("op=\"{}\": only what is produced can be duplicated", op->second));
  if (rule.action == fault::ProtocolAction::error && find_api(*api) == nullptr) {
    std::vector<std::string> names;
    for (int16_t key = 0; key < kApiCount; ++key) {
      if (find_api(key) != nullptr) names.push_back(api_name(key));
    }
    return fail(fmt::format("op=\"{}\": no answer to it can be made up, only to {}", op->second,
                            join(names, ", ")));
  }
  return {};
}

}  // namespace mishap::protocols::kafka
