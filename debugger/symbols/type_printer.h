// Types and values as C writes them.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "debugger/symbols/type_model.h"

namespace gnomon {

/// Reads guest memory at a linear address; false if a byte is not mapped.
using MemoryReader = std::function<bool(u64 address, std::span<u8> out)>;

struct ValueFormat {
    bool hexadecimal = false;  ///< integers too, not only pointers
    unsigned max_elements = 64;
    unsigned pointer_size = 8;
    /// "<name+offset>" behind a pointer; may be empty.
    std::function<std::string(u64)> name_of;
};

/// "struct task *", "char [16]".
[[nodiscard]] std::string type_name(TypeSource& types, TypeId id);
/// A declaration: "unsigned char name[16]".
[[nodiscard]] std::string declaration(TypeSource& types, TypeId id, const std::string& name);
/// The layout of a structure, union or enumeration with offsets and sizes; other types in a line.
[[nodiscard]] std::string describe_type(TypeSource& types, TypeId id);
/// The value at `address`; "<not mapped>" where memory cannot be read.
[[nodiscard]] std::string print_value(TypeSource& types, TypeId id, u64 address, const MemoryReader& read,
                                      const ValueFormat& format);
/// Typedefs taken away.
[[nodiscard]] TypeId strip_typedefs(TypeSource& types, TypeId id);
/// In bytes, typedefs and arrays followed.
[[nodiscard]] u64 size_of(TypeSource& types, TypeId id, unsigned pointer_size);

}  // namespace gnomon
