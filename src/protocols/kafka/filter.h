// The Kafka filter: full duplex, with a queue of the answers that the client is still owed.
//
// A broker answers the requests of a connection in their order. So each request that was forwarded
// or answered by a rule takes a place in the queue, and an answer of ours is sent when its place is
// first. A request for several topics of which rules concern some is split: the broker gets the
// rest, and its answer gets what rules say of the others.
//
// What is always done, with or without rules, so that a rule that comes later works:
//  - the versions that a broker offers are lowered to those that are understood (the answer to
//    ApiVersions keeps its length);
//  - the names of topic ids are remembered.
// While there are rules, fetch sessions are not: a fetch of a session does not name the topics that
// have not changed, so the client is told that its session is gone, and begins none.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/traffic/filter.h"

#include "request.h"
#include "topic_names.h"

namespace mishap::protocols::kafka {

class KafkaFilter final : public traffic::Filter {
 public:
  /// `names` is shared with the other connections' filters.
  explicit KafkaFilter(std::shared_ptr<TopicNames> names) : names_(std::move(names)) {}

  void on_bytes(traffic::Direction direction, std::string_view bytes, traffic::Sink& sink) override;
  void on_eof(traffic::Direction direction, traffic::Sink& sink) override;
  void on_timer(uint64_t token, traffic::Sink& sink) override;

 private:
  enum class Kind {
    pass,     ///< the broker's answer, as it comes
    learn,    ///< the same, and a copy of it is read
    lower,    ///< to ApiVersions: held until it is whole, and changed
    merge,    ///< the broker's, with `topics` added
    patch,    ///< to Metadata or Fetch: changed by `errors` and by rules about its topics
    swallow,  ///< the broker's, which is kept from the client
    lookup,   ///< to a Metadata of our own, which the client does not see
    made_up,  ///< `frame`
    close,    ///< the connection ends here
  };
  struct Owed {
    Kind kind = Kind::pass;
    int16_t api = 0;
    int16_t version = 0;
    int32_t correlation = 0;
    std::string frame;
    std::vector<Value> topics;
    std::shared_ptr<const void> lender;     ///< what `topics` borrow from; shared with nobody else
    std::map<std::string, int16_t> errors;  ///< by the topic's name; "" is all topics
    bool ask_topics = false;                ///< rules are asked for each topic of the answer
    bool judged = false;                    ///< rules were asked when the request came
    bool from_broker() const { return kind != Kind::made_up && kind != Kind::close; }
  };
  /// What rules decided about a request; of its topics, or of the whole.
  struct Judgement {
    Nanoseconds delay{0};
    std::optional<fault::ProtocolRule> whole;
    std::vector<std::optional<fault::ProtocolRule>> topics;
    std::vector<size_t> duplicated;  ///< places of topics
  };
  struct Held {
    Request request;
    Judgement judgement;
    bool unnamed =
        false;  ///< not judged yet: it waits for the names of its topics, not for a timer
  };
  /// What of a request is held up against a rule.
  struct Candidate {
    int16_t api = 0;
    std::string plain_name;  ///< plain_api_name of the api
    bool understood = true;
    std::optional<std::string> topic;
    bool idempotent = false;
    bool answered = false;  ///< it cannot be held or kept from the broker any more
  };

  // filter.cpp: the two streams.
  size_t read_requests(std::string_view input, traffic::Sink& sink);
  enum class Seen { wait, forward, taken };
  Seen see_request(std::string_view input, size_t size, traffic::Sink& sink);
  void resume_requests(traffic::Sink& sink);
  void finish_requests(traffic::Sink& sink);
  void pass_requests(std::string_view reason, traffic::Sink& sink);
  void read_answers(std::string_view bytes, traffic::Sink& sink);
  bool begin_answer(traffic::Sink& sink);
  void end_answer(traffic::Sink& sink);
  void serve_front(traffic::Sink& sink);
  void lose_track(std::string_view reason, traffic::Sink& sink);
  void owe(const RequestHeader& header, Kind kind);
  Kind kind_for(const RequestHeader& header, bool rules) const;

  // verdicts.cpp: what rules decide.
  void take_request(Request request, traffic::Sink& sink);
  bool look_up_names(const Request& request, traffic::Sink& sink);
  void take_named(Request request, traffic::Sink& sink);
  Judgement judge(const Request& request, traffic::Sink& sink);
  fault::ProtocolDecision ask(const Candidate& candidate, traffic::Sink& sink);
  bool matches(const fault::ProtocolRule& rule, const Candidate& candidate) const;
  static Nanoseconds patience(const Request& request, const Judgement& judgement);

  // answers.cpp: what becomes of requests and answers.
  void carry_out(Held held, traffic::Sink& sink);
  void carry_out_whole(const Held& held, traffic::Sink& sink);
  void carry_out_topics(Held held, traffic::Sink& sink);
  void forward(const Request& request, std::string_view frame, Kind kind, traffic::Sink& sink);
  Value topic_answer(const Request& request, size_t topic, const fault::ProtocolRule& rule);
  std::string changed_answer(Owed& owed, std::string frame, traffic::Sink& sink);
  void patch_topics(Owed& owed, std::vector<Value>& topics, traffic::Sink& sink);
  void learn(const Owed& owed, std::string_view frame);

  std::shared_ptr<TopicNames> names_;

  // From the client.
  std::string input_;        ///< bytes not done with yet
  size_t request_left_ = 0;  ///< of a request that passes as it comes
  std::optional<Held> held_;
  bool client_eof_ = false;
  bool requests_pass_ = false;
  bool silent_ = false;  ///< a request was dropped that has no answer: no later one has, either

  // From the broker.
  std::string answer_;      ///< of the answer that comes: its beginning, or all of it that is kept
  size_t answer_left_ = 0;  ///< bytes of it still to come, once its beginning was read
  bool answers_pass_ = false;
  bool server_eof_ = false;

  // The conversation.
  std::deque<Owed> owed_;
  std::set<std::string> asked_ids_;              ///< of topics whose names were asked for
  std::map<std::string, int64_t> last_offsets_;  ///< topic and partition → offset last given
  bool ended_ = false;
  bool eof_to_client_ = false;
};

}  // namespace mishap::protocols::kafka
