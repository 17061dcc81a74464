// JSON to messages, as steps and made-up answers are given it.
#pragma once

#include <string>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/fault/rule.h"

#include "types.h"

namespace mishap::protocols::grpc {

/// Text is JSON, too: `body='{"id": 1}'`. Null, "" and blanks are an empty dict. Error: `body is no
/// JSON: …`.
Result<Json> body_json(const Json* body);

/// The messages that a call sends. A dict is a stream of one. Errors begin with `body: `.
Result<std::vector<std::string>> question_messages(const Method& method, const Json& body);

/// The messages, as they are sent, that `response(…)` answers with. Errors: what is missing to know
/// their type, a body that is none of it; for the spec's author.
Result<std::string> answer_messages(const fault::ProtocolRule& rule);

}  // namespace mishap::protocols::grpc
