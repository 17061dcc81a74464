#include "kafka_release.h"

#include <fmt/format.h>

#include "mishap/base/check.h"
#include "mishap/base/text.h"

#include "kafka_artefacts.h"
#include "prepared.h"

namespace mishap::engine {
namespace {

constexpr size_t kChecksumDigits = 64;

Result<KafkaArtefact> parse_line(std::string_view line) {
  std::vector<std::string> words;
  for (std::string_view word : split(line, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  const size_t colon = words.empty() ? std::string::npos : words.front().find(':');
  const bool whole = words.size() == 3 && colon != std::string::npos && colon > 0 &&
                     colon + 1 < words.front().size() && words[2].size() == kChecksumDigits &&
                     words[2].find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!whole) return fail("not \"group:artefact version sha256\"");
  return KafkaArtefact{words[0].substr(0, colon), words[0].substr(colon + 1), words[1], words[2]};
}

}  // namespace

std::string_view kafka_artefact_list() { return kKafkaArtefactText; }

Result<std::vector<KafkaArtefact>> parse_artefacts(std::string_view text) {
  std::vector<KafkaArtefact> artefacts;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.starts_with("#")) continue;
    auto artefact = parse_line(line);
    if (!artefact) return fail(std::move(artefact).error().context(fmt::format("line {}", number)));
    artefacts.push_back(std::move(*artefact));
  }
  return artefacts;
}

const std::vector<KafkaArtefact>& kafka_artefacts() {
  static const std::vector<KafkaArtefact> artefacts = [] {
    auto parsed = parse_artefacts(kafka_artefact_list());
    MISHAP_CHECK(parsed.has_value());
    return std::move(*parsed);
  }();
  return artefacts;
}

const std::string& kafka_release() {
  static const std::string version = [] {
    for (const KafkaArtefact& artefact : kafka_artefacts()) {
      if (artefact.name.starts_with("kafka_2.")) return artefact.version;
    }
    return std::string();
  }();
  return version;
}

std::string kafka_release_key() {
  constexpr size_t kEnoughDigits = 8;
  return kafka_release() + "-" +
         CacheKey().add(kafka_artefact_list()).text().substr(0, kEnoughDigits);
}

std::filesystem::path provisioned_kafka(const std::filesystem::path& cache) {
  return cache / "kafka" / kafka_release_key() / "data" / "libs";
}

}  // namespace mishap::engine
