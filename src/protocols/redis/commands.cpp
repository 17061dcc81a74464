#include "commands.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "mishap/base/text.h"

namespace mishap::protocols::redis {
namespace {

enum class Keys {
  none,
  range,           ///< from `first` to `last` (negative: from the end) in steps of `step`
  counted,         ///< the number of keys at `first`, the keys behind it
  stored_counted,  ///< a key at 1, then as `counted`
  streams,         ///< behind STREAMS, the first half of the rest
};
struct Spec {
  std::string_view name;
  Keys keys = Keys::none;
  int first = 0, last = 0, step = 1;
};

// Commands with a single key as first argument are the default and not listed.
constexpr std::array kSpecs = {
    Spec{"ACL"},
    Spec{"ASKING"},
    Spec{"AUTH"},
    Spec{"BGREWRITEAOF"},
    Spec{"BGSAVE"},
    Spec{"CLIENT"},
    Spec{"CLUSTER"},
    Spec{"COMMAND"},
    Spec{"CONFIG"},
    Spec{"DBSIZE"},
    Spec{"DEBUG"},
    Spec{"DISCARD"},
    Spec{"ECHO"},
    Spec{"EXEC"},
    Spec{"FAILOVER"},
    Spec{"FLUSHALL"},
    Spec{"FLUSHDB"},
    Spec{"FUNCTION"},
    Spec{"HELLO"},
    Spec{"INFO"},
    Spec{"KEYS"},
    Spec{"LASTSAVE"},
    Spec{"LATENCY"},
    Spec{"LOLWUT"},
    Spec{"MODULE"},
    Spec{"MONITOR"},
    Spec{"MULTI"},
    Spec{"PING"},
    Spec{"PSUBSCRIBE"},
    Spec{"PSYNC"},
    Spec{"PUBLISH"},
    Spec{"PUBSUB"},
    Spec{"PUNSUBSCRIBE"},
    Spec{"QUIT"},
    Spec{"RANDOMKEY"},
    Spec{"READONLY"},
    Spec{"READWRITE"},
    Spec{"REPLCONF"},
    Spec{"REPLICAOF"},
    Spec{"RESET"},
    Spec{"ROLE"},
    Spec{"SAVE"},
    Spec{"SCAN"},
    Spec{"SCRIPT"},
    Spec{"SELECT"},
    Spec{"SHUTDOWN"},
    Spec{"SLAVEOF"},
    Spec{"SLOWLOG"},
    Spec{"SPUBLISH"},
    Spec{"SSUBSCRIBE"},
    Spec{"SUBSCRIBE"},
    Spec{"SUNSUBSCRIBE"},
    Spec{"SWAPDB"},
    Spec{"SYNC"},
    Spec{"TIME"},
    Spec{"UNSUBSCRIBE"},
    Spec{"UNWATCH"},
    Spec{"WAIT"},
    Spec{"WAITAOF"},
    Spec{"DEL", Keys::range, 1, -1},
    Spec{"UNLINK", Keys::range, 1, -1},
    Spec{"EXISTS", Keys::range, 1, -1},
    Spec{"TOUCH", Keys::range, 1, -1},
    Spec{"MGET", Keys::range, 1, -1},
    Spec{"WATCH", Keys::range, 1, -1},
    Spec{"PFCOUNT", Keys::range, 1, -1},
    Spec{"PFMERGE", Keys::range, 1, -1},
    Spec{"SDIFF", Keys::range, 1, -1},
    Spec{"SINTER", Keys::range, 1, -1},
    Spec{"SUNION", Keys::range, 1, -1},
    Spec{"SDIFFSTORE", Keys::range, 1, -1},
    Spec{"SINTERSTORE", Keys::range, 1, -1},
    Spec{"SUNIONSTORE", Keys::range, 1, -1},
    Spec{"MSET", Keys::range, 1, -1, 2},
    Spec{"MSETNX", Keys::range, 1, -1, 2},
    Spec{"BLPOP", Keys::range, 1, -2},
    Spec{"BRPOP", Keys::range, 1, -2},
    Spec{"BZPOPMIN", Keys::range, 1, -2},
    Spec{"BZPOPMAX", Keys::range, 1, -2},
    Spec{"RENAME", Keys::range, 1, 2},
    Spec{"RENAMENX", Keys::range, 1, 2},
    Spec{"COPY", Keys::range, 1, 2},
    Spec{"SMOVE", Keys::range, 1, 2},
    Spec{"RPOPLPUSH", Keys::range, 1, 2},
    Spec{"BRPOPLPUSH", Keys::range, 1, 2},
    Spec{"LMOVE", Keys::range, 1, 2},
    Spec{"BLMOVE", Keys::range, 1, 2},
    Spec{"LCS", Keys::range, 1, 2},
    Spec{"GEOSEARCHSTORE", Keys::range, 1, 2},
    Spec{"ZRANGESTORE", Keys::range, 1, 2},
    Spec{"BITOP", Keys::range, 2, -1},
    Spec{"OBJECT", Keys::range, 2, 2},
    Spec{"MEMORY", Keys::range, 2, 2},
    Spec{"XINFO", Keys::range, 2, 2},
    Spec{"XGROUP", Keys::range, 2, 2},
    Spec{"MIGRATE", Keys::range, 3, 3},
    Spec{"EVAL", Keys::counted, 2},
    Spec{"EVALSHA", Keys::counted, 2},
    Spec{"EVAL_RO", Keys::counted, 2},
    Spec{"EVALSHA_RO", Keys::counted, 2},
    Spec{"FCALL", Keys::counted, 2},
    Spec{"FCALL_RO", Keys::counted, 2},
    Spec{"BLMPOP", Keys::counted, 2},
    Spec{"BZMPOP", Keys::counted, 2},
    Spec{"LMPOP", Keys::counted, 1},
    Spec{"ZMPOP", Keys::counted, 1},
    Spec{"SINTERCARD", Keys::counted, 1},
    Spec{"ZINTERCARD", Keys::counted, 1},
    Spec{"ZDIFF", Keys::counted, 1},
    Spec{"ZINTER", Keys::counted, 1},
    Spec{"ZUNION", Keys::counted, 1},
    Spec{"ZDIFFSTORE", Keys::stored_counted, 2},
    Spec{"ZINTERSTORE", Keys::stored_counted, 2},
    Spec{"ZUNIONSTORE", Keys::stored_counted, 2},
    Spec{"XREAD", Keys::streams},
    Spec{"XREADGROUP", Keys::streams},
};

void add_counted(const std::vector<std::string>& arguments, size_t at, std::vector<size_t>& out) {
  if (at >= arguments.size()) return;
  const std::string& text = arguments[at];
  size_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  for (size_t i = at + 1; i < arguments.size() && count > 0; ++i, --count) out.push_back(i);
}

void add_streams(const std::vector<std::string>& arguments, std::vector<size_t>& out) {
  auto word = std::find_if(arguments.begin() + 1, arguments.end(),
                           [](const std::string& a) { return to_upper(a) == "STREAMS"; });
  if (word == arguments.end()) return;
  size_t from = static_cast<size_t>(word - arguments.begin()) + 1;
  for (size_t i = from; i < from + (arguments.size() - from) / 2; ++i) out.push_back(i);
}

}  // namespace

std::vector<size_t> key_positions(const std::vector<std::string>& arguments) {
  std::vector<size_t> out;
  if (arguments.size() < 2) return out;
  std::string name = to_upper(arguments[0]);
  auto spec = std::find_if(kSpecs.begin(), kSpecs.end(),
                           [&](const Spec& candidate) { return candidate.name == name; });
  if (spec == kSpecs.end()) return {1};
  switch (spec->keys) {
    case Keys::none:
      break;
    case Keys::range: {
      auto size = static_cast<int>(arguments.size());
      int last = spec->last < 0 ? size + spec->last : std::min(spec->last, size - 1);
      for (int i = spec->first; i <= last; i += spec->step) out.push_back(static_cast<size_t>(i));
      break;
    }
    case Keys::stored_counted:
      out.push_back(1);
      [[fallthrough]];
    case Keys::counted:
      add_counted(arguments, static_cast<size_t>(spec->first), out);
      break;
    case Keys::streams:
      add_streams(arguments, out);
      break;
  }
  return out;
}

bool is_setup_command(std::string_view upper_name) {
  constexpr std::array<std::string_view, 8> kNames = {"HELLO", "AUTH",    "SELECT", "CLIENT",
                                                      "PING",  "COMMAND", "QUIT",   "RESET"};
  return std::find(kNames.begin(), kNames.end(), upper_name) != kNames.end();
}

}  // namespace mishap::protocols::redis
