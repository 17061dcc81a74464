// A request that was read whole, the topics it is about, and answers to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apis.h"
#include "message.h"
#include "topic_names.h"

namespace mishap::protocols::kafka {

/// Owns the bytes that its values borrow.
class Request {
 public:
  /// `frame` is whole, its size included, and has the fixed part of a header at least.
  explicit Request(std::string frame);

  const std::string& frame() const { return *frame_; }
  const RequestHeader& header() const { return header_; }
  /// Null: the body is not understood (an api or a version without a schema, or it does not fit).
  const Api* api() const { return api_; }
  bool flexible() const { return api_->flexible(header_.version); }
  const Value& body() const { return body_; }

  /// A number of the body; `absent` when this version has no such field.
  int64_t number(std::string_view field, int64_t absent) const;
  /// Sets a number; `frame` follows.
  void set_number(std::string_view field, int64_t value);

  /// The elements of its list of topics; null when it has none to be split by.
  const std::vector<Value>* topics() const;
  /// Of one of them; "" when only an id is given and nobody knows it.
  std::string topic_name(const Value& topic, const TopicNames& names) const;
  /// The request for some of its topics.
  std::string frame_for(const std::vector<size_t>& topics) const;

  /// An answer with this code wherever answers of this api have one, for all it asks.
  Value answer(int16_t code, std::string_view message) const;
  /// The same for one of its topics: an element of the answer's list of topics.
  Value topic_answer(size_t topic, int16_t code, std::string_view message) const;
  /// A whole answer for these topics (elements of `topic_answer`), and `code` where the answer as a
  /// whole has one.
  Value answer_with(std::vector<Value> topics, int16_t code) const;
  std::string encode(const Value& answer) const;
  /// Whether the client is answered at all (not if it produces with acks=0).
  bool wants_answer() const;
  /// Of a Produce: whether batches for this topic come from an idempotent producer, so that the
  /// broker knows a second copy.
  bool is_idempotent(const Value& topic) const;

 private:
  std::unique_ptr<const std::string> frame_;
  RequestHeader header_;
  const Api* api_ = nullptr;
  Value body_;
};

/// The acks of a Produce whose frame has begun to come. Nothing: more bytes are needed.
std::optional<int16_t> acks_of(const Api& produce, const RequestHeader& header,
                               std::string_view after_header);

}  // namespace mishap::protocols::kafka
