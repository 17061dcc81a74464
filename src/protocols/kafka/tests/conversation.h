// Requests and answers for the tests, made from values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apis.h"

namespace mishap::protocols::kafka::testing {

using Partitions = std::vector<int32_t>;
struct AskedTopic {
  std::string name;  ///< or the 16 bytes of an id, where a version has ids
  Partitions partitions{0};
  std::string records = "records";
};
using Topics = std::vector<AskedTopic>;

/// An id of 16 bytes that are all `c`.
inline std::string topic_id(char c) { return std::string(16, c); }

/// Sets a field that the schema has in some version.
inline Value& at(Schema schema, Value& structure, std::string_view name) {
  return *find(schema, structure, name);
}

/// A list's element for each topic, in a request or in an answer.
inline std::vector<Value> topic_items(Schema schema, const Topics& topics, int16_t error = 0,
                                      int64_t offset = 0) {
  std::vector<Value> out;
  for (const AskedTopic& topic : topics) {
    Value item = absent_structure(schema);
    bool id = topic.name.size() == 16;
    if (Value* field = find(schema, item, id ? "topic_id" : "name")) field->text = topic.name;
    Schema of_partition = elements_of(schema, "partitions");
    for (int32_t index : topic.partitions) {
      Value partition = absent_structure(of_partition);
      at(of_partition, partition, "index").number = index;
      if (Value* records = find(of_partition, partition, "records")) records->text = topic.records;
      if (Value* code = find(of_partition, partition, "error_code")) code->number = error;
      if (Value* base = find(of_partition, partition, "base_offset")) base->number = offset;
      at(schema, item, "partitions").items.push_back(partition);
    }
    out.push_back(std::move(item));
  }
  return out;
}

inline std::string produce(int16_t version, int32_t correlation, const Topics& topics,
                           int16_t acks = -1) {
  const Api& api = *find_api(kProduce);
  Value body = absent_structure(api.request);
  at(api.request, body, "transactional_id").null = true;
  at(api.request, body, "acks").number = acks;
  at(api.request, body, "topics").items = topic_items(elements_of(api.request, "topics"), topics);
  return make_request(api, version, correlation, "client", body);
}
inline std::string produced(int16_t version, int32_t correlation, const Topics& topics,
                            int16_t error = 0, int64_t offset = 0) {
  const Api& api = *find_api(kProduce);
  Value body = absent_structure(api.answer);
  auto& list = at(api.answer, body, "topics").items;
  Schema schema = elements_of(api.answer, "topics");
  list = topic_items(schema, topics, error, offset);
  for (Value& topic : list) {
    for (Value& partition : at(schema, topic, "partitions").items)
      at(elements_of(schema, "partitions"), partition, "error_message").null = true;
  }
  return make_answer(api, version, correlation, body);
}

struct FetchOptions {
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  int32_t max_wait_ms = 0;
  int32_t replica_id = -1;
};
inline std::string fetch(int16_t version, int32_t correlation, const Topics& topics,
                         FetchOptions options = {}) {
  const Api& api = *find_api(kFetch);
  Value body = absent_structure(api.request);
  at(api.request, body, "replica_id").number = options.replica_id;
  at(api.request, body, "max_wait_ms").number = options.max_wait_ms;
  at(api.request, body, "fetch_session_id").number = options.session_id;
  at(api.request, body, "fetch_session_epoch").number = options.session_epoch;
  at(api.request, body, "topics").items = topic_items(elements_of(api.request, "topics"), topics);
  return make_request(api, version, correlation, "client", body);
}
/// `records` of each topic are what was found.
inline std::string fetched(int16_t version, int32_t correlation, const Topics& topics,
                           int16_t error = 0, int16_t session_error = 0) {
  const Api& api = *find_api(kFetch);
  Value body = absent_structure(api.answer);
  at(api.answer, body, "session_error_code").number = session_error;
  at(api.answer, body, "topics").items =
      topic_items(elements_of(api.answer, "topics"), topics, error);
  return make_answer(api, version, correlation, body);
}

inline std::string metadata(int16_t version, int32_t correlation,
                            const std::vector<std::string>& topics) {
  const Api& api = *find_api(kMetadata);
  Value body = absent_structure(api.request);
  Value& list = at(api.request, body, "topics");
  list.null = topics.empty() && version > 0;
  for (const std::string& name : topics) {
    Value topic = absent_structure(elements_of(api.request, "topics"));
    at(elements_of(api.request, "topics"), topic, "name").text = name;
    list.items.push_back(topic);
  }
  return make_request(api, version, correlation, "client", body);
}
/// One broker that is the controller and leads every partition.
inline std::string described(int16_t version, int32_t correlation,
                             const std::vector<std::pair<std::string, std::string>>& topics,
                             int16_t error = 0) {
  const Api& api = *find_api(kMetadata);
  Value body = absent_structure(api.answer);
  Value broker = absent_structure(elements_of(api.answer, "brokers"));
  at(elements_of(api.answer, "brokers"), broker, "host").text = "kafka";
  at(elements_of(api.answer, "brokers"), broker, "port").number = 9092;
  at(elements_of(api.answer, "brokers"), broker, "rack").null = true;
  at(api.answer, body, "brokers").items.push_back(broker);
  at(api.answer, body, "cluster_id").text = "c";
  at(api.answer, body, "controller_id").number = 0;
  Schema schema = elements_of(api.answer, "topics");
  for (const auto& [name, id] : topics) {
    Value topic = absent_structure(schema);
    at(schema, topic, "error_code").number = error;
    at(schema, topic, "name").text = name;
    at(schema, topic, "topic_id").text = id;
    if (error == 0) {
      at(schema, topic, "partitions")
          .items.push_back(absent_structure(elements_of(schema, "partitions")));
    }
    at(api.answer, body, "topics").items.push_back(topic);
  }
  return make_answer(api, version, correlation, body);
}

/// A request with nothing in its body but a group, where it has one.
inline std::string plain_request(ApiKey key, int16_t version, int32_t correlation) {
  const Api& api = *find_api(key);
  return make_request(api, version, correlation, "client", absent_structure(api.request));
}
inline std::string plain_answer(ApiKey key, int16_t version, int32_t correlation, int16_t error) {
  const Api& api = *find_api(key);
  Value body = absent_structure(api.answer);
  if (Value* code = find(api.answer, body, "error_code")) code->number = error;
  return make_answer(api, version, correlation, body);
}

struct Offered {
  int16_t key, first, last;
};
inline std::string api_versions(int16_t version, int32_t correlation,
                                const std::vector<Offered>& apis, int16_t error = 0) {
  const Api& api = *find_api(kApiVersions);
  Value body = absent_structure(api.answer);
  at(api.answer, body, "error_code").number = error;
  Schema schema = elements_of(api.answer, "apis");
  for (const Offered& offered : apis) {
    Value item = absent_structure(schema);
    at(schema, item, "key").number = offered.key;
    at(schema, item, "min_version").number = offered.first;
    at(schema, item, "max_version").number = offered.last;
    at(api.answer, body, "apis").items.push_back(item);
  }
  return make_answer(api, version, correlation, body);
}

/// A record batch (version 2) with this producer id, empty otherwise.
inline std::string batch(int64_t producer_id) {
  std::string out(61, '\0');
  out[16] = 2;
  for (int i = 0; i < 8; ++i)
    out[43 + i] = static_cast<char>(static_cast<uint64_t>(producer_id) >> (8 * (7 - i)) & 0xff);
  return out;
}

}  // namespace mishap::protocols::kafka::testing
