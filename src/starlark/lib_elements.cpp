// Walks over strings and bytes: elems, elem_ords, codepoints, codepoint_ords. Strings themselves
// cannot be iterated.
#include <fmt/format.h>

#include "mishap/starlark/thread.h"

#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

enum class Elements { kElems, kElemOrds, kCodepoints, kCodepointOrds, kBytes };

struct ElementsInfo {
  std::string_view type;
  std::string_view method;
  bool by_byte;
};

ElementsInfo info(Elements elements) {
  switch (elements) {
    case Elements::kElems:
      return {"string.elems", "elems", true};
    case Elements::kElemOrds:
      return {"string.elems", "elem_ords", true};
    case Elements::kCodepoints:
      return {"string.codepoints", "codepoints", false};
    case Elements::kCodepointOrds:
      return {"string.codepoints", "codepoint_ords", false};
    case Elements::kBytes:
      return {"bytes.elems", "elems", true};
  }
  return {};
}

// The element that begins at `at`, and how far it goes.
Value element_at(Heap& heap, std::string_view text, size_t at, Elements elements, size_t& width) {
  width = 1;
  switch (elements) {
    case Elements::kElems:
      return heap.string(text.substr(at, 1));
    case Elements::kElemOrds:
    case Elements::kBytes:
      return Value::integer(static_cast<unsigned char>(text[at]));
    case Elements::kCodepoints:
    case Elements::kCodepointOrds:
      break;
  }
  const Rune rune = decode_rune(text.substr(at));
  width = rune.width;
  if (elements == Elements::kCodepointOrds) return Value::integer(rune.value);
  return heap.string(rune_text(rune.value));
}

class ElementsIterator final : public HostIterator {
 public:
  ElementsIterator(Value source, Elements elements)
      : source_(std::move(source)), elements_(elements) {}

  Result<Value> next(Thread& thread) override {
    const std::string_view text = source_.text();
    if (at_ >= text.size()) return Value();
    size_t width = 0;
    Value element = element_at(thread.heap(), text, at_, elements_, width);
    at_ += width;
    return element;
  }

 private:
  Value source_;
  Elements elements_;
  size_t at_ = 0;
};

class ElementsView final : public HostObject {
 public:
  ElementsView(Value source, Elements elements) : source_(std::move(source)), elements_(elements) {}

  std::string_view type_name() const override { return info(elements_).type; }

  void append_repr(std::string& out) const override {
    starlark::append_repr(out, source_);
    out.append(".").append(info(elements_).method).append("()");
  }

  Result<uint64_t> hash() const override {
    return fail(fmt::format("unhashable: {}", type_name()));
  }
  bool iterable() const override { return true; }

  std::unique_ptr<HostIterator> iterate(Thread&) override {
    return std::make_unique<ElementsIterator>(source_, elements_);
  }

  std::optional<int64_t> length() const override {
    if (!info(elements_).by_byte) return std::nullopt;
    return static_cast<int64_t>(source_.text().size());
  }

  Result<Value> index(Thread& thread, const Value& key) override {
    if (!info(elements_).by_byte) return Value();
    MISHAP_ASSIGN(int64_t at, to_int64(key));
    const std::string_view text = source_.text();
    const int64_t asked = at;
    if (at < 0) at += static_cast<int64_t>(text.size());
    if (at < 0 || at >= static_cast<int64_t>(text.size())) {
      return fail(out_of_range(type_name(), asked, text.size()));
    }
    size_t width = 0;
    return element_at(thread.heap(), text, static_cast<size_t>(at), elements_, width);
  }

  void visit_children(const ValueVisitor& visit) override { visit(source_); }

 private:
  Value source_;
  Elements elements_;
};

void add_view(Library& library, Kind kind, Elements elements) {
  library.method(kind, Signature(std::string(info(elements).method)),
                 [elements](CallContext& call) -> Result<Value> {
                   return call.heap().make<ElementsView>(call.receiver(), elements);
                 });
}

}  // namespace

void install_string_elements(Library& library) {
  for (const auto elements :
       {Elements::kElems, Elements::kElemOrds, Elements::kCodepoints, Elements::kCodepointOrds}) {
    add_view(library, Kind::kString, elements);
  }
}

void install_bytes(Library& library) { add_view(library, Kind::kBytes, Elements::kBytes); }

}  // namespace mishap::starlark
