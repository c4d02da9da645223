#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Internal to this room: sets of words as one regex, and back.
namespace intelwall::rules {

/// Appends a regex that matches exactly `words` (sorted by bytes, none twice, at least one; of [a-z0-9_.-]): their
/// trie, written forward, so that a name leaves it at the first byte that no word has there. Branches with the same
/// rest are one, by a class. Where the trie fans out first, the branch is found by halving rather than one by one.
void append_words_regex(std::string& out, std::span<const std::string_view> words);

/// `text` so that a regex matches it as it is.
void append_escaped(std::string& out, std::string_view text);

/// The words of a regex as append_words_regex() writes it; false when it is none, or has more than `limit` words.
bool read_words_regex(std::string_view regex, std::size_t limit, std::vector<std::string>& words);

}  // namespace intelwall::rules
