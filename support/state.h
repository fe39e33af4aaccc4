// Guest-visible state: each part has one aggregate `struct State` with `template <class V> void fields(V& v)` that
// calls v("name", member) for every member. Save, load, print and diff are visitors over that one list.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

/// A tree of named values: what a snapshot holds.
struct StateNode {
    enum class Kind : u8 { Integer, Bytes, List, Map };

    Kind kind = Kind::Map;
    u64 integer = 0;
    std::vector<u8> bytes;                                 ///< also text
    std::vector<StateNode> list;
    std::vector<std::pair<std::string, StateNode>> map;    ///< in the order of the fields

    [[nodiscard]] const StateNode* find(std::string_view name) const;
    StateNode& add(std::string name) { return map.emplace_back(std::move(name), StateNode{}).second; }
    bool operator==(const StateNode&) const = default;
};

namespace detail {

struct AnyValue {
    template <class T>
    constexpr operator T() const;  // never defined: only for counting
};

template <class T, size_t... I>
constexpr bool initialisable(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), AnyValue{})...}; };
}

template <class T, size_t N = 96>
constexpr size_t member_count() {
    if constexpr (N == 0 || initialisable<T>(std::make_index_sequence<N>{}))
        return N;
    else
        return member_count<T, N - 1>();
}

struct CountingVisitor {
    size_t count = 0;
    template <class M>
    constexpr void operator()(std::string_view, M&) {
        count++;
    }
};

template <class T>
struct IsAddress : std::false_type {};
template <class S>
struct IsAddress<Address<S>> : std::true_type {};
template <class T>
struct IsArray : std::false_type {};
template <class E, size_t N>
struct IsArray<std::array<E, N>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class E, class A>
struct IsVector<std::vector<E, A>> : std::true_type {};

}  // namespace detail

/// True when fields() lists as many members as the aggregate has. Use: static_assert(every_field_listed<State>());
template <class T>
constexpr bool every_field_listed() {
    T state{};
    detail::CountingVisitor counter;
    state.fields(counter);
    return counter.count == detail::member_count<T>();
}

template <class T>
StateNode save_value(const T& value);
template <class T>
Result<void> load_value(const StateNode& node, T& value);

namespace detail {

struct SaveVisitor {
    StateNode node;
    template <class M>
    void operator()(std::string_view name, M& member) {
        node.map.emplace_back(std::string(name), save_value(member));
    }
};

struct LoadVisitor {
    const StateNode& node;
    Result<void> result;
    template <class M>
    void operator()(std::string_view name, M& member) {
        if (!result) return;
        const StateNode* found = node.find(name);
        if (!found) {
            result = fail("field '{}' is missing", name);
            return;
        }
        if (Result<void> loaded = load_value(*found, member); !loaded) result = loaded.error().in(name);
    }
};

}  // namespace detail

template <class T>
StateNode save_value(const T& value) {
    StateNode node;
    if constexpr (detail::IsAddress<T>::value) {
        node.kind = StateNode::Kind::Integer;
        node.integer = value.value;
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        node.kind = StateNode::Kind::Integer;
        node.integer = static_cast<u64>(value);
    } else if constexpr (std::is_same_v<T, double>) {
        node.kind = StateNode::Kind::Integer;
        std::memcpy(&node.integer, &value, sizeof value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        node.kind = StateNode::Kind::Bytes;
        node.bytes.assign(value.begin(), value.end());
    } else if constexpr (detail::IsArray<T>::value || detail::IsVector<T>::value) {
        if constexpr (std::is_same_v<typename T::value_type, u8>) {
            node.kind = StateNode::Kind::Bytes;
            node.bytes.assign(value.begin(), value.end());
        } else {
            node.kind = StateNode::Kind::List;
            for (const auto& element : value) node.list.push_back(save_value(element));
        }
    } else {
        detail::SaveVisitor visitor;
        const_cast<T&>(value).fields(visitor);
        node = std::move(visitor.node);
    }
    return node;
}

template <class T>
Result<void> load_value(const StateNode& node, T& value) {
    if constexpr (detail::IsAddress<T>::value) {
        return load_value(node, value.value);
    } else if constexpr (std::is_same_v<T, bool>) {
        if (node.kind != StateNode::Kind::Integer || node.integer > 1) return fail("is not a truth value");
        value = node.integer != 0;
    } else if constexpr (std::is_enum_v<T>) {
        auto number = static_cast<std::underlying_type_t<T>>(value);
        if (Result<void> loaded = load_value(node, number); !loaded) return loaded;
        value = static_cast<T>(number);
    } else if constexpr (std::is_integral_v<T>) {
        if (node.kind != StateNode::Kind::Integer) return fail("is not a number");
        if (static_cast<u64>(static_cast<T>(node.integer)) != node.integer)
            return fail("the number {:#x} does not fit", node.integer);
        value = static_cast<T>(node.integer);
    } else if constexpr (std::is_same_v<T, double>) {
        if (node.kind != StateNode::Kind::Integer) return fail("is not a number");
        std::memcpy(&value, &node.integer, sizeof value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (node.kind != StateNode::Kind::Bytes) return fail("is not text");
        value.assign(node.bytes.begin(), node.bytes.end());
    } else if constexpr (detail::IsArray<T>::value || detail::IsVector<T>::value) {
        if constexpr (std::is_same_v<typename T::value_type, u8>) {
            if (node.kind != StateNode::Kind::Bytes) return fail("is not a run of bytes");
            if constexpr (detail::IsVector<T>::value) {
                value = node.bytes;
            } else {
                if (node.bytes.size() != value.size())
                    return fail("has {} bytes instead of {}", node.bytes.size(), value.size());
                std::copy(node.bytes.begin(), node.bytes.end(), value.begin());
            }
        } else {
            if (node.kind != StateNode::Kind::List) return fail("is not a list");
            if constexpr (detail::IsVector<T>::value)
                value.resize(node.list.size());
            else if (node.list.size() != value.size())
                return fail("has {} elements instead of {}", node.list.size(), value.size());
            for (size_t i = 0; i < node.list.size(); i++) {
                typename T::value_type element = value[i];
                if (Result<void> loaded = load_value(node.list[i], element); !loaded)
                    return loaded.error().in(fmt::format("[{}]", i));
                value[i] = element;
            }
        }
    } else {
        if (node.kind != StateNode::Kind::Map) return fail("is not a structure");
        detail::LoadVisitor visitor{node, {}};
        value.fields(visitor);
        return visitor.result;
    }
    return {};
}

/// A part of the machine that has state. Parts are named uniquely within a machine ("pit", "ide.primary").
class StatePart {
  public:
    using Install = std::function<void()>;

    virtual ~StatePart() = default;
    [[nodiscard]] virtual std::string_view state_name() const = 0;
    [[nodiscard]] virtual StateNode save_state() const = 0;
    /// Reads `node` completely without changing the part; the returned function, which cannot fail, installs it.
    virtual Result<Install> load_state(const StateNode& node) = 0;
};

/// The usual body of load_state: reads a T, then hands it to `install` when the whole snapshot is good.
template <class T, class F>
Result<StatePart::Install> prepare_state(const StateNode& node, F install) {
    T fresh{};
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    return StatePart::Install([state = std::move(fresh), install = std::move(install)]() mutable { install(std::move(state)); });
}

/// One line per value, "name.field = 0x1f".
[[nodiscard]] std::string print_state(const StateNode& node, std::string_view name = {});
/// Lines of what differs, "name.field: a -> b"; empty when equal.
[[nodiscard]] std::string diff_state(const StateNode& a, const StateNode& b, std::string_view name = {});
/// Little-endian binary form and back; decoding checks every length.
[[nodiscard]] std::vector<u8> encode_state(const StateNode& node);
[[nodiscard]] Result<StateNode> decode_state(std::span<const u8> bytes);

}  // namespace gnomon
