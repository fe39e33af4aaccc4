// Processor models: what CPUID, the MSRs and the reset state say, and which features exist. One row each.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "cpu/feature.h"
#include "support/result.h"

namespace gnomon {

inline constexpr std::string_view kVendorIntel = "GenuineIntel", kVendorAmd = "AuthenticAMD";

struct CpuModel {
    std::string_view name;  ///< as the user writes it: "pentium-mmx"
    std::string_view description;
    std::string_view vendor;                 ///< 12 characters for CPUID leaf 0
    u8 family = 3, model = 0, stepping = 0;  ///< the displayed values: extended fields are worked out
    std::string_view brand = {};             ///< leaves 80000002–4; empty: not there
    std::string_view hypervisor = "GnomonGnomon";  ///< leaf 40000000, where the feature is there
    FeatureSet features = {};
    std::array<u8, 15> cache_descriptors{};  ///< leaf 2, in the order EAX bytes 1–3, EBX, ECX, EDX; 0 ends
    struct Cache {
        u8 type = 0;  ///< leaf 4: 1 data, 2 instruction, 3 unified; 0 ends the list
        u8 level = 0;
        u32 ways = 0;
        u32 line = 0;
        u32 sets = 0;
    };
    std::array<Cache, 4> caches{};
    u8 highest_leaf = 0;    ///< CPUID leaf 0 EAX, if it is more than what the features need
    u8 physical_bits = 32;  ///< MAXPHYADDR
    u64 microcode = 0;      ///< IA32_BIOS_SIGN_ID after an update was loaded
    u8 cores = 1;           ///< of the package, where CPUID tells of them (several_cores()); the machine says how many

    /// Processors of these models can be cores of one package; several older ones are packages of their own.
    [[nodiscard]] bool several_cores() const { return features.has(Feature::HTT) || features.has(Feature::X2APIC); }

    /// Family, model and stepping as in CPUID leaf 1 EAX; also EDX after reset.
    [[nodiscard]] constexpr u32 signature() const {
        const u32 base_family = family > 15 ? 15 : family;
        const u32 extended_family = family > 15 ? family - 15u : 0;
        return extended_family << 20 | (model >> 4 & 15u) << 16 | base_family << 8 | (model & 15u) << 4 |
               stepping;
    }
};

/// All models; the default is `default_model()`.
[[nodiscard]] std::span<const CpuModel> cpu_models();
[[nodiscard]] const CpuModel& default_model();
/// Null if there is none of that name.
[[nodiscard]] const CpuModel* find_model(std::string_view name);
/// "pentium" or "p3,+sse2,-pae". Errors name the nearest model or feature. Features that need others are
/// checked.
[[nodiscard]] Result<CpuModel> parse_model(std::string_view spec);
/// For `--cpu help`: one line per model, then the feature names.
[[nodiscard]] std::string describe_models();

[[nodiscard]] std::string_view feature_name(Feature feature);

}  // namespace gnomon
