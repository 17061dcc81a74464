// librdkafka, loaded by the first step that needs it.
#pragma once

#include <librdkafka/rdkafka.h>

#include "mishap/base/result.h"

namespace mishap::protocols::kafka {

// clang-format off: it never settles on a list of macros.
#define MISHAP_RDKAFKA_FUNCTIONS(X) \
  X(rd_kafka_conf_new) X(rd_kafka_conf_destroy) X(rd_kafka_conf_set) \
  X(rd_kafka_conf_set_opaque) X(rd_kafka_conf_set_resolve_cb) X(rd_kafka_conf_set_dr_msg_cb) \
  X(rd_kafka_conf_set_error_cb) X(rd_kafka_conf_set_log_cb) X(rd_kafka_new) \
  X(rd_kafka_opaque) X(rd_kafka_destroy_flags) X(rd_kafka_poll) X(rd_kafka_poll_set_consumer) \
  X(rd_kafka_consumer_poll) X(rd_kafka_consumer_close) X(rd_kafka_message_destroy) \
  X(rd_kafka_message_timestamp) X(rd_kafka_message_headers) X(rd_kafka_header_get_all) \
  X(rd_kafka_producev) X(rd_kafka_err2str) X(rd_kafka_topic_partition_list_new) \
  X(rd_kafka_topic_partition_list_destroy) X(rd_kafka_topic_partition_list_add) \
  X(rd_kafka_assign) X(rd_kafka_incremental_assign) X(rd_kafka_subscribe) X(rd_kafka_assignment) \
  X(rd_kafka_commit_message) X(rd_kafka_metadata) X(rd_kafka_metadata_destroy) \
  X(rd_kafka_topic_new) X(rd_kafka_topic_destroy) X(rd_kafka_topic_name) \
  X(rd_kafka_query_watermark_offsets) X(rd_kafka_error_string) X(rd_kafka_error_destroy)
// clang-format on

/// The functions we use, under their own names.
struct Rdkafka {
// NOLINTNEXTLINE(bugprone-macro-parentheses): g++ warns of a declared name in parentheses
#define MISHAP_RDKAFKA_MEMBER(name) decltype(&::name) name = nullptr;
  MISHAP_RDKAFKA_FUNCTIONS(MISHAP_RDKAFKA_MEMBER)
#undef MISHAP_RDKAFKA_MEMBER
};

/// The library, loaded once and never unloaded; any thread.
/// Error: `the Kafka client library could not be loaded (apt install librdkafka1): …`.
Result<const Rdkafka*> load_rdkafka();

}  // namespace mishap::protocols::kafka
