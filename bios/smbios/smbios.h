// The board's SMBIOS structures as files for fw_cfg. Firmware places them and puts the one about itself (type
// 0) before them. DMTF DSP0134 2.8, "System Management BIOS Reference Specification".
#pragma once

#include <string>
#include <vector>

#include "support/types.h"

namespace gnomon {

struct SmbiosBoard {
    // The processors, as CPUID shows them; empty texts where there is no such leaf.
    std::string vendor, brand;
    u32 signature = 0;  ///< leaf 1 EAX
    u32 features = 0;   ///< leaf 1 EDX
    unsigned megahertz = 0;
    unsigned packages = 1;  ///< a type 4 structure each
    unsigned cores = 1;     ///< of a package, one thread each
    bool long_mode = false;
    // RAM from 0 and from 4 GiB.
    u64 low_ram = 0, high_ram = 0;
};

struct SmbiosFiles {
    static constexpr const char* kAnchorName = "etc/smbios/smbios-anchor";
    static constexpr const char* kTablesName = "etc/smbios/smbios-tables";
    /// The entry point structure of version 2.1 and later, 31 bytes; its table address and the checksums are
    /// 0.
    std::vector<u8> anchor;
    std::vector<u8> tables;
};

[[nodiscard]] SmbiosFiles build_smbios(const SmbiosBoard& board);

}  // namespace gnomon
