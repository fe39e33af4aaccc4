// Types of a program as its debugging information describes them: enough to print values and declarations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/types.h"

namespace gnomon {

enum class TypeKind : u8 {
    Void,
    Integer,
    Unsigned,
    Boolean,
    Character,
    Float,
    Pointer,
    Array,
    Struct,
    Union,
    Enumeration,
    Function,
    Typedef
};

/// Names a type of a TypeSource; 0 is void.
using TypeId = u64;

struct Type {
    struct Member {
        std::string name;  ///< empty: an anonymous structure or union
        TypeId type = 0;
        u64 offset = 0;           ///< bytes from the start of the structure
        unsigned bit_size = 0;    ///< 0: no bit field
        unsigned bit_offset = 0;  ///< of a bit field: from the least significant bit of the value at `offset`
    };
    struct Enumerator {
        std::string name;
        i64 value = 0;
    };

    TypeKind kind = TypeKind::Void;
    std::string name;  ///< "unsigned int", "task"; empty for pointers, arrays and what is anonymous
    u64 size = 0;
    TypeId target = 0;            ///< of a pointer, array (element), typedef; result of a function
    std::vector<u64> dimensions;  ///< of an array; 0: open
    std::vector<Member> members;
    std::vector<Enumerator> enumerators;
    bool qualified_const = false;
    bool complete = true;  ///< false: only declared
};

struct Variable {
    u64 address = 0;
    TypeId type = 0;
};

/// Where types come from.
class TypeSource {
  public:
    virtual ~TypeSource() = default;
    [[nodiscard]] virtual const Type& type(TypeId id) = 0;
    /// By the name as C writes it: "struct task", "task_t", "unsigned int"; "task" is also taken for a
    /// structure.
    [[nodiscard]] virtual std::optional<TypeId> find_type(std::string_view name) = 0;
    [[nodiscard]] virtual std::optional<Variable> find_variable(std::string_view name) = 0;
};

}  // namespace gnomon
