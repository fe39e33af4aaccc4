// Decoder: any bytes, any mode. The length is at most 15 and does not depend on what follows; a decoder that
// is given less asks for more.
#include "cpu/decode.h"
#include "cpu/model.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned) { return {}; }

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    if (size < 2) return 0;
    const auto models = cpu_models();
    const FeatureSet& features = models[data[0] % models.size()].features;
    const u32 mode = data[1] & 1 ? mode::kCode32 : 0;
    u8 bytes[15] = {};
    std::memcpy(bytes, data + 2, std::min<size_t>(15, size - 2));
    Decoded d;
    const DecodeStatus status = decode(bytes, 15, mode, features, d);
    fuzz::require(status != DecodeStatus::NeedMore, "asks for more than 15 bytes");
    if (status != DecodeStatus::Ok) return 0;
    fuzz::require(d.length >= 1 && d.length <= 15 && d.row, "impossible length");
    const Decoded whole = d;
    fuzz::require(
        decode(bytes, whole.length, mode, features, d) == DecodeStatus::Ok && d.length == whole.length,
        "needs bytes after its end");
    for (unsigned available = 0; available < whole.length; available++)
        fuzz::require(decode(bytes, available, mode, features, d) == DecodeStatus::NeedMore,
                      "content with too little");
    for (unsigned at = whole.length; at < 15; at++) bytes[at] ^= 0xff;
    fuzz::require(decode(bytes, 15, mode, features, d) == DecodeStatus::Ok && d.length == whole.length &&
                      d.row == whole.row,
                  "depends on what follows");
    return 0;
}
