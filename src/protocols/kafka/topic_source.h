// The event source `topic`: a topic's messages, from the first one on.
#pragma once

#include <memory>

#include "mishap/protocols/kafka/topic_reader.h"
#include "mishap/traffic/follower.h"

namespace mishap::protocols::kafka {

Result<std::unique_ptr<traffic::Follower>> follow_topic(traffic::FollowRequest request);

/// A message as an event of `service`. The decoder's fields stand beside `topic`, `partition`,
/// `offset`, `key` and `value` (the message's text), which win over fields of these names; the
/// event's typed value is what the decoder made of the whole.
event::Draft draft_of(const std::string& service, const TopicMessage& message,
                      const event::Decoder* decoder);

}  // namespace mishap::protocols::kafka
